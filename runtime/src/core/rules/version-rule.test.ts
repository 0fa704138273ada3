import { compileText, type Program } from '@mig/language';
import { expect, test } from 'vitest';
import { host, inventoryOf, snapshot } from '../testing/builders.js';
import { hostFindings } from './index.js';

/** One rack of old hosts and one of new ones. */
const racks = snapshot(
    [
        host('old-1', { rack: 'r1', versions: { libvirt: '9.4.0', qemu: '7.2.22' } }),
        host('old-2', { rack: 'r1', versions: { libvirt: '9.4.0', qemu: '7.2.22' } }),
        host('new-1', { rack: 'r2', versions: { libvirt: '12.0.0', qemu: '10.1.0' } }),
        host('new-2', { rack: 'r2', versions: { libvirt: '12.0.0', qemu: '10.1.0' } }),
    ],
    [],
);

async function compiled(clauses: string): Promise<Program> {
    const { program, findings } = await compileText({ uri: 'file:///test.mig', text: `policy p {\n${clauses}\non failure report\n}` });
    if (!program) throw new Error(findings.map(({ message }) => message).join('; '));
    return program;
}

async function found(clauses: string, seen = racks): Promise<readonly string[]> {
    const program = await compiled(clauses);
    return hostFindings({ program, inventory: inventoryOf(seen), snapshot: seen })
        .filter(({ id }) => id >= 'MIG402' && id <= 'MIG405')
        .map(({ id, message }) => `${id} ${message.split(':')[0] ?? ''}`);
}

test('all hosts that take part are named, with the version that they run', async () => {
    expect(await found('move vms  to hosts  using hybrid { streams 4 }')).toEqual([
        'MIG404 parallel streams and post-copy on old-1, old-2 (QEMU 7.2.22)',
    ]);
});

test('a host that the policy leaves out by its version, rack or name is no matter of it', async () => {
    const using = 'using hybrid { streams 4 }';
    expect(await found(`move vms on hosts where host.qemu >= "10.1"  to hosts where host.qemu >= "10.1"  ${using}`)).toEqual([]);
    expect(await found(`move vms on hosts where host.rack == "r2"  to hosts where host.rack == source.rack  ${using}`)).toEqual([]);
    expect(await found(`move vms on host "new-1"  to hosts where host.name in ["new-2"]  ${using}`)).toEqual([]);
});

test('a host that is left out by what changes is still possible', async () => {
    expect(await found('move vms on hosts where host.cpu < 20%  to host "new-1"  using hybrid { streams 4 }')).toHaveLength(1);
    expect(await found('move vms on host "new-1"  to hosts where host is healthy  using hybrid { streams 4 }')).toHaveLength(1);
});

test('a branch that is only for new hosts is not judged by the old ones', async () => {
    const using = 'using choose { host.qemu >= "10.1": hybrid { streams 4 }  otherwise: precopy }';
    expect(await found(`move vms  to hosts where host.rack == "r2"  ${using}`)).toEqual([]);
    expect(await found(`move vms  to hosts  ${using}`)).toHaveLength(1);
});

test('a level counts where it is compressed, not where it is read', async () => {
    const using = 'using precopy { streams 2  compression zstd level 3 }';
    expect(await found(`move vms on hosts where host.rack == "r2"  to hosts  ${using}`)).toEqual([]);
    expect(await found(`move vms on hosts where host.rack == "r1"  to hosts  ${using}`)).toHaveLength(1);
});

test('what a host lacks is no finding where another technique stands in for it', async () => {
    const old = snapshot([host('a', { versions: { libvirt: '9.0.0', qemu: '7.2.22' } }), host('b')], []);
    const zstd = 'precopy { streams 2  compression zstd }';
    expect(await found(`move vms  to hosts  using ${zstd}`, old)).toEqual(['MIG402 zstd compression on a (libvirt 9.0.0)']);
    expect(await found(`move vms  to hosts  using ${zstd} otherwise precopy`, old)).toEqual([]);
});

test('versions that are stated in the inventory do where no host was looked at', async () => {
    const program = await compiled('move vms  to hosts  using hybrid { streams 4 }');
    const inventory = inventoryOf(racks);
    const stated = inventory.hosts.map((one, i) => ({
        ...one,
        versions: racks.hosts[i]?.versions ?? { libvirt: undefined, qemu: undefined },
    }));
    const ids = (hosts: typeof inventory.hosts) =>
        hostFindings({ program, inventory: { ...inventory, hosts }, snapshot: undefined }).map(({ id }) => id);
    expect(ids(inventory.hosts)).not.toContain('MIG404');
    expect(ids(stated)).toContain('MIG404');
});

test('only moves from an old host to the one release that cannot read it are found', async () => {
    const mixed = snapshot(
        [
            host('old', { versions: { libvirt: '9.4.0', qemu: '8.2.0' } }),
            host('bad', { versions: { libvirt: '11.0.0', qemu: '9.2.0' } }),
            host('good', { versions: { libvirt: '11.0.0', qemu: '9.2.1' } }),
        ],
        [],
    );
    expect(await found('move vms  to hosts  using precopy { streams 2 }', mixed)).toEqual(['MIG405 parallel streams from old to bad']);
    expect(await found('move vms on host "bad"  to hosts  using precopy { streams 2 }', mixed)).toEqual([]);
});

test('a sequence is judged as a policy is, on its way back too', async () => {
    const text = (ending: string): string =>
        `sequence s for each host where host.rack == "r1" { drain using precopy { streams 2  compression zstd level 3 }; reboot${ending} }`;
    const seen = snapshot([host('a', { rack: 'r1' }), host('b', { rack: 'r2', versions: { libvirt: '9.4.0', qemu: '7.2.22' } })], []);
    const ids = async (source: string): Promise<readonly string[]> => {
        const { program, findings } = await compileText({ uri: 'file:///test.mig', text: source });
        if (!program) throw new Error(findings.map(({ message }) => message).join('; '));
        return hostFindings({ program, inventory: inventoryOf(seen), snapshot: seen }).map(({ id }) => id);
    };
    expect(await ids(text(''))).toEqual([]);
    expect(await ids(text('; return moved vms'))).toEqual(['MIG403']);
});
