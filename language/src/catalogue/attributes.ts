/**
 * Every attribute that a policy can read. Hover, completion, type checks, the reference page and what the runtime
 * observes are all produced from these rows.
 */
import type { Entity, ValueType } from '../program.js';

/**
 * What it costs to know an attribute.
 * - `inventory`: stands in the inventory
 * - `listing`: comes with the list of domains and hosts that every run reads
 * - `statistics`: one statistics call per host
 * - `two samples`: two readings some time apart (rates); costs the sampling window
 * - `dirty-rate`: the hypervisor samples pages for a while; costs the sampling window, not possible during a migration
 * - `run`: known only while a move is running
 * - `metric`: asked from a monitoring system
 */
export type Cost = 'inventory' | 'listing' | 'statistics' | 'two samples' | 'dirty-rate' | 'run' | 'metric';

export interface Attribute {
    readonly entity: Entity;
    /** Dotted, without the entity. `tag` takes a key: `vm.tag.app`. */
    readonly name: string;
    readonly type: ValueType;
    /** Closed sets of strings: for completion and did-you-mean. */
    readonly values?: readonly string[];
    readonly keyed?: true;
    readonly meaning: string;
    /** Where the figure comes from. */
    readonly measured: string;
    readonly cost: Cost;
    /** What to do when it is unknown. */
    readonly whenAbsent: string;
}

const vm = (
    name: string,
    type: ValueType,
    cost: Cost,
    meaning: string,
    measured: string,
    whenAbsent: string,
    more: Partial<Attribute> = {},
): Attribute => ({
    entity: 'vm',
    name,
    type,
    cost,
    meaning,
    measured,
    whenAbsent,
    ...more,
});
const host = (
    name: string,
    type: ValueType,
    cost: Cost,
    meaning: string,
    measured: string,
    whenAbsent: string,
    more: Partial<Attribute> = {},
): Attribute => ({
    entity: 'host',
    name,
    type,
    cost,
    meaning,
    measured,
    whenAbsent,
    ...more,
});
const move = (name: string, type: ValueType, meaning: string, measured: string): Attribute => ({
    entity: 'move',
    name,
    type,
    cost: 'run',
    meaning,
    measured,
    whenAbsent: 'known only in the rungs of a ladder',
});

const always = 'always known for a host that answers';

export const attributes: readonly Attribute[] = [
    vm('name', 'string', 'listing', "The VM's name", 'libvirt domain name', always),
    vm('uuid', 'string', 'listing', "The VM's UUID", 'libvirt domain UUID', always),
    vm('host', 'string', 'listing', 'The host that the VM runs on', 'the host that lists it', always),
    vm('state', 'string', 'listing', 'Run state', 'domain state', always, {
        values: ['running', 'paused', 'blocked', 'shut off', 'crashed', 'suspended'],
    }),
    vm(
        'persistent',
        'boolean',
        'listing',
        'Whether the VM is defined on its host, and survives its shutdown',
        'libvirt domain list',
        always,
    ),
    vm('autostart', 'boolean', 'listing', 'Whether the VM starts with its host', 'libvirt domain list', always),
    vm('memory', 'size', 'listing', 'Memory that the VM has now (its balloon)', 'balloon statistics', always),
    vm('vcpus', 'number', 'listing', 'Virtual CPUs in use', 'vCPU statistics', always),
    vm(
        'tags',
        'strings',
        'listing',
        'Tags: the names of all tags, and name=value for those with a value',
        'libvirt metadata or the inventory',
        'a VM without tags has an empty set',
    ),
    vm(
        'tag',
        'string',
        'listing',
        'The value of one tag: vm.tag.app',
        'libvirt metadata or the inventory',
        'unknown where the VM has no such tag',
        { keyed: true },
    ),
    vm(
        'uptime',
        'duration',
        'listing',
        'Time since the VM last started on any host',
        'QEMU process start, carried in metadata',
        'unknown for VMs that this tool has not moved',
    ),
    vm(
        'cpu',
        'ratio',
        'two samples',
        'CPU time used, as a share of its vCPUs',
        'two readings of CPU time',
        'give the sampling window more time',
    ),
    vm(
        'net.tx',
        'rate',
        'two samples',
        'Network traffic that the guest sends',
        'two readings of its interface counters',
        'unknown for a guest without a counted interface',
    ),
    vm(
        'net.rx',
        'rate',
        'two samples',
        'Network traffic that the guest receives',
        'two readings of its interface counters',
        'unknown for a guest without a counted interface',
    ),
    vm(
        'disk.read',
        'rate',
        'two samples',
        'Bytes read from its disks',
        'two readings of its block counters',
        'unknown for a guest without disks',
    ),
    vm(
        'disk.write',
        'rate',
        'two samples',
        'Bytes written to its disks',
        'two readings of its block counters',
        'unknown for a guest without disks',
    ),
    vm(
        'dirty_rate',
        'rate',
        'dirty-rate',
        'Memory that the guest dirties',
        'page sampling by the hypervisor, outside migrations',
        'needs libvirt 7.2, and no migration of the VM under way',
    ),
    vm(
        'working_set',
        'size',
        'statistics',
        'Memory that the guest really uses',
        'guest memory statistics (balloon driver): available - usable',
        'needs a balloon driver with a statistics period in the guest',
    ),
    vm('disks.local', 'number', 'listing', 'Disks that stand on the host alone', 'domain XML and the inventory', always),
    vm('passthrough', 'boolean', 'listing', 'Whether a device of the host is passed through', 'domain XML', always),
    vm('snapshots', 'boolean', 'listing', 'Whether the VM has snapshots', 'libvirt', always),

    host('name', 'string', 'inventory', "The host's name in the inventory", 'inventory', always),
    host('zone', 'string', 'inventory', 'Availability zone', 'inventory: zone', 'name the zone in the inventory'),
    host('rack', 'string', 'inventory', 'Rack', 'inventory: rack', 'name the rack in the inventory'),
    host(
        'tags',
        'strings',
        'inventory',
        'Tags: the names of all tags, and name=value for those with a value',
        'inventory: tags',
        'a host without tags has an empty set',
    ),
    host(
        'tag',
        'string',
        'inventory',
        'The value of one tag: host.tag.generation',
        'inventory: tags',
        'unknown where the host has no such tag',
        { keyed: true },
    ),
    host(
        'maintenance',
        'boolean',
        'inventory',
        'In maintenance: to be emptied, and no destination',
        'inventory: maintenance, or --maintenance',
        always,
    ),
    host('failing', 'boolean', 'metric', 'Failing by its probe', 'inventory: probe', 'name a probe in the inventory'),
    host('healthy', 'boolean', 'listing', 'Answers, and its probe does not say failing', 'libvirt and the probe', always),
    host(
        'cpu',
        'ratio',
        'two samples',
        'CPU time in use, as a share of all its CPUs',
        'two readings of node CPU statistics',
        'give the sampling window more time',
    ),
    host('cpus', 'number', 'listing', 'CPUs', 'node information', always),
    host('cpu.committed', 'ratio', 'listing', 'vCPUs of its VMs, as a share of its CPUs', 'sum over its VMs', always),
    host('memory', 'size', 'listing', 'Memory of the host', 'node information', always),
    host('memory.free', 'size', 'statistics', 'Memory that is free or can be reclaimed', 'node memory statistics', always),
    host('memory.used', 'ratio', 'statistics', 'Memory in use, as a share', 'node memory statistics', always),
    host('memory.committed', 'ratio', 'listing', 'Memory of its VMs, as a share', 'sum over its VMs', always),
    host(
        'memory.working_set',
        'ratio',
        'statistics',
        'Working sets of its VMs, as a share of its memory',
        'sum over its VMs',
        'needs the working set of every VM on it',
    ),
    host('vms', 'number', 'listing', 'VMs that run on it', 'libvirt domain list', always),
    host(
        'net.tx',
        'rate',
        'two samples',
        'Traffic that leaves the host by its VMs',
        "sum over its VMs' interfaces",
        'give the sampling window more time',
    ),
    host(
        'net.rx',
        'rate',
        'two samples',
        'Traffic that enters the host for its VMs',
        "sum over its VMs' interfaces",
        'give the sampling window more time',
    ),
    host('power', 'power', 'metric', 'Power drawn', 'inventory: power (a metric or a model)', 'name a power source in the inventory'),
    host('libvirt', 'string', 'listing', 'Version of libvirt', 'libvirt', always),
    host('qemu', 'string', 'listing', 'Version of QEMU', 'libvirt', always),

    {
        entity: 'cluster',
        name: 'hosts',
        type: 'number',
        cost: 'inventory',
        meaning: 'Hosts in the inventory',
        measured: 'inventory',
        whenAbsent: always,
    },
    {
        entity: 'cluster',
        name: 'vms',
        type: 'number',
        cost: 'listing',
        meaning: 'VMs on all hosts',
        measured: 'libvirt',
        whenAbsent: 'unknown while a host does not answer',
    },
    {
        entity: 'cluster',
        name: 'cpu.imbalance',
        type: 'ratio',
        cost: 'two samples',
        meaning: 'Highest less lowest CPU share of its hosts',
        measured: 'two readings',
        whenAbsent: 'unknown while a host does not answer',
    },
    {
        entity: 'cluster',
        name: 'memory.imbalance',
        type: 'ratio',
        cost: 'statistics',
        meaning: 'Highest less lowest memory share of its hosts',
        measured: 'node memory statistics',
        whenAbsent: 'unknown while a host does not answer',
    },
    {
        entity: 'cluster',
        name: 'power',
        type: 'power',
        cost: 'metric',
        meaning: 'Power drawn by all hosts',
        measured: 'sum over its hosts',
        whenAbsent: 'needs the power of every host',
    },

    move('iteration', 'number', 'Passes over memory so far', 'migration iteration events'),
    move('elapsed', 'duration', 'Time since the first phase', 'clock'),
    move('remaining', 'size', 'Memory left to send', 'job statistics'),
    move('rate', 'rate', 'Rate of transfer', 'job statistics'),
    move('dirty_rate', 'rate', 'Memory that the guest dirties, as seen by the migration', 'job statistics'),
    move('throttle', 'ratio', 'CPU time taken from the guest', 'job statistics'),
];

/** Attributes that `source` shares with `host`: the host that is being left. */
export function findAttribute(entity: Entity, name: string): Attribute | undefined {
    const of = entity === 'source' ? 'host' : entity;
    return byName.get(`${of}.${name}`);
}

const byName: ReadonlyMap<string, Attribute> = new Map(attributes.map((attribute) => [`${attribute.entity}.${attribute.name}`, attribute]));
