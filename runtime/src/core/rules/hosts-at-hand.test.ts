/** Edge cases of the rules on hosts and their VMs (MIG407 to MIG417), beyond what their own documentation shows. */
import { compileText, type Program } from '@mig/language';
import { expect, test } from 'vitest';
import type { Snapshot, VmState } from '../model/snapshot.js';
import { host, inventoryOf, snapshot, vm } from '../testing/builders.js';
import { hostFindings } from './index.js';

const three = (vms: readonly VmState[] = [], facts: Partial<Snapshot> = {}): Snapshot =>
    snapshot([host('a'), host('b'), host('c')], vms, facts);

async function compiled(text: string): Promise<Program> {
    const { program, findings } = await compileText({ uri: 'file:///test.mig', text });
    if (!program) throw new Error(findings.map(({ message }) => message).join('; '));
    return program;
}

async function found(clauses: string, seen: Snapshot, from = inventoryOf(seen)): Promise<readonly string[]> {
    const program = await compiled(`policy p {\n${clauses}\n}`);
    return hostFindings({ program, inventory: from, snapshot: seen })
        .filter(({ id }) => id.startsWith('MIG4'))
        .map(({ id, message }) => `${id} ${message}`);
}

test('hosts to scatter over by name: not the one that is left, nor one without an address', async () => {
    const seen = snapshot([host('a'), host('b'), host('c', { migration: undefined })], []);
    const via = (name: string) => found(`move vms on host "a"  to host "b"  using scatter-gather via "${name}"  on failure report`, seen);
    expect(await via('a')).toEqual(['MIG407 scatter-gather via a: it is the host that is left']);
    expect(await via('c')).toEqual(['MIG407 scatter-gather via c: it has no address on a migration network']);
    expect(await via('b')).toEqual([]);
});

test('a monitor that is denied where the policy never goes is no matter of it', async () => {
    const seen = snapshot([host('a'), host('b'), host('c', { monitor: 'deny' })], []);
    expect(await found('move vms on host "a"  to host "b"  using agile', seen)).toEqual([]);
    expect(await found('move vms on host "a"  to host "c"  using agile', seen)).toHaveLength(1);
    expect(await found('move vms on host "a"  to host "c"  using agile otherwise precopy', seen)).toEqual([]);
});

test('a dirty limit is set through the monitor', async () => {
    const seen = snapshot([host('a', { monitor: 'deny' }), host('b')], []);
    const using = (options: string) => found(`move vms  to hosts  using precopy { ${options}  after 5 min: abort }`, seen);
    expect(await using('dirty-limit 40 MiB/s')).toEqual([
        "MIG408 precopy needs QEMU's monitor to limit what virtual CPUs write, which is denied on a",
    ]);
    expect(await using('streams 4  zero-copy  switchover-ack')).toEqual([]);
});

test('disks that a technique copies, or names as shared, are taken care of; one more is not', async () => {
    const disk = (target: string) => ({ target, path: `/vms/${target}`, kind: 'file', shared: false, readOnly: false }) as const;
    const seen = three([vm('db', 'a', { disks: [disk('vda'), disk('vdb')] })]);
    const using = (storage: string) => found(`move vms  to hosts  using precopy { storage ${storage} }`, seen);
    expect(await using('copy "vda", "vdb"')).toEqual([]);
    expect(await using('copy "vda" shared "vdb"')).toEqual([]);
    expect(await using('copy "vda"')).toEqual(['MIG410 p takes db on a (/vms/vdb), and does not copy disks that stand on one host alone']);
    expect(await found('move vms  except vm.disks.local > 0  to hosts  using precopy', seen)).toEqual([]);
});

test('a policy that says what becomes of VMs that cannot be moved is not told about them', async () => {
    const seen = three([vm('gpu', 'a', { passthrough: ['pci device 0000:3b:00.0'] })]);
    expect(await found('move vms  to hosts  using precopy', seen)).toEqual([
        'MIG411 p takes gpu on a (pci device 0000:3b:00.0), which cannot be moved',
    ]);
    expect(await found('move vms  immovable: skip  to hosts  using precopy', seen)).toEqual([]);
    expect(await found('move vms on host "b"  to hosts  using precopy', seen)).toEqual([]);
    expect(await found('move vm "other"  to hosts  using precopy', seen)).toEqual([]);
});

test('a CPU is found nowhere only when every host that may be gone to was asked, and refused', async () => {
    const db = vm('db', 'a');
    const refusal = (on: string) => ({ vm: db.uuid, host: on, compatible: false, detail: 'no avx512' });
    const ids = async (compatibility: Snapshot['compatibility'], to = 'to hosts') =>
        (await found(`move vms  ${to}  using precopy`, three([db], { compatibility }))).map((text) => text.slice(0, 6));
    expect(await ids([refusal('b')])).toEqual([]);
    expect(await ids([refusal('b'), { ...refusal('c'), compatible: true }])).toEqual([]);
    expect(await ids([refusal('b'), refusal('c')])).toEqual(['MIG413']);
    expect(await ids([refusal('b')], 'to host "b"')).toEqual(['MIG413']);
});

test('leaving a host that is not healthy is leaving a failing one, leaving a healthy one is not', async () => {
    const when = async (condition: string) =>
        (await found(`when ${condition}  move vms on host  to hosts  using postcopy  on failure report`, three())).map((text) =>
            text.slice(0, 6),
        );
    expect(await when('host is failing')).toEqual(['MIG414']);
    expect(await when('host is not healthy for 1 min')).toEqual(['MIG414']);
    expect(await when('host is healthy and host.cpu > 90%')).toEqual([]);
    expect(await when('host is not failing and host.cpu > 90%')).toEqual([]);
});

test('a rung that is ruled out is no post-copy', async () => {
    const using = 'using precopy { never postcopy  after 1 min: switch to postcopy }';
    expect(await found(`move vms  to hosts  ${using}`, three())).toEqual([]);
    expect(await found(`move vms  to hosts  ${using.replace('never postcopy', '')}`, three())).toHaveLength(1);
});

test('a definition left behind matters where the VM may go, and anywhere if it starts with its host', async () => {
    const left = (autostart: boolean): Snapshot => three([vm('db', 'a'), vm('db', 'c', { state: 'shut off', autostart })]);
    expect(await found('move vms  to host "b"  using precopy', left(false))).toEqual([]);
    expect(await found('move vms  to host "c"  using precopy', left(false))).toEqual(['MIG417 p takes db on a: it is defined on c too']);
    expect(await found('move vms  to host "b"  using precopy', left(true))).toEqual([
        'MIG417 p takes db on a: it is defined on c too, and starts with that host',
    ]);
});

test('what is said of a shared technique is said once for each place that uses it', async () => {
    const program = await compiled(
        'technique wide = hybrid { streams 4 }\n' +
            ['p', 'q'].map((name) => `policy ${name} { move vms  to hosts  using wide  on failure report }`).join('\n'),
    );
    const seen = three();
    const lines = hostFindings({ program, inventory: inventoryOf(seen), snapshot: seen })
        .filter(({ id }) => id === 'MIG404')
        .map(({ range }) => range.start.line);
    expect(lines).toEqual([1, 2]);
});
