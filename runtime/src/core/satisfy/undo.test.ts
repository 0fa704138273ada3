import { fc, test } from '@fast-check/vitest';
import { type Program, ratio } from '@mig/language';
import { describe, expect } from 'vitest';
import { afterMove, vmsOf, worldOf } from '../decide/world.js';
import type { Snapshot } from '../model/snapshot.js';
import { gib, host, inventoryOf, snapshot, vm } from '../testing/builders.js';
import { clusters } from '../testing/clusters.js';
import { compiled, planOf } from '../testing/compiled.js';
import { undoings, type Undoing } from './undo.js';

const using = 'using precopy { downtime 300 ms; after 5 min: abort } on failure leave and report';

const relieve = `policy relieve {
  when host.memory.used > 90% until host.memory.used < 60%
  move vms on host order by vm.memory ascending until host.memory.used < 60%
  to hosts prefer most free memory ${using} cooldown 10 min
}`;
const pack = (where = ''): string => `policy pack {
  when host.memory.used < 30%
  move vms on host order by vm.memory descending
  to hosts ${where} prefer fullest ${using} cooldown 1 h
}`;
const drain = `policy drain priority 5 {
  when host is in maintenance move vms on host to hosts prefer least loaded ${using}
}`;
const even = `policy even {
  when cluster.memory.imbalance > 10% move vms limit 2 to hosts prefer even load when gain > 5% ${using} cooldown 5 min
}`;

const hot = snapshot(
    [
        host('a', { memoryFree: gib(4) }),
        host('b', { memory: gib(256), memoryFree: gib(250) }),
        host('c', { memory: gib(256), memoryFree: gib(240) }),
    ],
    [...Array.from({ length: 5 }, (_, i) => vm(`a${i}`, 'a', { memory: gib(10 + i) })), vm('b0', 'b'), vm('c0', 'c', { memory: gib(10) })],
);

/** The moves that the policy plans on the Snapshot, as it is run by makePlan. */
function moves(program: Program, policy: string, on: Snapshot): readonly string[] {
    const policies = program.policies.filter((one) => one.name === policy);
    return planOf({ ...program, policies }, on).moves.map(({ vm: { name }, source, destination }) => `${name} ${source}>${destination}`);
}

/** The Snapshot once the first policy has moved what it says. */
function after({ moves: made, on }: Undoing): Snapshot {
    const world = made.reduce((before, { vm: moved, to }) => afterMove(before, moved, to), worldOf(on.snapshot));
    return { ...on.snapshot, hosts: [...world.hosts.values()].map((place) => place.state), vms: vmsOf(world) };
}

describe('two policies that undo each other', () => {
    test('are found, with a move that each of them really makes', async () => {
        const program = await compiled(`${relieve}\n${pack()}`);
        const [found, ...more] = undoings(program, inventoryOf(hot), hot).found;
        expect(more).toEqual([]);
        expect(found && [found.first.name, found.then.name, found.on.layout]).toEqual(['relieve', 'pack', undefined]);
        if (!found) return;
        const { first, then, vm: moved, from, to, on } = found;
        expect(moves(program, first.name, on.snapshot)).toContain(`${moved.name} ${from}>${to}`);
        expect(moves(program, then.name, after(found))).toContain(`${moved.name} ${to}>${from}`);
    });

    test('are found on a trial cluster where nothing was observed', async () => {
        const program = await compiled(`${relieve}\n${pack()}`);
        const [found] = undoings(program, inventoryOf(hot), undefined).found;
        expect(found?.on.layout).toBe('one host hot');
        if (!found) return;
        expect(moves(program, 'relieve', found.on.snapshot)).toContain(`${found.vm.name} ${found.from}>${found.to}`);
        expect(moves(program, 'pack', after(found))).toContain(`${found.vm.name} ${found.to}>${found.from}`);
    });

    test('are none where a constraint keeps them out of each other’s way', async () => {
        expect(undoings(await compiled(`${relieve}\n${pack('where host.memory.used < 30%')}`), inventoryOf(hot), hot).found).toEqual([]);
    });

    test('are told of the one that runs by itself, where the other runs on demand', async () => {
        const onDemand = pack().replace('when host.memory.used < 30%', '').replace('move vms on host', 'move vms on host "b"');
        const found = undoings(await compiled(`${onDemand}\n${relieve}`), inventoryOf(hot), hot).found;
        expect(found.map(({ first, then }) => [first.name, then.name])).toEqual([['pack', 'relieve']]);
    });

    test('are found among hundreds of policies that rest, of which none is left out', async () => {
        const drains = Array.from({ length: 300 }, (_, i) => drain.replace('policy drain', `policy drain${i}`)).join('\n');
        const { found, left } = undoings(await compiled(`${drains}\n${relieve}\n${pack()}`), inventoryOf(hot), hot);
        expect(found.map(({ first, then }) => [first.name, then.name])).toEqual([['relieve', 'pack']]);
        expect(left).toEqual([]);
    });

    test('are looked for among so many policies; the others are named, the same each time', async () => {
        const many = Array.from({ length: 150 }, (_, i) => relieve.replace('policy relieve', `policy relieve${i}`)).join('\n');
        const program = await compiled(`${many}\n${pack()}`);
        const left = undoings(program, inventoryOf(hot), hot).left.map(({ name }) => name);
        expect(left.length).toBeGreaterThan(50);
        expect(undoings(program, inventoryOf(hot), hot).left.map(({ name }) => name)).toEqual(left);
    });

    const there = (when: string): string => `policy there { ${when} move vms on host "a" to host "b" ${using} }`;
    const back = (when: string): string => `policy back { ${when} move vms on host "b" to host "a" ${using} }`;
    const roomy = snapshot([host('a'), host('b')], [vm('v', 'a', { cpu: ratio(0.1) })]);

    test('by the clock are none at different times, and some at the same', async () => {
        const apart = await compiled(`${there('every day at 06:00')}\n${back('every day at 22:00')}`);
        expect(undoings(apart, inventoryOf(roomy), roomy).found).toEqual([]);
        const together = await compiled(`${there('every day at 22:00')}\n${back('every Sat at 22:30')}`);
        expect(undoings(together, inventoryOf(roomy), roomy).found).toMatchObject([{ vm: { name: 'v' }, from: 'a', to: 'b' }]);
    });
});

test.prop([clusters({ onA: 4, elsewhere: 4 }), fc.subarray([relieve, pack(), drain, even], { minLength: 2 })], { numRuns: 40 })(
    'on any cluster each pair that is told moves a VM there and back',
    async (on, texts) => {
        const program = await compiled(texts.join('\n'));
        for (const found of undoings(program, inventoryOf(on), on).found) {
            const { first, then, vm: moved, from, to } = found;
            expect(on.hosts.find((one) => one.name === from)?.maintenance ?? false).toBe(false);
            expect(moves(program, first.name, found.on.snapshot)).toContain(`${moved.name} ${from}>${to}`);
            expect(moves(program, then.name, after(found))).toContain(`${moved.name} ${to}>${from}`);
        }
    },
);

test.prop([clusters({ onA: 4, elsewhere: 4 })], { numRuns: 40 })('a drain is undone by none that goes by load', async (on) => {
    const program = await compiled(`${drain}\n${even}\n${pack()}`);
    expect(undoings(program, inventoryOf(on), on).found.filter(({ first, then }) => [first.name, then.name].includes('drain'))).toEqual([]);
});
