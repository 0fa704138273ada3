/** MIG400: what was not judged is told where the program asks for it, with what is wanting, and nowhere else. */
import { compileText, type Finding } from '@mig/language';
import { expect, test } from 'vitest';
import { parseInventory } from '../inventory/parse.js';
import { host, snapshot } from '../testing/builders.js';
import { hostRules, missingFor } from './index.js';
import { missing } from './run.js';

interface Known {
    /** Lines of host `a`; `b` says nothing. */
    readonly a?: string;
    readonly driver?: 'simulated';
    readonly seen?: true;
    /** By every rule. */
    readonly all?: true;
}

/** Without those that miss a look whatever a policy says. */
const someRules = hostRules.filter(({ id }) => id !== 'MIG417' && id !== 'MIG508');

async function told(text: string, { a = '', driver, seen, all }: Known = {}): Promise<Finding | undefined> {
    const { program, findings } = await compileText({ uri: 'file:///test.mig', text });
    if (!program) throw new Error(findings.map(({ message }) => message).join('; '));
    const how = driver === 'simulated' ? 'driver: simulated, simulated: { memory: 8 GiB, cpus: 4 }' : 'ssh: root@';
    const line = (name: string, more: string): string => `  ${name}: { ${how}${driver === 'simulated' ? '' : name}${more} }\n`;
    const { inventory, findings: wrong } = parseInventory(`hosts:\n${line('a', a)}${line('b', '')}`, 'hosts.yaml');
    if (!inventory) throw new Error(wrong.map(({ message }) => message).join('; '));
    const input = { program, inventory, snapshot: seen && snapshot([host('a'), host('b')], []) };
    return all ? missingFor(input) : missing(someRules, input);
}
const policy = (using: string, more = 'immovable: skip', to = 'hosts'): string => `policy p { move vms ${more}  to ${to}  using ${using} }`;
const message = async (...asked: Parameters<typeof told>) => (await told(...asked))?.message.replace('not everything was checked: ', '');

test('a program without an inventory is told once how much was left out, and how to mend it', async () => {
    const { program } = await compileText({ uri: 'file:///test.mig', text: policy('precopy') });
    if (!program) throw new Error('it does not compile');
    const nothing = missingFor({ program, inventory: undefined, snapshot: undefined });
    expect(nothing).toMatchObject({ id: 'MIG400', severity: 'info', hint: 'name the hosts with `inventory "hosts.yaml"`' });
    expect(nothing?.message).toMatch(
        /^not everything was checked: for want of an inventory nothing is said of hosts and their VMs \(\d+ rules\)$/,
    );
});

test('a file that moves nothing lacks nothing, and one whose inventory cannot be read is told so elsewhere', async () => {
    for (const text of ['technique careful = precopy { downtime 300 ms }', `inventory "gone.yaml" ${policy('precopy')}`]) {
        const { program } = await compileText({ uri: 'file:///test.mig', text });
        if (!program) throw new Error('it does not compile');
        expect(missingFor({ program, inventory: undefined, snapshot: undefined })).toBeUndefined();
    }
});

test('versions are missed where they would decide over something that is asked for', async () => {
    expect(await message(policy('hybrid { streams 4 }'))).toBe(
        'for want of the version of QEMU on a, b nothing is said of parallel streams and post-copy (MIG404)',
    );
    expect(await message(policy('precopy { streams 2  compression zstd level 3 }'))).toBe(
        'for want of the version of libvirt on a, b nothing is said of zstd compression (MIG402); ' +
            'for want of the version of QEMU on a, b nothing is said of a zstd level (MIG403)',
    );
    expect(await message(policy('precopy { streams 2 }'))).toBeUndefined();
    expect(await message(policy('precopy'))).toBeUndefined();
});

test('what is stated, seen or made up is not missed', async () => {
    const versions = ', versions: { libvirt: 11.3.0, qemu: 10.1.0 }';
    expect(await message(policy('hybrid { streams 4 }'), { a: versions })).toMatch(/QEMU on b nothing/);
    expect(await message(policy('hybrid { streams 4 }'), { seen: true })).toBeUndefined();
    expect(await message(policy('hybrid { streams 4 }'), { driver: 'simulated' })).toBeUndefined();
    expect(await message(policy('precopy { tls }'), { driver: 'simulated' })).toBeUndefined();
});

test('a technique that has another to fall back on misses nothing: that one is used where a host cannot do it', async () => {
    expect(await message(policy('precopy { streams 2  compression zstd } otherwise precopy'))).toBeUndefined();
    expect(await message(policy('hybrid { streams 4 } otherwise precopy'))).toBeUndefined();
    expect(await message(policy('hybrid { streams 4 }'))).toMatch(/parallel streams and post-copy/);
});

test('what hosts provide is missed where it is asked for', async () => {
    expect(await message(policy('precopy { tls }'), { a: ', tls: true' })).toBe(
        'for want of the certificates on b nothing is said of TLS (MIG422)',
    );
    expect(await message(policy('scatter-gather via "b"'))).toMatch(
        /the version of Node\.js on a, b nothing is said of scatter-gather \(MIG423\)/,
    );
    expect(await message(policy('precopy', 'immovable: skip', 'hosts with device "gpu" with profile "gold"'))).toBe(
        'for want of devices in the inventory nothing is said of the device "gpu" (MIG424); ' +
            'for want of profiles in the inventory nothing is said of the profile "gold" (MIG424)',
    );
    expect(await message(policy('precopy', 'immovable: skip', 'hosts with device "gpu"'), { a: ', devices: [nic]' })).toBeUndefined();
    expect(await message(policy('precopy', 'immovable: skip', 'hosts keep 1 GiB of hugepages free'))).toBe(
        'for want of NUMA nodes on a, b nothing is said of headroom of huge pages or by NUMA node (MIG425)',
    );
});

test('VMs that were not looked at are missed by a policy that leaves open what becomes of those that cannot be moved', async () => {
    const look = 'for want of a look at the VMs nothing is said of';
    expect(await message(policy('precopy', ''))).toBe(
        `${look} local disks, passed-through devices, snapshots, CPUs, huge pages (MIG410, MIG411, MIG412, MIG413, MIG426)`,
    );
    expect(await message(policy('precopy', 'except vm.snapshots'))).toBe(
        `${look} local disks, passed-through devices, CPUs, huge pages (MIG410, MIG411, MIG413, MIG426)`,
    );
    expect(await message(policy('precopy'))).toBeUndefined();
    expect(await message(policy('precopy', ''), { seen: true })).toBeUndefined();
    expect(await message(policy('precopy', ''), { driver: 'simulated' })).toBeUndefined();
    expect(await message(policy('rdma'))).toBe(`${look} memory that is locked (MIG419)`);
});

test('rules on where VMs are miss a look at them where the policy gives them something to judge', async () => {
    const look = 'for want of a look at the VMs nothing is said of';
    expect(
        await message(policy('precopy', 'together by vm.tag.app  immovable: skip', 'hosts apart by vm.tag.role  with same vm.tag.app')),
    ).toBe(`${look} VMs that are to be apart, VMs that are to be on one host, sizes of gangs (MIG505, MIG509, MIG512)`);
    const night = (name: string, priority = ''): string =>
        policy('precopy', 'immovable: skip').replace('policy p {', `policy ${name}${priority} { when host is in maintenance`);
    expect(await message(`${night('a')}\n${night('b')}`)).toBe(`${look} VMs that two policies take (MIG504)`);
    expect(await message(`${night('a')}\n${night('b', ' priority 5')}`)).toBeUndefined();
    expect(await message(policy('precopy'), { all: true })).toBe(
        `${look} VMs that are defined twice, moves without a way back (MIG417, MIG508)`,
    );
    expect(await message(policy('precopy'), { all: true, seen: true })).toBeUndefined();
    expect(await message(policy('precopy'), { all: true, driver: 'simulated' })).toBeUndefined();
});

test('why what was seen last is not used is told with the cure', async () => {
    const { program } = await compileText({ uri: 'file:///test.mig', text: policy('precopy') });
    const { inventory } = parseInventory('hosts: { a: { ssh: a }, b: { ssh: b } }', 'hosts.yaml');
    if (!program) throw new Error('it does not compile');
    const hint = (why?: string) => missingFor({ program, inventory, snapshot: undefined }, why)?.hint;
    expect(hint()).toMatch(/^`mig-run observe` or a plan looks at the hosts/);
    expect(hint('the last look at the hosts did not see b')).toMatch(/^the last look at the hosts did not see b; `mig-run observe`/);
});
