/** Decisions on policies as people write them. */
import { compileText, epochMs, ratio } from '@mig/language';
import { describe, expect, test } from 'vitest';
import type { HostState, PolicyState, Sample, Snapshot, VmState } from '../model/snapshot.js';
import { digest, gib, host, inventoryOf, minute, noon, snapshot, vm } from '../testing/builders.js';
import { makePlan, type Planning, type PlanOptions } from './plan.js';

async function plan(text: string, on: Snapshot, options: Partial<PlanOptions> = {}): Promise<Planning> {
    const { program, findings } = await compileText({ uri: 'file:///test.mig', text });
    if (!program) throw new Error(findings.map((f) => f.message).join('\n'));
    return makePlan(program, inventoryOf(on), on, { now: on.takenAt, digest, ...options });
}

/** `web>b`, in the order of the plan; or why there is none. */
async function moves(text: string, on: Snapshot, options: Partial<PlanOptions> = {}): Promise<readonly string[]> {
    const planning = await plan(text, on, options);
    if (!planning.plan) return [planning.nothing?.text ?? planning.findings.map((f) => f.message).join('\n')];
    return planning.plan.moves.map((move) => `${move.vm.name}>${move.destination}`);
}

const cluster = (hosts: readonly HostState[], vms: readonly VmState[], facts: Partial<Snapshot> = {}) => snapshot(hosts, vms, facts);
const tags = (text: string) =>
    Object.fromEntries(
        text
            .split(' ')
            .map((tag) => tag.split('='))
            .map(([name = '', value = '']) => [name, value]),
    );

describe('emptying a host', () => {
    const evacuate = `
        policy evacuate priority 10 {
          when host is in maintenance
          move vms on host
            except vm.tags contains "pinned"
            order by vm.memory descending
          to hosts where host.zone == source.zone
            keep 10% of memory free
            apart by vm.tag.role
            prefer least loaded
          using precopy { downtime 300 ms; after 5 min: abort }
          bandwidth { total 1 Gbit/s; per vm 800 Mbit/s }
          at most 2 at once per host
          require downtime <= 500 ms
          on failure leave and report
        }`;
    const hosts = [
        host('a', { maintenance: true }),
        host('b'),
        host('c', { memoryFree: gib(40) }),
        host('d', { zone: 'z2', memoryFree: gib(64) }),
    ];
    const vms = [
        vm('web1', 'a', { tags: tags('role=web') }),
        vm('web2', 'a', { tags: tags('role=web') }),
        vm('db', 'a', { memory: gib(16) }),
        vm('old', 'a', { tags: tags('pinned') }),
    ];

    test('the largest first, apart, with headroom, in its zone, and the pinned one stays', async () => {
        const { plan: made, findings } = await plan(evacuate, cluster(hosts, vms));
        expect(findings).toEqual([]);
        expect(made?.moves.map((m) => `${m.vm.name}>${m.destination}`)).toEqual(['db>b', 'web1>c', 'web2>b']);
        expect(made?.instances[0]?.passedOver).toMatchObject([
            { vm: 'old', because: { text: 'except: vm.tags contains "pinned" (vm.tags is "pinned")' } },
        ]);
        expect(made?.limits.perHost).toBe(2);
        expect(made?.caps.map((c) => c.because.text)).toEqual(['at most 1 Gbit/s in all', 'at most 800 Mbit/s per vm']);
        expect(made?.moves[0]?.technique).toMatchObject({
            kind: 'precopy',
            options: { downtimeMs: 300 },
            ladder: [{ action: { kind: 'abort' } }],
        });
        expect(made?.instances[0]).toMatchObject({
            requires: [{ metric: 'downtime', value: 500 }],
            onFailure: { then: ['leave', 'report'] },
        });
    });

    test('every reason that a clause gave points at the clause', async () => {
        const { plan: made } = await plan(evacuate, cluster(hosts, vms));
        const clause = made?.instances[0]?.passedOver[0]?.because.range;
        expect(evacuate.split('\n')[clause?.start.line ?? 0]).toContain('except');
        expect(made?.moves[0]?.because.map((r) => evacuate.split('\n')[r.range?.start.line ?? 0]?.trim().split(' ')[0])).toEqual([
            'order',
            'prefer',
        ]);
    });

    test('where no destination fits, it says which constraint excludes which host', async () => {
        const { plan: made, nothing } = await plan(
            evacuate,
            cluster([...hosts.slice(0, 1), host('c', { memoryFree: gib(20) }), host('d', { zone: 'z2' })], vms.slice(2, 3)),
        );
        expect(nothing?.text).toBe('none of 1 VMs can be moved');
        expect(made?.unplaced).toMatchObject([
            {
                vm: 'db',
                excluded: [
                    { host: 'c', because: { text: 'would have 4 GiB of memory free, and 6.4 GiB must stay free' } },
                    { host: 'd', because: { text: 'not so: host.zone == source.zone (host.zone is "z2", source.zone is "z1")' } },
                ],
            },
        ]);
    });
});

describe('relieving a busy host', () => {
    const relieve = `
        policy relieve {
          when host.memory.used > 90% for 1 min until host.memory.used < 75%
          move vms on host order by vm.memory ascending until host.memory.used < 75%
          to hosts prefer most free memory
          using precopy
          cooldown 10 min
        }`;
    const full = host('a', { memoryFree: gib(4) });
    const since = (minutes: number): Partial<Snapshot> => ({
        history: { 'host:a:memory.used': [{ at: epochMs(noon - minutes * minute), value: 0.94 }] satisfies Sample[] },
    });
    const vms = [vm('v1', 'a', { memory: gib(6) }), vm('v2', 'a', { memory: gib(7) }), vm('v3', 'a', { memory: gib(8) })];

    test('it moves as much as is needed, smallest first, once it has been so for long enough', async () => {
        expect(await moves(relieve, cluster([full, host('b')], vms, since(2)))).toEqual(['v1>b', 'v2>b']);
        expect((await moves(relieve, cluster([full, host('b')], vms, since(0.5))))[0]).toContain(
            'the history of host.memory.used of a goes back 30 s',
        );
    });

    test('it goes on below its threshold until it is released, and not while it cools down', async () => {
        const state: PolicyState = { policy: 'relieve', bound: 'a', lastFired: epochMs(noon - 15 * minute), holding: true };
        const eased = host('a', { memoryFree: gib(11) });
        expect(await moves(relieve, cluster([eased, host('b')], vms, { policies: [state] }))).toEqual(['v1>b']);
        expect(await moves(relieve, cluster([eased, host('b')], vms))).toEqual([
            expect.stringContaining('no policy has anything to do now'),
        ]);
        const cooling = { ...state, lastFired: epochMs(noon - 4 * minute) };
        expect(await moves(relieve, cluster([eased, host('b')], vms, { policies: [cooling] }))).toEqual([
            expect.stringContaining('cools down for another 6 min'),
        ]);
    });
});

describe('evening out the load', () => {
    const rebalance = `
        let hot = vm.dirty_rate > 100 MiB/s
        policy rebalance {
          at 02:00 every Sat in "Europe/Berlin" or when cluster.cpu.imbalance > 20%
          move vms where not hot limit 2
          to hosts prefer even load when gain > 5%
          using precopy
        }`;
    const calm = { dirtyRate: 0 as VmState['dirtyRate'], cpu: ratio(0.8), vcpus: 2 };
    const uneven = [
        host('a', { cpuUsed: ratio(0.8), memory: gib(256), memoryFree: gib(240) }),
        host('b', { cpuUsed: ratio(0.1), memory: gib(256), memoryFree: gib(240) }),
    ];

    test('it takes calm VMs to where they even things out, and no more than it may', async () => {
        const vms = [vm('v1', 'a', calm), vm('v2', 'a', calm), vm('v3', 'a', calm), vm('v4', 'a', { cpu: ratio(0.8) })];
        expect(await moves(rebalance, cluster(uneven, vms))).toEqual(['v1>b', 'v2>b']);
    });

    test('it stops where a move would gain too little', async () => {
        const level = [host('a', { cpuUsed: ratio(0.5), memoryFree: gib(60) }), host('b', { cpuUsed: ratio(0.2), memoryFree: gib(60) })];
        const heavy = [vm('v1', 'a', { ...calm, cpu: ratio(1), vcpus: 8, memory: gib(1) })];
        const { plan: made } = await plan(rebalance, cluster(level, heavy));
        expect(made?.moves).toEqual([]);
        expect(made?.unplaced).toEqual([]);
        expect(made?.instances[0]?.passedOver[0]?.because.text).toContain('and more than 5% is asked for');
    });

    test('its schedule opens it too, in its own time zone', async () => {
        const even = [host('a', { cpuUsed: ratio(0.3) }), host('b', { cpuUsed: ratio(0.3) })];
        const at = (iso: string) => cluster(even, [vm('v1', 'a', calm)], { takenAt: epochMs(Date.parse(iso)) });
        expect((await plan(rebalance, at('2026-11-21T01:30:00Z'))).plan?.instances[0]?.because.map((r) => r.text)).toEqual([
            "the schedule's window of 1 h has been open for 30 min",
        ]);
        expect((await plan(rebalance, at('2026-11-21T02:30:00Z'))).plan).toBeUndefined();
    });
});

describe('what the text names', () => {
    test('an unknown host is found before anything is decided', async () => {
        const { findings, plan: made } = await plan(
            'policy p { move vms on host "kvm-x" to hosts using precopy }',
            cluster([host('kvm-a'), host('kvm-b')], []),
            { policy: 'p' },
        );
        expect(made).toBeUndefined();
        expect(findings).toMatchObject([{ id: 'MIG121', message: 'the inventory has no host "kvm-x"', hint: 'did you mean "kvm-a"?' }]);
    });

    test('a policy moves the VMs of a named host, and those of a group', async () => {
        const on = cluster([host('a'), host('b')], [vm('v1', 'a', { tags: tags('web') }), vm('v2', 'a'), vm('v3', 'b')]);
        expect(await moves('policy p { move vms on host "a" to hosts using precopy }', on, { policy: 'p' })).toEqual(['v1>b', 'v2>b']);
        expect(
            await moves('group web = vms where vm.tags contains "web"\npolicy p { move vms in web to hosts using precopy }', on, {
                policy: 'p',
            }),
        ).toEqual(['v1>b']);
    });

    test('a policy takes the VM that its trigger names, to the host that it names', async () => {
        const on = cluster([host('a'), host('b'), host('c')], [vm('v1', 'a', { tags: tags('loud') }), vm('v2', 'a')]);
        expect(await moves('policy p { when vm.tags contains "loud" move vm to host "c" using precopy }', on)).toEqual(['v1>c']);
    });

    test('affinity brings VMs of an application together, on a host that has the network', async () => {
        const app = { tags: tags('app=shop') };
        const on = cluster(
            [host('a'), host('b', { memoryFree: gib(6) }), host('c', { networks: ['br0', 'san'] })],
            [vm('v1', 'a', app), vm('v2', 'a', app)],
        );
        const text = 'policy p { move vms on host "a" to hosts with same vm.tag.app prefer fullest using precopy }';
        expect(await moves(text, on, { policy: 'p' })).toEqual(['v1>c', 'v2>c']);
        expect(await moves(text.replace('prefer fullest', 'with network "san"'), on, { policy: 'p' })).toEqual(['v1>c', 'v2>c']);
    });

    test('a share limits how many are taken, and several preferences rank together', async () => {
        const on = cluster(
            [host('a'), host('b', { memoryFree: gib(20) }), host('c', { memoryFree: gib(30) })],
            [1, 2, 3, 4, 5].map((n) => vm(`v${n}`, 'a')),
        );
        expect(
            await moves('policy p { move vms on host "a" limit 40% to hosts prefer fullest using precopy }', on, { policy: 'p' }),
        ).toEqual(['v1>b', 'v2>b']);
    });

    test('what is not built yet is refused with its id', async () => {
        const { plan: made, findings } = await plan(
            'policy p { when host is in maintenance move vms on host to hosts using agile otherwise precopy }',
            cluster([host('a', { maintenance: true }), host('b')], [vm('v', 'a')]),
        );
        expect(made).toBeUndefined();
        expect(findings).toMatchObject([
            { id: 'MIG090', severity: 'error', message: 'agile migration cannot be carried out yet (technique.agile)' },
        ]);
    });
});
