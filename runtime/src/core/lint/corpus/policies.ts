/**
 * Policies with mistakes in them, each with what has to be found. What is to be marked stands between `⟦` and `⟧`, the id before
 * a bar: `where vm.⟦MIG105|memmory⟧ > 4 GiB`. Nothing else may be found; what is merely information, and what this version
 * does not carry out (MIG090), is left out of account unless it is asked for. All are judged beside `hosts`, by the VMs that
 * it states, and name no inventory unless they say so.
 */

/** Two hosts in the east and one in the west; the versions are of three ages. */
export const hosts = `time_zone: Europe/Berlin
hosts:
  alpha:
    driver: simulated
    zone: east
    rack: r1
    tags: [disk=ssd]
    versions: { libvirt: 9.0.0, qemu: 7.2.22 }
    monitor: deny
    node: none
    memlock: 2 GiB
    tls: false
    devices: [gpu-a100]
    profiles: [fast-net]
    numa: [{ memory: 64 GiB, hugepages: [{ page: 1 GiB, memory: 8 GiB }] }]
    migration: { network: mig, address: 10.0.0.1 }
    simulated:
      memory: 64 GiB
      cpus: 16
      vms:
        - { name: web1, memory: 4 GiB, tags: [web, app=shop] }
        - { name: db1, memory: 16 GiB, tags: [db, app=shop, pinned], disks: [{ target: vdb, size: 100 GiB }] }
  bravo:
    driver: simulated
    zone: east
    rack: r2
    tags: [disk=hdd]
    versions: { libvirt: 10.0.0, qemu: 9.2.0 }
    node: 18.0.0
    tls: true
    devices: []
    migration: { network: mig, address: 10.0.0.2 }
    simulated: { memory: 64 GiB, cpus: 16, vms: [{ name: web2, memory: 4 GiB, tags: [web, app=blog] }] }
  charlie:
    driver: simulated
    zone: west
    rack: r3
    tags: [disk=ssd]
    versions: { libvirt: 11.3.0, qemu: 10.1.0 }
    node: 22.11.0
    tls: true
    devices: []
    migration: { network: mig, address: 10.0.0.3 }
    simulated: { memory: 128 GiB, cpus: 32, vms: [{ name: batch1, memory: 8 GiB, tags: [batch, app=report] }] }
`;

/** Files that may be imported. */
export const files: Readonly<Record<string, string>> = {
    'shared.mig': `technique patient(limit: duration = 300 ms) = precopy { downtime limit  after 10 min: abort }
technique endless = precopy { when stalled for 3 iterations: downtime 450 ms }
let heavy = vm.memory > 8 GiB
group east = hosts where host.zone == "east"
policy base { when host is in maintenance  move vms on host  to hosts  using patient  on failure leave and report }
`,
    'circle.mig': 'import "main.mig"\n',
};

interface Clauses {
    readonly when?: string;
    readonly move?: string;
    readonly to?: string;
    readonly using?: string;
    readonly more?: string;
    readonly head?: string;
}

/** A policy that drains a host, but for what is said otherwise. VMs without a shared disk, so that MIG410 has its own cases. */
export const drain = ({
    when = 'when host is in maintenance',
    move = 'vms on host except vm.disks.local > 0',
    to = 'hosts',
    using = 'precopy { after 5 min: abort }',
    more = '',
    head = 'drain',
}: Clauses = {}): string =>
    `policy ${head} {\n  ${when}\n  move ${move}\n  to ${to}\n  using ${using}\n  ${more}\n  on failure leave and report\n}\n`;
