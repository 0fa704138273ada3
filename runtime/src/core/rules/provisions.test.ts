/** Edge cases of the rules on what hosts provide (MIG419 to MIG426), beyond what their own documentation shows. */
import { bytes, compileText, type Finding } from '@mig/language';
import { expect, test } from 'vitest';
import type { HostProvisions } from '../model/inventory.js';
import type { Snapshot, VmState } from '../model/snapshot.js';
import { gib, host, inventoryOf, snapshot, vm } from '../testing/builders.js';
import { hostFindings } from './index.js';

const hosts = (provides: Readonly<Record<string, HostProvisions>>, vms: readonly VmState[] = []): Snapshot =>
    snapshot(
        Object.entries(provides).map(([name, each]) => host(name, { provides: each })),
        vms,
    );

async function findings(clauses: string, seen: Snapshot, look: 'seen' | 'stated' = 'seen'): Promise<readonly Finding[]> {
    const text = clauses.includes('policy ') || clauses.includes('sequence ') ? clauses : `policy p {\n${clauses}\n}`;
    const { program, findings: wrong } = await compileText({ uri: 'file:///test.mig', text });
    if (!program) throw new Error(wrong.map(({ message }) => message).join('; '));
    const inventory = inventoryOf(seen, { sharedStorage: ['/srv'] });
    return hostFindings({ program, inventory, snapshot: look === 'seen' ? seen : undefined }).filter(({ id }) => /^MIG4(19|2\d)$/.test(id));
}
const found = async (...asked: Parameters<typeof findings>): Promise<readonly string[]> =>
    (await findings(...asked)).map(({ id, message }) => `${id} ${message}`);

const anywhere = (using: string): string => `move vms  to hosts  using ${using}`;

test('what is not known of a host is not held against it', async () => {
    const unknown = hosts({ a: {}, b: {} }, [
        vm('db', 'a', { disks: [{ target: 'vda', path: '/srv/db', kind: 'file', shared: true, readOnly: false }] }),
    ]);
    for (const using of ['rdma', 'precopy { tls }', 'scatter-gather via "b"  dedup cluster'])
        expect(await found(anywhere(using), unknown)).toEqual([]);
    expect(
        await found('move vms  to hosts with device "gpu" with profile "gold" keep 1 GiB of hugepages free  using precopy', unknown),
    ).toEqual([]);
});

test('what was seen counts before what the inventory states', async () => {
    const seen = hosts({ a: { tlsCertificates: 'both' }, b: { tlsCertificates: 'both' } });
    const inventory = inventoryOf(hosts({ a: { tlsCertificates: 'none' }, b: { tlsCertificates: 'none' } }));
    const { program } = await compileText({ uri: 'file:///test.mig', text: `policy p { ${anywhere('precopy { tls }')} }` });
    if (!program) throw new Error('it does not compile');
    const ids = (look: Snapshot | undefined) => hostFindings({ program, inventory, snapshot: look }).map(({ id }) => id);
    expect(ids(undefined)).toContain('MIG422');
    expect(ids(seen)).not.toContain('MIG422');
});

test('memory that must be locked is held against what each host on the way lets be locked', async () => {
    const limit = gib(32);
    const db = vm('db', 'a', { memory: gib(16), memoryHardLimit: limit });
    const small = { lockableMemory: gib(8) };
    const rdma = 'MIG419 rdma locks all memory of a VM';
    expect(await found(anywhere('rdma'), hosts({ a: { lockableMemory: 'unlimited' }, b: {} }, [db]))).toEqual([]);
    expect(await found(anywhere('rdma'), hosts({ a: {}, b: small }, [db]))).toEqual([`${rdma}: db has 16 GiB, and b lets 8 GiB be locked`]);
    expect(await found('move vms on host "a"  to host "c"  using rdma', hosts({ a: {}, b: small, c: {} }, [db]))).toEqual([]);
    expect(await found(anywhere('rdma otherwise precopy'), hosts({ a: {}, b: small }, [db]))).toEqual([]);
    expect(await found(anywhere('rdma'), hosts({ a: {}, b: {} }, [{ ...db, memoryHardLimit: 'none' }]))).toEqual([
        `${rdma}, and libvirt refuses it where no hard limit is set: db`,
    ]);
    expect(await found(anywhere('precopy'), hosts({ a: small, b: small }, [{ ...db, memoryHardLimit: 'none' }]))).toEqual([]);
});

test('what is sent without copying is held against what the host that is left lets be locked, and no hard limit is wanted', async () => {
    const db = vm('db', 'a', { memory: gib(16), memoryHardLimit: 'none' });
    const [small, enough] = [{ lockableMemory: gib(8) }, { lockableMemory: gib(32) }];
    const using = anywhere('precopy { streams 4  zero-copy }');
    expect(await found(using, hosts({ a: small, b: enough }, [db]))).toEqual([
        'MIG419 precopy sends without copying, for which memory of a VM is locked: db has 16 GiB, and a lets 8 GiB be locked',
    ]);
    expect(await found(using, hosts({ a: enough, b: small }, [db]))).toEqual([]);
    expect(await found(using, hosts({ a: {}, b: {} }, [db]))).toEqual([]);
    expect(await found(anywhere('precopy { streams 4  zero-copy } otherwise precopy'), hosts({ a: small, b: small }, [db]))).toEqual([]);
});

test('a dirty limit wants a dirty ring in each VM that is taken', async () => {
    const vms = [vm('db', 'a', { dirtyRing: true }), vm('web', 'a', { dirtyRing: false }), vm('old', 'a')];
    const seen = hosts({ a: {}, b: {} }, vms);
    const using = 'precopy { dirty-limit 40 MiB/s }';
    expect(await found(anywhere(using), seen)).toEqual([
        'MIG427 precopy limits what virtual CPUs write, and these VMs have no dirty ring: web',
    ]);
    expect(await found(`move vm "db"  to hosts  using ${using}`, seen)).toEqual([]);
    expect(await found(anywhere(`${using} otherwise precopy`), seen)).toEqual([]);
    expect(await found(anywhere('precopy'), seen)).toEqual([]);
});

test('only disks that can be locked, and that two VMs could write to, want a lock manager', async () => {
    const bare = { lockManager: 'none' } as const;
    const on = (disk: Partial<VmState['disks'][number]>) =>
        found(
            anywhere('precopy'),
            hosts({ a: bare, b: bare, c: { lockManager: 'none' } }, [
                vm('db', 'a', { disks: [{ target: 'vda', path: '/srv/db', kind: 'file', shared: true, readOnly: false, ...disk }] }),
            ]),
        );
    const warned = ['MIG420 p moves db on disks that several hosts share, and no lock manager guards these on a, b, c'];
    expect(await on({})).toEqual(warned);
    expect(await on({ kind: 'block' })).toEqual(warned);
    expect(await on({ shared: false })).toEqual([]);
    expect(await on({ readOnly: true })).toEqual([]);
    expect(await on({ kind: 'network' })).toEqual([]);
    expect(await on({ path: undefined })).toEqual([]);
});

test('where no VM was looked at, shared storage that is stated stands for its disks', async () => {
    const bare = hosts({ a: { lockManager: 'none' }, b: { lockManager: 'none' } });
    expect(await found(anywhere('precopy'), bare, 'stated')).toEqual([
        'MIG420 p moves VMs on disks that several hosts share, and no lock manager guards these on a, b',
    ]);
});

test('unlike lock managers are told by the ways that a policy or a sequence may take', async () => {
    const seen = hosts({ a: { lockManager: 'lockd' }, b: { lockManager: 'sanlock' }, c: { lockManager: 'lockd' } });
    const refused = 'may move VMs between unlike lock managers, which libvirt refuses:';
    expect(await found('move vms on host "a"  to hosts  using precopy', seen)).toEqual([`MIG421 p ${refused} a (lockd) to b (sanlock)`]);
    expect(await found('move vms on host "a"  to host "c"  using precopy', seen)).toEqual([]);
    expect(await found('sequence s for each host where host.name == "b" { drain using precopy; reboot within 10 min }', seen)).toEqual([
        `MIG421 s ${refused} b (sanlock) to a (lockd), b (sanlock) to c (lockd)`,
    ]);
});

test('the certificates that sending takes are not those that receiving takes', async () => {
    const tls = anywhere('precopy { tls }');
    const lacking = (names: string) => [`MIG422 precopy asks for TLS, and the certificates for it are not in place on ${names}`];
    expect(await found(tls, hosts({ a: { tlsCertificates: 'both' }, b: { tlsCertificates: 'sending' } }))).toEqual(lacking('b'));
    const oneWay = 'move vms on host "a"  to host "b"  using precopy { tls }';
    expect(await found(oneWay, hosts({ a: { tlsCertificates: 'sending' }, b: { tlsCertificates: 'both' } }))).toEqual([]);
    expect(await found(oneWay, hosts({ a: { tlsCertificates: 'none' }, b: { tlsCertificates: 'both' } }))).toEqual(lacking('a'));
    expect(await found(anywhere('precopy'), hosts({ a: { tlsCertificates: 'none' }, b: {} }))).toEqual([]);
});

test('a relay is needed by what QEMU does not do by itself, on every host that takes part', async () => {
    const seen = hosts({ a: { node: '22.1.0' }, b: { node: '20.0.0' }, c: { node: 'none' }, d: { node: '18.19.0' } });
    const needs = (what: string, names: string) => [`MIG423 ${what} needs a relay, which needs Node.js 20 or later: ${names}`];
    const way = 'move vms on host "a"  to host "b"  using';
    expect(await found(`${way} scatter-gather via "c", "d"`, seen)).toEqual(needs('scatter-gather', 'c (none), d (it has 18.19.0)'));
    expect(await found(`${way} scatter-gather via 1 host`, seen)).toEqual([]);
    expect(await found('move vms on host "c"  to host "b"  using precopy  dedup gang', seen)).toEqual(needs('dedup', 'c (none)'));
    expect(await found('move vms on host "c"  to host "b"  using precopy  dedup zero', seen)).toEqual([]);
    expect(await found('move vms on host "c"  to host "b"  using scatter-gather via "d" otherwise precopy', seen)).toEqual([]);
});

test('a device that is there, and not where the policy may go, is named with its hosts', async () => {
    const seen = hosts({ a: { devices: ['gpu'] }, b: { devices: [], profiles: ['gold'] }, c: {} });
    const to = (where: string) => found(`move vms on host "a"  to ${where}  using precopy`, seen);
    expect(await to('hosts with device "gpu"')).toEqual(['MIG424 p asks for the device "gpu", which only a has, and it may not go there']);
    expect(await to('hosts with profile "gold"')).toEqual([]);
    expect(await to('hosts with profile "silver"')).toEqual(['MIG424 no host of the inventory has the profile "silver"']);
    expect(await found('move vms  to hosts with device "gpu"  using precopy', seen)).toEqual([]);
});

test('a name that nearly is one is mended where it stands', async () => {
    const seen = hosts({ a: {}, b: { devices: ['gpu-a100', 'nic'] } });
    const [finding] = await findings('move vms  to hosts with device "nic", "gpu-a10"  using precopy', seen);
    expect(finding).toMatchObject({ hint: 'did you mean "gpu-a100"?', fixes: [{ edits: [{ newText: '"gpu-a100"' }] }] });
    const { start, end } = finding?.fixes[0]?.edits[0]?.range ?? {};
    expect((end?.character ?? 0) - (start?.character ?? 0)).toBe('"gpu-a10"'.length);
});

test('huge pages and NUMA nodes are summed by host or held against the smallest, as the policy says', async () => {
    const node = (memory: number, pages: number) => ({
        memory: gib(memory),
        hugepages: pages === 0 ? [] : [{ pageSize: gib(1), memory: gib(pages) }],
    });
    const seen = hosts({ a: { numaNodes: [node(64, 0)] }, b: { numaNodes: [node(64, 16), node(32, 8)] } });
    const keep = (what: string) => found(`move vms on host "a"  to hosts keep ${what}  using precopy`, seen);
    const none = 'MIG425 no host that p may go to has what it is to keep free, even when it is empty: b has';
    expect(await keep('24 GiB of hugepages of 1 GiB free')).toEqual([]);
    expect(await keep('25 GiB of hugepages free')).toEqual([`${none} 24 GiB of huge pages`]);
    expect(await keep('9 GiB of hugepages of 1 GiB free per numa node')).toEqual([
        `${none} 8 GiB of huge pages of 1 GiB on its smallest NUMA node`,
    ]);
    expect(await keep('1 GiB of hugepages of 2 MiB free')).toEqual([`${none} no huge pages of 2 MiB`]);
    expect(await keep('50% of hugepages of 2 MiB free')).toEqual([`${none} no huge pages of 2 MiB`]);
    expect(await keep('33 GiB of memory free per numa node')).toEqual([`${none} 32 GiB of memory on its smallest NUMA node`]);
    expect(await keep('500 GiB of memory free')).toEqual([]);
    expect(await found('move vms  to hosts keep 24 GiB of hugepages free  using precopy', seen)).toEqual([]);
});

test('a VM in huge pages goes where its pages are, or may be', async () => {
    const pool = (pageSize: ReturnType<typeof gib>, memory: number): HostProvisions => ({
        numaNodes: [{ memory: gib(64), hugepages: [{ pageSize, memory: gib(memory) }] }],
    });
    const small = bytes(2 * 2 ** 20);
    const db = (facts: Partial<VmState>) => vm('db', 'a', { memory: gib(8), ...facts });
    const warned = (facts: Partial<VmState>, b: HostProvisions, c: HostProvisions = b) =>
        found('move vms  to hosts  using precopy', hosts({ a: {}, b, c }, [db(facts)]));
    const taken = 'MIG426 p takes db on a (8 GiB in huge pages of 1 GiB), and no host that it may go to has so many';
    const ofOne = { hugepages: { pageSize: gib(1) } };
    expect(await warned(ofOne, pool(gib(1), 4), pool(small, 16))).toEqual([`${taken} (b has 4 GiB, c has none)`]);
    expect(await warned(ofOne, pool(gib(1), 4), pool(gib(1), 8))).toEqual([]);
    expect(await warned(ofOne, pool(gib(1), 4), {})).toEqual([]);
    expect(await warned({ hugepages: { pageSize: undefined } }, pool(small, 8))).toEqual([]);
    expect(await warned({}, pool(gib(1), 4))).toEqual([]);
    expect(await found('move vms  immovable: skip  to hosts  using precopy', hosts({ a: {}, b: pool(gib(1), 4) }, [db(ofOne)]))).toEqual(
        [],
    );
});
