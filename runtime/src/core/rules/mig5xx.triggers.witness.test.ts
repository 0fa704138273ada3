/**
 * Each finding of the rules on conflicts against a second evaluation, over arbitrary hosts, VMs and figures: triggers,
 * conditions and plans as they are decided when a policy runs, or every case there is. Both ways: what is told is so, and
 * on worlds as small as these what is so is told. Conditions, gangs, anti-affinity and pairs of policies have tests of the
 * same kind beside their reasoning (runtime/src/core/satisfy).
 */
import { fc, test } from '@fast-check/vitest';
import { compileText, epochMs, type Finding, type Program, ratio } from '@mig/language';
import { expect } from 'vitest';
import { triggered } from '../decide/trigger.js';
import { worldOf } from '../decide/world.js';
import type { PolicyState, Snapshot } from '../model/snapshot.js';
import { gib, host, inventoryOf, noon, percent, snapshot, vm } from '../testing/builders.js';
import { compiled, planOf } from '../testing/compiled.js';
import { hostRules } from './index.js';
import { findingsOf } from './run.js';

const using = 'using precopy { downtime 300 ms; after 5 min: abort }';

function found(id: string, program: Program, on: Snapshot | undefined): readonly Finding[] {
    const rules = hostRules.filter((rule) => rule.id === id);
    return findingsOf(rules, { program, inventory: on && inventoryOf(on), snapshot: on });
}

const share = fc.integer({ min: 0, max: 20 }).map((n) => n * 5);
const order = fc.constantFrom('>', '>=', '<', '<=');

/** How often a policy starts anew while the CPU load of its host goes through these shares, a second apart. */
function starts(program: Program, loads: readonly number[]): number {
    let states: readonly PolicyState[] = [];
    let count = 0;
    let running = false;
    for (const [second, load] of loads.entries()) {
        const takenAt = epochMs(noon + second * 1000);
        const on = snapshot([host('a', { cpuUsed: percent(load) })], [vm('v', 'a')], { takenAt, policies: states });
        const { fired, states: next } = triggered(program, worldOf(on), { now: takenAt });
        if (fired.length > 0 && !running) count++;
        running = fired.length > 0;
        states = next.length > 0 ? next : states;
    }
    return count;
}

const releases = fc.constantFrom('', 'until host.cpu < 60%', 'until host.cpu < 93%');
const pauses = fc.constantFrom('', 'cooldown 10 min');

test.prop([releases, pauses, fc.constantFrom('host.cpu > 90%', 'host is in maintenance', 'host.cpu > 90% and between 22:00 and 05:00')])(
    'MIG502 is told exactly of policies that start anew whenever the load sways about the threshold, also where a release lies above it',
    async (until, cooldown, when) => {
        fc.pre(until === '' || when === 'host.cpu > 90%');
        const program = await compiled(`policy p { when ${when} ${until} move vms on host limit 2 to hosts ${using} ${cooldown} }`);
        // Twice over the threshold within a few seconds, and never as low as the release.
        expect(found('MIG502', program, undefined).length > 0).toBe(starts(program, [95, 85, 95]) > 1);
    },
);

test.prop([share, order, share, order])(
    'MIG502 is not told of a policy that takes VMs until a state in which it would not start, and only of these',
    async (fires, by, stops, to) => {
        const program = await compiled(
            `policy p { when host.cpu ${by} ${fires}% move vms on host until host.cpu ${to} ${stops}% to hosts ${using} }`,
        );
        const both = range(0, 100).some((load) => isSo(load, by, fires) && isSo(load, to, stops));
        // What never starts cannot start again either.
        fc.pre(range(0, 100).some((load) => isSo(load, by, fires)) && range(0, 100).some((load) => isSo(load, to, stops)));
        expect(found('MIG502', program, undefined).length > 0).toBe(both);
    },
);

const range = (from: number, to: number): readonly number[] => Array.from({ length: 2 * (to - from) + 1 }, (_, i) => from + i / 2);
function isSo(value: number, by: string, than: number): boolean {
    return by === '>' ? value > than : by === '>=' ? value >= than : by === '<' ? value < than : value <= than;
}

test.prop([share, order, share, order])(
    'MIG511 is told exactly where the release holds at every load at which the policy starts',
    async (fires, by, stops, to) => {
        const program = await compiled(
            `policy p { when host.cpu ${by} ${fires}% until host.cpu ${to} ${stops}% move vms on host to hosts ${using} }`,
        );
        // Also beyond what a share can be: nothing is reasoned from that.
        const loads = range(-10, 110).filter((load) => isSo(load, by, fires));
        const always = loads.every((load) => isSo(load, to, stops));
        expect(found('MIG511', program, undefined).length > 0).toBe(always);
        // Held at one load, it starts, is released at the next look where the release holds, and starts again.
        for (const load of loads.filter((one) => one > 0 && one < 100 && one % 5 !== 0).slice(0, 4))
            expect(starts(program, [load, load, load])).toBe(isSo(load, to, stops) ? 2 : 1);
    },
);

const rankings = fc.constantFrom('least loaded', 'most free memory', 'fullest', 'even load');
const gains = fc.constantFrom('', ' when gain > 5%');

test.prop([rankings, gains, fc.integer({ min: 2, max: 4 }), fc.integer({ min: 1, max: 8 })])(
    'MIG503 is told of policies that move VMs among hosts that are all alike; those that it leaves alone do not',
    async (ranking, gain, hosts, size) => {
        const program = await compiled(`policy p { every day at 12:00 move vms to hosts prefer ${ranking}${gain} ${using} }`);
        const names = ['a', 'b', 'c', 'd'].slice(0, hosts);
        const on = snapshot(
            names.map((name) => host(name, { cpuUsed: ratio(0.5), memoryFree: gib(64 - size) })),
            names.map((name) => vm(`v${name}`, name, { memory: gib(size), cpu: ratio(0.1) })),
        );
        const told = found('MIG503', program, on).length > 0;
        expect(told).toBe(gain === '');
        // To leave for a host where there is a VM already does gain something where the fullest is the best.
        if (!told && ranking !== 'fullest') expect(planOf(program, on).moves).toEqual([]);
        if (told && ranking !== 'even load') expect(planOf(program, on).moves.length).toBeGreaterThan(0);
    },
);

test.prop([share, order, share, order])(
    'MIG511 is told exactly where a policy stops taking VMs before the first, whenever it starts',
    async (fires, by, stops, to) => {
        const program = await compiled(
            `policy p { when host.cpu ${by} ${fires}% move vms on host until host.cpu ${to} ${stops}% to hosts ${using} cooldown 5 min }`,
        );
        const loads = range(-10, 110).filter((load) => isSo(load, by, fires));
        const always = loads.every((load) => isSo(load, to, stops));
        expect(found('MIG511', program, undefined).length > 0).toBe(always);
        const inside = loads.filter((load) => load > 0 && load < 100 && load % 5 !== 0).slice(0, 3);
        for (const load of always ? inside : []) {
            const on = snapshot(
                [host('a', { cpuUsed: percent(load) }), host('b', { cpuUsed: percent(0) })],
                [vm('v', 'a', { cpu: percent(10) })],
            );
            expect(planOf(program, on).moves.filter((move) => move.source === 'a')).toEqual([]);
        }
    },
);

const triggers = fc.constantFrom(
    'every day at 12:00',
    'when cluster.cpu.imbalance >= 0%',
    'when host.cpu >= 0%',
    'when vm.memory > 0 B',
    'every day at 12:00 or when host.cpu >= 0%',
    'when not host.cpu > 100%',
);
const subjects = fc.constantFrom('vms on host', 'vm', 'vms', 'vms on host "a"', 'vm "v"', 'vms on hosts where host.cpu >= 0%');

test.prop([triggers, subjects])('MIG140 is told exactly of policies that no trigger ever starts', async (when, what) => {
    const text = `policy p { ${when} move ${what} to hosts ${using} cooldown 5 min }`;
    const { program, findings } = await compileText({ uri: 'file:///test.mig', text });
    if (!program) throw new Error('it does not compile');
    const on = snapshot([host('a', { cpuUsed: percent(50) }), host('b', { cpuUsed: percent(10) })], [vm('v', 'a')]);
    const { fired } = triggered(program, worldOf(on), { now: noon });
    expect(findings.some(({ id }) => id === 'MIG140')).toBe(fired.length === 0);
});
