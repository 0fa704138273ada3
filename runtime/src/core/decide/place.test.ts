import { bytesPerSecond, ratio } from '@mig/language';
import { expect, test } from 'vitest';
import type { HostState, Snapshot, VmState } from '../model/snapshot.js';
import { gib, host, snapshot, vm } from '../testing/builders.js';
import { attr, lit, nowhere, op, policy } from '../testing/program.js';
import { place } from './place.js';
import { select } from './select.js';
import { worldOf } from './world.js';

type Facts = Parameters<typeof policy>[0];
const away = host('a', { maintenance: true });

/** Where each VM goes: `web>b`, or `web>b after db`; what is not placed is `web: c is in maintenance`. */
function placed(facts: Facts, hosts: readonly HostState[], vms: readonly VmState[], more: Partial<Snapshot> = {}): readonly string[] {
    const world = worldOf(snapshot(hosts, vms, more));
    const fired = { policy: policy(facts), host: 'a', vm: undefined, because: [] };
    const found = place(fired, select(fired, world, new Map()).candidates, world, []);
    const nameOf = (uuid: string) => vms.find((v) => v.uuid === uuid)?.name ?? uuid;
    return [
        ...found.placements.map(
            (p) => `${p.candidate.vm.name}>${p.destination}${p.after.length > 0 ? ` after ${p.after.map(nameOf).join(', ')}` : ''}`,
        ),
        ...found.unplaced.flatMap((u) =>
            u.excluded.map(({ host: h, because }) => `${u.candidate.vm.name}: ${[h, because.text].join(' ').trim()}`),
        ),
        ...found.passedOver.map((p) => `${p.vm} passed over: ${p.because.text}`),
    ];
}

const everywhere: Facts = { selection: { from: { kind: 'all', range: nowhere } } };
const apart: Facts = { destination: { apart: [{ by: attr('vm.tag.role'), range: nowhere }] } };
const role = (value: string) => ({ tags: { role: value } });

test.each<[string, Partial<HostState>, Partial<VmState>, string]>([
    ['in maintenance', { maintenance: true }, {}, 'is in maintenance'],
    ['silent', { unreachable: 'no route to host' }, {}, 'does not answer: no route to host'],
    [
        'without a migration address',
        { migration: undefined },
        {},
        'has no migration address: name its network and address under `migration` in the inventory',
    ],
    [
        'on another network',
        { migration: { network: 'fast', address: 'b', listen: 'b' } },
        {},
        'takes migrations on the network "fast", to which a has no link',
    ],
    ['that is the same machine', { uuid: away.uuid }, {}, `says that it is the same machine as a (host UUID ${away.uuid})`],
    [
        'that is driven otherwise',
        { driver: 'qemu' },
        {},
        'runs its VMs by plain QEMU, and a by libvirt: a running VM cannot change between them',
    ],
    ['without a bridge', { networks: ['br1'] }, {}, 'has no network "br0", which the VM is attached to'],
    ['that is full', { memoryFree: gib(3) }, {}, 'has 3 GiB of memory free, and the VM needs 4 GiB'],
])('a host %s is no destination', (_, facts, vmFacts, because) => {
    expect(placed({}, [away, host('b', facts)], [vm('web', 'a', vmFacts)])).toEqual([`web: b ${because}`]);
});

test.each<[Partial<VmState>, string]>([
    [{ state: 'shut off' }, 'it is shut off, and only a guest that runs or is paused can be moved'],
    [{ passthrough: ['the GPU 0000:01:00.0'] }, 'it uses the GPU 0000:01:00.0 of its host'],
    [
        { disks: [{ target: 'vda', path: '/srv/x.img', kind: 'file', shared: false, readOnly: false }] },
        'vda (/srv/x.img) stands on its host alone',
    ],
    [{ hasSnapshots: true }, 'it has snapshots'],
    [{ activeJob: 'a backup' }, 'a job is under way on it (a backup)'],
    [{ mover: 'run 7 of ops@desk' }, 'another run is moving it (run 7 of ops@desk)'],
    [{ blockers: [{ reason: 'it has an ivshmem device', cure: 'detach it' }] }, 'it has an ivshmem device: detach it'],
])('a VM with %o is refused before anything moves', (facts, because) => {
    expect(placed({}, [away, host('b')], [vm('web', 'a', facts)])).toEqual([expect.stringContaining(`web: cannot be moved: ${because}`)]);
});

test('a CPU that the hypervisor refuses excludes a host, with what it said', () => {
    const compatibility = [{ vm: vm('web', 'a').uuid, host: 'b', compatible: false, detail: 'no avx512f' }];
    expect(placed({}, [away, host('b')], [vm('web', 'a')], { compatibility })).toEqual([
        'web: b its CPU does not suit the guest: no avx512f',
    ]);
});

test('a constraint that is not true excludes a host, with the figures', () => {
    const sameZone: Facts = { destination: { where: [op(attr('host.zone'), '==', attr('source.zone'))] } };
    expect(placed(sameZone, [away, host('b', { zone: 'z2' }), host('c')], [vm('web', 'a')])).toEqual(['web>c']);
    expect(placed(sameZone, [away, host('b', { zone: 'z2' })], [vm('web', 'a')])).toEqual([
        'web: b not so: host.zone == source.zone (host.zone is "z2", source.zone is "z1")',
    ]);
    expect(placed(sameZone, [away, host('b', { zone: undefined })], [vm('web', 'a')])[0]).toContain(
        'is unknown: host.zone of b is not known',
    );
});

test('headroom is what is left after the move', () => {
    const keep: Facts = { destination: { keepFree: [{ resource: 'memory', amount: { kind: 'share', share: 0.1 }, range: nowhere }] } };
    expect(placed(keep, [away, host('b', { memoryFree: gib(11) })], [vm('web', 'a')])).toEqual(['web>b']);
    expect(placed(keep, [away, host('b', { memoryFree: gib(10) })], [vm('web', 'a')])).toEqual([
        'web: b would have 6 GiB of memory free, and 6.4 GiB must stay free',
    ]);
});

test('headroom of huge pages is not held against other memory', () => {
    const pages = { resource: 'memory', amount: { kind: 'size', bytes: gib(60) }, hugepages: {}, range: nowhere } as const;
    expect(placed({ destination: { keepFree: [pages] } }, [away, host('b', { memoryFree: gib(11) })], [vm('web', 'a')])).toEqual(['web>b']);
});

test('a VM in huge pages goes where there are enough of its size, or where that is not known', () => {
    const pool = (memory: number) => ({
        provides: { numaNodes: [{ memory: gib(64), hugepages: [{ pageSize: gib(1), memory: gib(memory) }] }] },
    });
    const paged = vm('web', 'a', { hugepages: { pageSize: gib(1) } });
    expect(placed({}, [away, host('b', pool(2)), host('c', pool(4))], [paged])).toEqual(['web>c']);
    expect(placed({}, [away, host('b', pool(2)), host('c')], [paged])).toEqual(['web>c']);
    expect(placed({}, [away, host('b', pool(2))], [paged])).toEqual([
        "web: b has 2 GiB in huge pages of the VM's size, and the VM needs 4 GiB",
    ]);
});

test('a VM goes to no host whose lock manager libvirt would refuse', () => {
    const locked = (name: string, lockManager: 'none' | 'lockd') => host(name, { provides: { lockManager } });
    const from = { ...away, provides: { lockManager: 'lockd' } } as const;
    expect(placed({}, [from, locked('b', 'none'), locked('c', 'lockd')], [vm('web', 'a')])).toEqual(['web>c']);
    expect(placed({}, [from, locked('b', 'none')], [vm('web', 'a')])).toEqual([
        'web: b has no lock manager, and a has lockd: libvirt refuses moves between unlike ones',
    ]);
    expect(placed({}, [from, host('b')], [vm('web', 'a')])).toEqual(['web>b']);
});

test('CPU headroom needs CPU time that was measured', () => {
    const keep: Facts = { destination: { keepFree: [{ resource: 'cpu', amount: { kind: 'share', share: 0.5 }, range: nowhere }] } };
    const busy = vm('web', 'a', { cpu: ratio(1), vcpus: 2 });
    expect(placed(keep, [away, host('b', { cpuUsed: ratio(0.2) })], [busy])).toEqual(['web>b']);
    expect(placed(keep, [away, host('b', { cpuUsed: ratio(0.3) })], [busy])).toEqual([
        'web: b would have 45% of its CPU free, and 50% must stay free',
    ]);
    expect(placed(keep, [away, host('b')], [busy])).toEqual(['web: b CPU must stay free, and the CPU time of b is not known']);
});

test('VMs that moved earlier count: two of a role do not go to one host', () => {
    const vms = [vm('w1', 'a', role('web')), vm('w2', 'a', role('web')), vm('db', 'a', role('db')), vm('x', 'a')];
    expect(placed(apart, [away, host('b'), host('c')], vms)).toEqual(['db>b', 'w1>c', 'w2>b', 'x>c']);
});

test('anti-affinity that can be met is met, although the first choice would spoil it', () => {
    // b is preferred by both, but only b is left for w2: w1 must give way.
    const hosts = [away, host('b', { memoryFree: gib(60) }), host('c', { memoryFree: gib(5) })];
    const vms = [vm('w1', 'a', { ...role('web'), memory: gib(4) }), vm('w2', 'a', { ...role('web'), memory: gib(8) })];
    expect(placed(apart, hosts, vms)).toEqual(['w1>c', 'w2>b']);
});

test('what cannot be met leaves out the last, and says which constraint excludes which host', () => {
    const vms = [vm('w1', 'a', role('web')), vm('w2', 'a', role('web')), vm('w3', 'b', role('web'))];
    expect(placed(apart, [away, host('b'), host('c')], vms)).toEqual([
        'w1>c',
        'w2: b has w3, and vm.tag.role is "web" for both',
        'w2: c has w1, and vm.tag.role is "web" for both',
    ]);
});

test('affinity keeps VMs together, and joins them to those that stay elsewhere', () => {
    const beside: Facts = { destination: { with: [{ by: attr('vm.tag.role'), range: nowhere }] } };
    const hosts = [away, host('b', { memoryFree: gib(6) }), host('c', { memoryFree: gib(20) }), host('d', { memoryFree: gib(7) })];
    expect(placed(beside, hosts, [vm('w1', 'a', role('web')), vm('w2', 'a', role('web'))])).toEqual(['w1>c', 'w2>c']);
    expect(placed(beside, hosts, [vm('w1', 'a', role('web')), vm('w2', 'd', role('web'))])).toEqual(['w1>d']);
});

test('room that only a departure makes is used, and waited for', () => {
    const hosts = [host('a'), host('b', { memoryFree: gib(2), memory: gib(8) })];
    const toOther: Facts = {
        selection: {
            from: { kind: 'named-vms', vms: ['big', 'old'], range: nowhere },
            order: [{ by: attr('vm.host'), direction: 'descending', range: nowhere }],
        },
    };
    expect(placed(toOther, hosts, [vm('old', 'b', { memory: gib(4) }), vm('big', 'a', { memory: gib(5) })])).toEqual([
        'old>a',
        'big>b after old',
    ]);
    expect(placed(toOther, hosts, [vm('old', 'b', { memory: gib(4) }), vm('big', 'a', { memory: gib(2) })])).toEqual(['old>a', 'big>b']);
});

test('distance that only a departure makes is waited for too', () => {
    const facts: Facts = {
        ...apart,
        selection: { from: { kind: 'all', range: nowhere }, order: [{ by: attr('vm.host'), direction: 'descending', range: nowhere }] },
    };
    const vms = [vm('w1', 'b', role('web')), vm('w2', 'a', role('web'))];
    expect(placed(facts, [host('a', { maintenance: true }), host('b'), host('c')], vms)).toEqual(['w1>c', 'w2>b after w1']);
});

test('a limit takes so many and no more, and a VM that cannot move does not count', () => {
    const vms = [vm('w1', 'a', { hasSnapshots: true }), vm('w2', 'a'), vm('w3', 'a')];
    expect(placed({ selection: { limit: { kind: 'count', count: 1, range: nowhere } } }, [away, host('b')], vms)).toEqual([
        'w2>b',
        expect.stringContaining('w1 passed over: cannot be moved: it has snapshots'),
        'w3 passed over: the limit of 1 VMs is reached',
    ]);
});

test('until is judged after each move taken so far', () => {
    const until = op(attr('host.memory.used'), '<', lit(0.3, 'ratio'));
    const hosts = [host('a', { memoryFree: gib(40) }), host('b')];
    const vms = [vm('w1', 'a'), vm('w2', 'a'), vm('w3', 'a')];
    expect(placed({ selection: { until } }, hosts, vms)).toEqual([
        'w1>b',
        'w2>b',
        'w3 passed over: until is reached: host.memory.used < 30% (host.memory.used is 25%)',
    ]);
});

test('until that is unknown moves nothing', () => {
    const until = op(attr('host.cpu'), '<', lit(0.3, 'ratio'));
    expect(placed({ selection: { until } }, [away, host('b')], [vm('w1', 'a')])).toEqual([
        expect.stringContaining('w1 passed over: until is reached: host.cpu < 30% is unknown'),
    ]);
});

test('preferences rank, and ties go by name', () => {
    const prefer = (kind: 'fullest' | 'most-free-memory' | 'even-load' | 'least-loaded'): Facts => ({
        destination: { preferences: [{ kind, weight: 1, gain: undefined, range: nowhere }] },
    });
    const hosts = [
        away,
        host('d', { memoryFree: gib(20) }),
        host('c', { memoryFree: gib(50) }),
        host('b', { memoryFree: gib(20) }),
        host('e', { memory: gib(256), memoryFree: gib(60) }),
    ];
    expect(placed(prefer('fullest'), hosts, [vm('w', 'a')])).toEqual(['w>e']);
    expect(placed(prefer('most-free-memory'), hosts, [vm('w', 'a')])).toEqual(['w>e']);
    expect(placed(prefer('least-loaded'), hosts, [vm('w', 'a')])).toEqual(['w>c']);
    expect(placed(prefer('fullest'), hosts.slice(0, 4), [vm('w', 'a')])).toEqual(['w>b']);
});

test('weights decide between preferences', () => {
    const prefer = (weight: number): Facts => ({
        destination: {
            preferences: [
                { kind: 'expression', by: attr('host.vms'), direction: 'lowest', weight, gain: undefined, range: nowhere },
                { kind: 'most-free-memory', weight: 1, gain: undefined, range: nowhere },
            ],
        },
    });
    const hosts = [away, host('b', { memoryFree: gib(50) }), host('c', { memoryFree: gib(20) })];
    const vms = [vm('w', 'a'), vm('x', 'b'), vm('y', 'b')];
    expect(placed(prefer(2), hosts, vms)).toEqual(['w>c']);
    expect(placed(prefer(0.5), hosts, vms)).toEqual(['w>b']);
});

test('a move that gains too little is not made, and no failure', () => {
    const even: Facts = { ...everywhere, destination: { preferences: [{ kind: 'even-load', weight: 1, gain: 0.05, range: nowhere }] } };
    const uneven = [host('a', { memoryFree: gib(20) }), host('b', { memoryFree: gib(60) })];
    expect(placed(even, uneven, [vm('w', 'a')])).toEqual(['w>b']);
    const level = [host('a', { memoryFree: gib(40) }), host('b', { memoryFree: gib(42) })];
    expect(placed(even, level, [vm('w', 'a')])).toEqual(['w passed over: b would gain -6.25%, and more than 5% is asked for']);
});

test('a disk or CPU of which nobody can say is no reason to stay', () => {
    const maybe = vm('w', 'a', {
        disks: [{ target: 'vda', path: undefined, kind: 'network', shared: undefined, readOnly: false }],
        dirtyRate: bytesPerSecond(1),
    });
    expect(placed({}, [away, host('b')], [maybe])).toEqual(['w>b']);
});
