import { fc, test } from '@fast-check/vitest';
import { bytesPerSecond, compileText, type Policy, type TechniqueUse } from '@mig/language';
import { describe, expect } from 'vitest';
import { scopeOf } from '../decide/attributes.js';
import { holds } from '../decide/evaluate.js';
import { isTrue } from '../decide/truth.js';
import { wordsOf } from '../decide/wording.js';
import { worldOf } from '../decide/world.js';
import { host, snapshot, vm } from '../testing/builders.js';
import { neverTaken } from './branches.js';

async function using(technique: string): Promise<readonly TechniqueUse[]> {
    const text = `policy p { on demand move vms to hosts using ${technique} }`;
    const { program, findings } = await compileText({ uri: 'file:///test.mig', text });
    const policies: readonly Policy[] = program?.policies ?? [];
    if (!policies[0]) throw new Error(findings.map((f) => f.message).join('\n'));
    return policies[0].technique;
}

const choose = (...conditions: readonly string[]): string =>
    `choose { ${conditions.map((one) => `${one}: precopy`).join('\n')}\n otherwise: hybrid }`;

async function cutOff(technique: string): Promise<readonly string[]> {
    return neverTaken(await using(technique)).map((one) =>
        one.kind === 'rung' ? 'rung' : one.branch.when ? wordsOf(one.branch.when) : 'otherwise',
    );
}

describe('branches', () => {
    test.each([
        [
            'that two above cover together',
            choose('vm.vcpus > 4', 'vm.vcpus < 3', 'vm.vcpus == 6 or vm.vcpus == 2'),
            ['vm.vcpus == 6 or vm.vcpus == 2'],
        ],
        ['that a ratio above covers', choose('vm.net.tx > 2 * vm.net.rx', 'vm.net.tx > 3 * vm.net.rx'), ['vm.net.tx > 3 * vm.net.rx']],
        [
            'that contradict themselves',
            choose('vm.net.tx > vm.net.rx and vm.net.tx < vm.net.rx'),
            ['vm.net.tx > vm.net.rx and vm.net.tx < vm.net.rx'],
        ],
    ])('%s are told', async (_, technique, expected) => {
        expect(await cutOff(technique)).toEqual(expected);
    });

    test.each([
        ['that traffic decides', choose('vm.net.tx > 2 * vm.net.rx', 'vm.net.rx > 2 * vm.net.tx')],
        ['that are reached by what is unknown', choose('vm.net.tx > vm.net.rx', 'vm.net.tx <= vm.net.rx')],
        ['of which the rule on single branches speaks', choose('vm.vcpus > 4', 'vm.vcpus > 8')],
    ])('%s are not', async (_, technique) => {
        expect(await cutOff(technique)).toEqual([]);
    });

    test('of a rung that waits for what cannot be are told', async () => {
        expect(
            await cutOff('precopy { after 2 min and vm.net.tx > vm.net.rx and vm.net.tx < vm.net.rx: downtime 1 s\n after 5 min: abort }'),
        ).toEqual(['rung']);
    });
});

const figure = fc.constantFrom('vm.net.tx', 'vm.net.rx');
const comparison = fc.oneof(
    fc
        .tuple(figure, fc.constantFrom('<', '<=', '>', '>='), fc.integer({ min: 1, max: 3 }))
        .map(([name, by, n]) => `${name} ${by} ${n} B/s`),
    fc
        .tuple(fc.constantFrom('<', '<=', '>', '>=', '=='), fc.integer({ min: 1, max: 3 }))
        .map(([by, n]) => `vm.net.tx ${by} ${n} * vm.net.rx`),
);
const conditions = fc.array(
    fc.oneof(
        comparison,
        fc.tuple(comparison, fc.constantFrom('and', 'or'), comparison).map(([a, word, b]) => `${a} ${word} ${b}`),
    ),
    { minLength: 1, maxLength: 3 },
);
const rates = [undefined, ...Array.from({ length: 13 }, (_, i) => i / 2)].map((rate) =>
    rate === undefined ? undefined : bytesPerSecond(rate),
);
const world = worldOf(snapshot([host('a')], []));

test.prop([conditions], { numRuns: 60 })('what is told to be cut off is reached with no figures, known or not', async (all) => {
    const told = neverTaken(await using(choose(...all)));
    const [use] = await using(choose(...all));
    if (use?.kind !== 'choose' || told.length === 0) return;
    const places = use.branches.map(({ when }) => when);
    const reached = new Set(
        rates.flatMap((netTx) =>
            rates.map((netRx) => {
                const scope = scopeOf(world, { vm: vm('v', 'a', { netTx, netRx }) });
                return places.findIndex((when) => !when || isTrue(holds(when, scope)));
            }),
        ),
    );
    for (const one of told) {
        if (one.kind !== 'branch') continue;
        const line = one.branch.range.start;
        const index = use.branches.findIndex(({ range }) => range.start.line === line.line && range.start.character === line.character);
        expect(index).toBeGreaterThanOrEqual(0);
        expect(reached.has(index)).toBe(false);
    }
});
