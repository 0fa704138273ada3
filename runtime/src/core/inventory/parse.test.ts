import { expect, test } from 'vitest';
import { parseInventory } from './parse.js';

const good = `
time_zone: Europe/Berlin
networks:
  - { name: migration, capacity: 10 Gbit/s }
hosts:
  kvm-a:
    ssh: root@10.0.0.1
    zone: z1
    tags: [ssd, generation=3]
    maintenance: true
    migration: { network: migration, address: 10.0.0.1 }
  kvm-b:
    ssh: { address: kvm-b, port: 2222, identity_file: ~/.ssh/lab }
    links: [{ network: migration, capacity: 1 Gbit/s }]
vm_tags:
  db1: { role: db, pinned: }
`;

const problems = (text: string): string[] =>
    parseInventory(text, 'file:///x/rack.yaml').findings.map(
        (f) => `${f.range.start.line + 1}:${f.range.start.character + 1} ${f.id} ${f.message}${f.hint === undefined ? '' : ` | ${f.hint}`}`,
    );

test('an inventory becomes hosts with base units and defaults', () => {
    const { inventory, findings } = parseInventory(good, 'file:///x/rack.yaml');
    expect(findings).toEqual([]);
    expect(inventory?.timeZone).toBe('Europe/Berlin');
    expect(inventory?.hosts[0]).toMatchObject({
        name: 'kvm-a',
        driver: 'libvirt',
        connection: { kind: 'ssh', address: '10.0.0.1', user: 'root', port: undefined },
        zone: 'z1',
        tags: { ssd: '', generation: '3' },
        maintenance: true,
        migration: { network: 'migration', address: '10.0.0.1', listen: '10.0.0.1' },
        links: [{ network: 'migration', capacity: 1.25e9 }],
    });
    expect(inventory?.hosts[1]).toMatchObject({
        connection: { address: 'kvm-b', port: 2222, identityFile: '~/.ssh/lab' },
        links: [{ capacity: 1.25e8 }],
    });
    expect(inventory?.vmTags).toEqual({ db1: { role: 'db', pinned: '' } });
});

test('a simulated host carries its VMs', () => {
    const { inventory } = parseInventory(
        'hosts:\n  a:\n    driver: simulated\n    simulated:\n      memory: 64 GiB\n      cpus: 16\n      vms:\n        - { name: db, memory: 4 GiB, dirty_rate: 10 MiB/s, zero_share: 50% }\n',
        'x.yaml',
    );
    expect(inventory?.hosts[0]?.simulated).toMatchObject({
        cpus: 16,
        vms: [{ name: 'db', memory: 4 * 2 ** 30, dirtyRate: 10 * 2 ** 20, zeroShare: 0.5, vcpus: 1, persistent: true }],
    });
});

test('versions are text, so that 9.10 stays 9.10', () => {
    const { inventory } = parseInventory('hosts:\n  a:\n    ssh: root@h\n    versions: { libvirt: 9.0.0, qemu: "9.10" }\n', 'x.yaml');
    expect(inventory?.hosts[0]?.versions).toEqual({ libvirt: '9.0.0', qemu: '9.10' });
    expect(problems('hosts:\n  a:\n    ssh: root@h\n    versions: { qemu: 9.10 }\n')).toEqual([
        '4:23 MIG012 hosts.a.versions.qemu: write a version as text: 10.1.0, or "10.1" in quotes',
    ]);
    expect(problems('hosts:\n  a:\n    ssh: root@h\n    versions: { qmeu: 9.0.0 }\n')).toEqual([
        '4:17 MIG011 unknown key qmeu in hosts.a.versions | did you mean qemu?',
    ]);
});

test('an unknown key is named with its place and the key that was meant', () => {
    expect(problems('hosts:\n  a:\n    ssh: root@h\n    zonne: z1\n')).toEqual([
        '4:5 MIG011 unknown key zonne in hosts.a | did you mean zone?',
    ]);
    expect(problems('host:\n  a:\n    ssh: root@h\n')[0]).toBe('1:1 MIG011 unknown key host | did you mean hosts?');
});

test('a host that is named twice is said to be, at the second one', () => {
    expect(problems('hosts:\n  a:\n    ssh: root@h\n  b:\n    ssh: root@i\n  a:\n    ssh: root@j\n')).toEqual([
        '6:3 MIG013 host a is named twice | give each host one entry, with a name of its own',
    ]);
});

test('two names for one machine are one too many', () => {
    expect(problems('hosts:\n  a: { ssh: root@h }\n  b: { ssh: root@h }\n')).toEqual([
        '3:3 MIG013 b and a are the same machine: h:22 | keep one of them',
    ]);
});

test('what is not YAML is said with line and column', () => {
    expect(problems('hosts:\n  a: [\n')[0]).toMatch(/^3:1 MIG010 this is not YAML: /);
    expect(problems('just words')[0]).toMatch(/^1:1 MIG010 rack.yaml is not an inventory/);
    expect(problems('')[0]).toMatch(/^1:1 MIG010 rack.yaml is not an inventory/);
});

test('a quantity of the wrong kind or without a unit is answered with the right one', () => {
    const capacity = (text: string) => problems(`networks:\n  - { name: m, capacity: ${text} }\nhosts:\n  a: { ssh: root@h }\n`);
    expect(capacity('10 GiB')).toEqual(["2:26 MIG012 networks.0.capacity: '10 GiB' is a size, and a rate such as 10 Gbit/s is meant"]);
    expect(capacity('10')).toEqual(['2:26 MIG012 networks.0.capacity: write a rate with its unit, such as 10 Gbit/s']);
    expect(capacity('10 gbit/s')).toEqual(["2:26 MIG012 networks.0.capacity: 'gbit/s' is not a unit; did you mean Gbit/s?"]);
    expect(capacity('0 Gbit/s')[0]).toMatch(/a rate of 0 carries nothing/);
});

test('a host that nothing can reach, a loopback for migrations and an unknown network are found at once', () => {
    expect(problems('networks: [{ name: storage }]\nhosts:\n  a:\n    migration: { network: storag, address: 127.0.0.1 }\n')).toEqual([
        '3:3 MIG014 a cannot be reached: it has neither ssh nor local | write `ssh: root@address`, or `local: true` on the host itself',
        "4:44 MIG014 a would be reached for migrations at 127.0.0.1, which is every host's own loopback | name the address on the migration network",
        '4:27 MIG014 a: there is no network storag | did you mean storage?',
    ]);
});

test('a missing part is named where it is missing', () => {
    expect(problems('hosts:\n  a:\n    ssh: root@h\n    migration: { address: 10.0.0.1 }\n')).toEqual([
        '4:16 MIG012 network is missing in hosts.a.migration | add it',
    ]);
});

test('what a host provides for moves is known where it is stated, and not known where it is not', () => {
    const text = `
hosts:
  a:
    ssh: root@a
    devices: [gpu-a100]
    profiles: []
    numa:
      - { memory: 64 GiB, hugepages: [{ page: 1 GiB, memory: 16 GiB }] }
      - { memory: 32 GiB }
    lock_manager: none
    tls: false
    node: 22.11.0
    memlock: 8 GiB
  b: { ssh: root@b, memlock: unlimited, node: none }
  c: { ssh: root@c }
`;
    const { inventory, findings } = parseInventory(text, 'x.yaml');
    expect(findings).toEqual([]);
    expect(inventory?.hosts.map(({ provides }) => provides)).toEqual([
        {
            devices: ['gpu-a100'],
            profiles: [],
            numaNodes: [
                { memory: 64 * 2 ** 30, hugepages: [{ pageSize: 2 ** 30, memory: 16 * 2 ** 30 }] },
                { memory: 32 * 2 ** 30, hugepages: [] },
            ],
            lockManager: 'none',
            tlsCertificates: 'none',
            node: '22.11.0',
            lockableMemory: 8 * 2 ** 30,
        },
        { lockableMemory: 'unlimited', node: 'none' },
        undefined,
    ]);
});

test('what a host cannot provide is refused where it stands', () => {
    const host = (line: string): string => `hosts:\n  a:\n    ssh: root@a\n    ${line}\n`;
    expect(problems(host('numa: [{ memory: 4 GiB, hugepages: [{ page: 2 MiB, memory: 8 GiB }] }]'))).toEqual([
        '4:40 MIG014 a: NUMA node 0 has 4 GiB, and 8 GiB of it in huge pages | huge pages are part of the memory of their node',
    ]);
    expect(problems(host('numa: [{ memory: 4 GiB, hugepage: [] }]'))).toEqual([
        '4:29 MIG011 unknown key hugepage in hosts.a.numa.0 | did you mean hugepages?',
    ]);
    for (const line of ['node: 22', 'tls_directory: pki', 'lock_manager: flock', 'tls: maybe', 'memlock: 8', 'numa: []'])
        expect(problems(host(line))).toHaveLength(1);
});

test('only plain QEMU is told by the inventory where its certificates are', () => {
    const host = (driver: string): string => `hosts:\n  a: { driver: ${driver}, ssh: root@a, tls_directory: /srv/pki }\n`;
    expect(parseInventory(host('qemu'), 'x.yaml').inventory?.hosts[0]?.tlsDirectory).toBe('/srv/pki');
    expect(problems(host('libvirt'))).toEqual([
        '2:38 MIG014 a says where its certificates are, and its driver is libvirt | take tls_directory out: libvirt goes by migrate_tls_x509_cert_dir of qemu.conf on the host',
    ]);
});

test('a host is reached through jump hosts, one, several or none', () => {
    const text = `
hosts:
  a: { ssh: { address: 10.8.0.1, jump: admin@gate:2200 } }
  b: { ssh: { address: 10.8.0.1, jump: ["root@[2001:db8::7]:22", { address: inner, identity_file: ~/.ssh/inner }] } }
  c: { ssh: { address: 10.8.0.3, jump: none } }
  d: { ssh: "root@[2001:db8::9]" }
`;
    const { inventory, findings } = parseInventory(text, 'x.yaml');
    // The same address behind other jump hosts may be another machine.
    expect(findings).toEqual([]);
    const rest = { identityFile: undefined, knownHosts: undefined };
    expect(inventory?.hosts.map(({ connection }) => connection.kind === 'ssh' && connection.jump)).toEqual([
        [{ ...rest, address: 'gate', user: 'admin', port: 2200 }],
        [
            { ...rest, address: '2001:db8::7', user: 'root', port: 22 },
            { ...rest, address: 'inner', user: undefined, port: undefined, identityFile: '~/.ssh/inner' },
        ],
        [],
        undefined,
    ]);
    expect(inventory?.hosts[3]?.connection).toMatchObject({ address: '2001:db8::9', user: 'root' });
    expect(problems('hosts:\n  a: { ssh: { address: h, jump: "gate:here" } }\n')).toEqual([
        expect.stringContaining('write [user@]address[:port], an IPv6 address in brackets'),
    ]);
    expect(problems('hosts:\n  a: { ssh: { address: h, jump: { address: g, usr: x } } }\n')).toEqual([
        expect.stringContaining('did you mean user?'),
    ]);
});
