/** What is wrong with types and units comes with a fix wherever one thing was surely meant, and the fix mends it. */
import { expect, test } from 'vitest';
import type { Fix } from '../finding.js';
import { compile, policyText as p } from '../testing/kit.js';

const near = 'param near: set of string = ["a"]\n';
const technique = (argument: string): string =>
    `technique q(most: duration) = precopy { downtime most; after 5 min: abort }\n${p(`using q(most: ${argument})`)}`;

test.each([
    // Unlike dimensions
    [p('move vms where vm.dirty_rate > 100 MiB'), 'MIG202'],
    [p('move vms where vm.memory > 4 GiB/s'), 'MIG202'],
    [p('move vms where vm.memory + 2 > 4 GiB'), 'MIG202'],
    [p('move vms where vm.cpu > 0.9'), 'MIG202'],
    [p('move vms where vm.cpu > 90'), 'MIG202'],
    [p('move vms where "pinned" contains vm.tags'), 'MIG202'],
    [`${near}${p('to hosts where host.zone == near')}`, 'MIG202'],
    [`${near}${p('to hosts where near != host.zone')}`, 'MIG202'],
    [p('bandwidth { total 100 MiB }'), 'MIG203'],
    ['param uplink: rate = 3 GiB', 'MIG203'],
    ['param uplink: rate = 3', 'MIG203'],
    [technique('3'), 'MIG203'],
    // Bits and bytes, decimal and binary
    [p('bandwidth { total 8 Gbps }'), 'MIG201'],
    [p('bandwidth { total 8 gbit/s }'), 'MIG201'],
    [p('bandwidth { total 1 Gbit/s; per vm 500 MB/s }'), 'MIG222'],
    [p('move vms where vm.memory > 4 GB'), 'MIG221'],
    // Bare numbers
    [p('cooldown 10'), 'MIG204'],
    [p('when host.cpu > 90% for 5'), 'MIG204'],
    [p('using precopy { throttle 0.2 after 9 min: abort }'), 'MIG204'],
    // A zero for no limit
    [p('bandwidth { total 0 }'), 'MIG205'],
    [p('bandwidth { per vm 0 Gbit/s }'), 'MIG205'],
    [p('using precopy { after 1 min: bandwidth 0; after 9 min: abort }'), 'MIG205'],
    // Times, days and zones that do not exist
    [p('every day at 25:00'), 'MIG210'],
    [p('at 02:00 in "Europe/Berln"'), 'MIG210'],
    ['calendar freeze = [2026-02-30]', 'MIG210'],
    ['calendar freeze = [2026-12-26..2026-12-24]', 'MIG206'],
])('%s', async (text, id) => {
    const found = (await compile(text)).findings.find((one) => one.id === id);
    const [fix] = found?.fixes ?? [];
    if (!fix) throw new Error(`${id} is not found, or comes without a fix.`);
    const left = (await compile(mended(text, fix))).findings.filter(({ severity }) => severity !== 'info');
    expect(left.filter((one) => one.id !== 'MIG303')).toEqual([]);
});

function mended(text: string, { edits }: Fix): string {
    const [edit] = edits;
    if (!edit) return text;
    const lines = text.split('\n');
    const offset = ({ line, character }: { line: number; character: number }): number =>
        lines.slice(0, line).reduce((sum, one) => sum + one.length + 1, 0) + character;
    return text.slice(0, offset(edit.range.start)) + edit.newText + text.slice(offset(edit.range.end));
}
