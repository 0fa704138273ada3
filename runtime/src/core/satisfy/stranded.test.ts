/** What the rules say cannot be met, a plan does not meet: each finding is held against the decisions themselves. */
import { fc, test } from '@fast-check/vitest';
import { bytes, type Policy, type Program } from '@mig/language';
import { describe, expect } from 'vitest';
import type { Snapshot } from '../model/snapshot.js';
import { gib, host, snapshot, vm } from '../testing/builders.js';
import { clusters } from '../testing/clusters.js';
import { compiled, planOf } from '../testing/compiled.js';
import { notApart } from './apart.js';
import { outlookOf } from './destinations.js';
import { Allowance } from './few.js';
import { drainTooLarge, groupTooLarge, headroomTooLarge } from './room.js';
import { strandedVms } from './stranded.js';

interface Given {
    readonly program: Program;
    readonly policy: Policy;
}

async function drain(clauses: string, when = 'host is in maintenance'): Promise<Given> {
    const text = `policy drain { when ${when} move vms on host to hosts ${clauses} using precopy { downtime 300 ms; after 5 min: abort } }`;
    const program = await compiled(text);
    const [policy] = program.policies;
    if (!policy) throw new Error('it has no policy');
    return { program, policy };
}

const unplaced = (given: Given, on: Snapshot): readonly string[] => planOf(given.program, on).unplaced.map((one) => one.vm);
const enough = (): Allowance => new Allowance(1_000_000);

describe('constraints that exclude every host', () => {
    const three = snapshot(
        [host('a', { maintenance: true }), host('b', { tags: { disk: 'hdd' } }), host('c', { zone: 'z2', tags: { disk: 'ssd' } })],
        [vm('v', 'a'), vm('w', 'c')],
    );

    test('are told host by host, and no VM of them is placed', async () => {
        const given = await drain('where host.zone == source.zone and host.tag.disk == "ssd"');
        const found = strandedVms(given.policy, outlookOf(three), enough());
        expect(found).toMatchObject({ vm: { name: 'v' }, all: true, sources: ['a', 'c'] });
        expect(found?.excluded.map(({ host: name, because }) => `${name}: ${because.text}`)).toEqual([
            'b: not so: host.tag.disk == "ssd" (host.tag.disk is "hdd")',
            'c: not so: host.zone == source.zone (host.zone is "z2", source.zone is "z1")',
        ]);
        expect(unplaced(given, three)).toEqual(['v']);
    });

    test('are told of one host whose VMs can go nowhere, where those of others can', async () => {
        const { policy } = await drain('where host.zone == source.zone');
        expect(strandedVms(policy, outlookOf(three), enough())).toMatchObject({ all: false, sources: ['c'], vm: { name: 'w' } });
    });

    test('are not told of a VM whose disk goes along', async () => {
        const local = { target: 'vda', path: '/vms/v.raw', kind: 'file', shared: false, readOnly: false } as const;
        const seen = snapshot([host('a', { maintenance: true }), host('b'), host('c')], [vm('v', 'a', { disks: [local] })]);
        const program = await compiled(
            'policy drain { when host is in maintenance move vms on host to hosts where host.name == "b" using precopy { storage copy "vda" } }',
        );
        expect(strandedVms(program.policies[0]!, outlookOf(seen), enough())).toBeUndefined();
    });

    test('are not told of a host that is full, in maintenance or silent now', async () => {
        const full = snapshot(
            [host('a', { maintenance: true }), host('b', { memoryFree: bytes(0) })],
            [vm('v', 'a'), vm('w', 'b', { memory: gib(64) })],
        );
        const { policy } = await drain('where host.memory.used < 50%');
        expect(strandedVms(policy, outlookOf(full), enough())).toBeUndefined();
        const silent = snapshot([host('a'), host('b', { unreachable: 'no route', zone: undefined })], [vm('v', 'a')]);
        expect(strandedVms((await drain('where host.zone == source.zone')).policy, outlookOf(silent), enough())).toBeUndefined();
    });
});

test('a group that is larger than any host is not placed whole', async () => {
    const hosts = [
        host('a', { maintenance: true }),
        host('b', { memory: gib(32), memoryFree: gib(32) }),
        host('c', { memory: gib(24), memoryFree: gib(24) }),
    ];
    const vms = [vm('v', 'a', { memory: gib(20), tags: { app: 'x' } }), vm('w', 'a', { memory: gib(20), tags: { app: 'x' } })];
    const on = snapshot(hosts, vms);
    const given = await drain('with same vm.tag.app');
    expect(groupTooLarge(vms, '"x"', given.policy, outlookOf(on), enough())).toMatchObject({
        largest: 'b',
        needed: gib(40),
        room: gib(32),
    });
    expect(unplaced(given, on)).toHaveLength(1);
    const smaller = vms.map((one) => ({ ...one, memory: gib(16) }));
    expect(groupTooLarge(smaller, '"x"', given.policy, outlookOf(snapshot(hosts, smaller)), enough())).toBeUndefined();
});

test.prop([clusters({ onA: 4, elsewhere: 5 })], { numRuns: 50 })('VMs that cannot be kept apart are not all placed', async (on) => {
    const given = await drain('apart by vm.tag.role');
    const [found] = notApart(given.policy, outlookOf(on), enough());
    fc.pre(found !== undefined);
    // Counted anew: hosts that are up, bear none of the key, and would have room for the smallest if they were empty.
    const key = found.vms[0]?.tags['role'];
    const least = Math.min(...found.vms.map((one) => one.memory));
    const free = on.hosts.filter(({ name, maintenance, memoryFree }) => {
        const there = on.vms.filter((other) => other.host === name);
        const room = there.reduce<number>((sum, other) => sum + other.memory, memoryFree);
        return !maintenance && room >= least && !there.some((other) => other.tags['role'] === key);
    });
    expect(found.vms.every((one) => one.host === 'a' && one.tags['role'] === key)).toBe(true);
    expect(found.vms.length).toBeGreaterThan(free.length);
    expect(unplaced(given, on).filter((name) => found.vms.some((one) => one.name === name)).length).toBeGreaterThan(0);
});

test.prop([clusters({ onA: 3, elsewhere: 5 })], { numRuns: 100 })(
    'while no host is in maintenance VMs are told only where no host of theirs can be emptied, and always where there are too few hosts',
    async (drained) => {
        // As large as may be: room is no matter here.
        const on = snapshot(
            drained.hosts.map((one) => ({ ...one, maintenance: false, memory: gib(256), memoryFree: gib(200) })),
            drained.vms,
        );
        const given = await drain('apart by vm.tag.role');
        const [found] = notApart(given.policy, outlookOf(on), enough());
        const isStuck = (role: string): boolean => {
            const hosts = on.vms.filter((one) => one.tags['role'] === role).map((one) => one.host);
            const free = on.hosts.length - new Set(hosts).size;
            return hosts.length >= on.hosts.length && hosts.every((source) => hosts.filter((one) => one === source).length > free);
        };
        expect(found !== undefined).toBe(['web', 'db'].some(isStuck));
        if (!found) return;
        expect(found.whichever).toBe(true);
        for (const source of new Set(found.vms.map((one) => one.host))) {
            const hosts = on.hosts.map((one) => ({ ...one, maintenance: one.name === source }));
            expect(unplaced(given, snapshot(hosts, on.vms)).length).toBeGreaterThan(0);
        }
    },
);

test('replicas, one on each host, cannot be kept apart whichever host is emptied; with a host to spare they can', async () => {
    const replica = (name: string, on: string) => vm(name, on, { tags: { role: 'web' } });
    const all = [replica('v', 'a'), replica('w', 'b'), replica('x', 'c')];
    const { policy } = await drain('apart by vm.tag.role');
    const three = snapshot([host('a'), host('b'), host('c')], all);
    expect(notApart(policy, outlookOf(three), enough())).toMatchObject([{ whichever: true, vms: { length: 3 }, hosts: { length: 2 } }]);
    expect(notApart(policy, outlookOf(snapshot([...three.hosts, host('d')], all)), enough())).toEqual([]);
    // Two on one host stand where they should not; a third host takes one of them on any day.
    expect(notApart(policy, outlookOf(snapshot(three.hosts, [replica('v', 'a'), replica('w', 'a')])), enough())).toEqual([]);
});

test.prop([clusters({ onA: 4, elsewhere: 5 }), fc.constantFrom('', 'keep 4 GiB of memory free', 'keep 10% of memory free')], {
    numRuns: 100,
})('of a drain that has a plan for every VM nothing is said', async (on, keep) => {
    const given = await drain(`${keep} apart by vm.tag.role`);
    fc.pre(unplaced(given, on).length === 0);
    const outlook = outlookOf(on);
    const about = [
        strandedVms(given.policy, outlook, enough()),
        ...notApart(given.policy, outlook, enough()),
        headroomTooLarge(given.policy, outlook, enough()),
        drainTooLarge(given.policy, outlook, enough()),
    ];
    expect(about.filter((one) => one !== undefined)).toEqual([]);
});

test.prop([clusters({ onA: 4, elsewhere: 3 })], { numRuns: 100 })(
    'a drain that is told to need more than there is leaves a VM behind',
    async (on) => {
        const given = await drain('keep 2 GiB of memory free');
        const found = drainTooLarge(given.policy, outlookOf(on), enough());
        fc.pre(found !== undefined);
        expect(found.needed).toBe(on.vms.filter((one) => one.host === 'a').reduce((sum, one) => sum + one.memory, 0));
        expect(unplaced(given, on).length).toBeGreaterThan(0);
    },
);
