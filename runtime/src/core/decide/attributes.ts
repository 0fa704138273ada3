import type { Entity, EpochMs } from '@mig/language';
import { findAttribute } from '@mig/language';
import type { HostName, Tags } from '../model/inventory.js';
import type { VmState } from '../model/snapshot.js';
import { known, type Outcome, type Value, unknown } from './truth.js';
import { isActive, type Place, vmsOf, type World } from './world.js';

/** What an expression is evaluated on: which VM and hosts its names stand for, and when. */
export interface Scope {
    readonly world: World;
    readonly vm: VmState | undefined;
    /** The bound host, the candidate's host or the candidate destination, by clause. Unset: the host of `vm`. */
    readonly host: HostName | undefined;
    /** The host that is left. Unset: the host of `vm`. */
    readonly source: HostName | undefined;
    /** A time in the past, for conditions that must have held for a while; unset is the time of the Snapshot. */
    readonly at: EpochMs | undefined;
}

export function scopeOf(world: World, names: Partial<Omit<Scope, 'world'>> = {}): Scope {
    return { vm: undefined, host: undefined, source: undefined, at: undefined, ...names, world };
}

/** An attribute as an expression names it. */
export interface AttributeName {
    readonly entity: Entity;
    /** Dotted name without the entity; `tag` takes its key in `key`. */
    readonly attribute: string;
    readonly key: string | undefined;
}

/** The present value of an attribute, or unknown with what it is about and what would make it known. */
export function readAttribute(name: AttributeName, scope: Scope): Outcome {
    const value = presentValue(name, scope);
    if (value === notBound) return unknown(`no ${name.entity} is meant here by ${spelled(name)}`);
    if (value !== undefined) return known(value);
    const silent = silentHost(name, scope);
    if (silent) return unknown(`${spelled(name)}${ofWhom(name, scope)} is not known (${silent} does not answer)`);
    const cure = findAttribute(name.entity, name.attribute)?.whenAbsent;
    return unknown(`${spelled(name)}${ofWhom(name, scope)} is not known${cure === undefined ? '' : ` (${cure})`}`);
}

/** Under which key `Snapshot.history` keeps the earlier values; undefined where nothing is bound. */
export function historyKey(name: AttributeName, scope: Scope): string | undefined {
    const tail = name.key === undefined ? name.attribute : `${name.attribute}.${name.key}`;
    if (name.entity === 'cluster') return `cluster:${tail}`;
    if (name.entity === 'vm') return scope.vm === undefined ? undefined : `vm:${scope.vm.uuid}:${tail}`;
    const host = hostMeant(name.entity, scope);
    return host === undefined ? undefined : `host:${host}:${tail}`;
}

/** ` of kvm-a`, to follow an attribute's name; empty for the cluster. */
export function ofWhom(name: AttributeName, scope: Scope): string {
    if (name.entity === 'vm') return scope.vm === undefined ? '' : ` of ${scope.vm.name}`;
    const host = hostMeant(name.entity, scope);
    return host === undefined ? '' : ` of ${host}`;
}

/** As it is written in a policy. */
export function spelled(name: AttributeName): string {
    return [name.entity, name.attribute, ...(name.key === undefined ? [] : [name.key])].join('.');
}

/** Whether a Snapshot can answer for this attribute at all. */
export function hasReader(entity: Entity, attribute: string): boolean {
    if (entity === 'vm') return attribute in vmReaders;
    if (entity === 'host' || entity === 'source') return attribute in hostReaders;
    return entity === 'cluster' && attribute in clusterReaders;
}

type Reading = Value | undefined;

const notBound = Symbol('not bound');

function presentValue(name: AttributeName, scope: Scope): Reading | typeof notBound {
    switch (name.entity) {
        case 'vm':
            return scope.vm === undefined ? notBound : vmReaders[name.attribute]?.(scope.vm, name.key ?? '');
        case 'host':
        case 'source': {
            const host = hostMeant(name.entity, scope);
            const place = host === undefined ? undefined : scope.world.hosts.get(host);
            if (!place) return notBound;
            if (place.state.unreachable !== undefined && !knownUnseen.has(name.attribute)) return undefined;
            return hostReaders[name.attribute]?.(place, name.key ?? '');
        }
        case 'cluster':
            return clusterReaders[name.attribute]?.([...scope.world.hosts.values()], scope.world);
        case 'link':
        case 'move':
            return undefined;
    }
}

/** The host whose silence is why nothing is known. */
function silentHost({ entity }: AttributeName, scope: Scope): HostName | undefined {
    const host = hostMeant(entity, scope);
    return host !== undefined && scope.world.hosts.get(host)?.state.unreachable !== undefined ? host : undefined;
}

function hostMeant(entity: Entity, scope: Scope): HostName | undefined {
    if (entity === 'host') return scope.host ?? scope.vm?.host;
    if (entity === 'source') return scope.source ?? scope.vm?.host ?? scope.host;
    return undefined;
}

/** What stands in the inventory, and so is known of a host that does not answer. */
const knownUnseen: ReadonlySet<string> = new Set(['name', 'zone', 'rack', 'tags', 'tag', 'maintenance', 'healthy', 'failing']);

const vmReaders: Readonly<Record<string, (vm: VmState, key: string) => Reading>> = {
    name: (vm) => vm.name,
    uuid: (vm) => vm.uuid,
    host: (vm) => vm.host,
    state: (vm) => vm.state,
    persistent: (vm) => vm.persistent,
    autostart: (vm) => vm.autostart,
    memory: (vm) => vm.memory,
    vcpus: (vm) => vm.vcpus,
    tags: (vm) => tagSet(vm.tags),
    tag: (vm, key) => vm.tags[key],
    uptime: (vm) => vm.uptime,
    cpu: (vm) => vm.cpu,
    'net.tx': (vm) => vm.netTx,
    'net.rx': (vm) => vm.netRx,
    'disk.read': (vm) => vm.diskRead,
    'disk.write': (vm) => vm.diskWrite,
    dirty_rate: (vm) => vm.dirtyRate,
    working_set: (vm) => vm.workingSet,
    'disks.local': (vm) => (vm.disks.some((d) => d.shared === undefined) ? undefined : vm.disks.filter((d) => d.shared === false).length),
    passthrough: (vm) => vm.passthrough.length > 0,
    snapshots: (vm) => vm.hasSnapshots,
};

const hostReaders: Readonly<Record<string, (place: Place, key: string) => Reading>> = {
    name: ({ state }) => state.name,
    zone: ({ state }) => state.zone,
    rack: ({ state }) => state.rack,
    tags: ({ state }) => tagSet(state.tags),
    tag: ({ state }, key) => state.tags[key],
    maintenance: ({ state }) => state.maintenance,
    failing: ({ state }) => state.failing,
    healthy: ({ state }) => state.unreachable === undefined && state.failing !== true,
    cpu: ({ state }) => state.cpuUsed,
    cpus: ({ state }) => state.cpus,
    'cpu.committed': ({ state, vms }) =>
        share(
            sum(vms.filter(isActive), (vm) => vm.vcpus),
            state.cpus,
        ),
    memory: ({ state }) => state.memory,
    'memory.free': ({ state }) => state.memoryFree,
    'memory.used': ({ state }) => share(state.memory - state.memoryFree, state.memory),
    'memory.committed': ({ state, vms }) =>
        share(
            sum(vms.filter(isActive), (vm) => vm.memory),
            state.memory,
        ),
    'memory.working_set': ({ state, vms }) =>
        share(
            sum(vms.filter(isActive), (vm) => vm.workingSet),
            state.memory,
        ),
    vms: ({ vms }) => vms.filter(isActive).length,
    'net.tx': ({ vms }) => sum(vms.filter(isActive), (vm) => vm.netTx),
    'net.rx': ({ vms }) => sum(vms.filter(isActive), (vm) => vm.netRx),
    libvirt: ({ state }) => state.versions.libvirt,
    qemu: ({ state }) => state.versions.qemu,
};

const clusterReaders: Readonly<Record<string, (hosts: readonly Place[], world: World) => Reading>> = {
    hosts: (hosts) => hosts.length,
    vms: (hosts, world) => (allAnswer(hosts) ? vmsOf(world).length : undefined),
    'cpu.imbalance': (hosts) => (allAnswer(hosts) ? spread(hosts.filter(inUse).map(({ state }) => state.cpuUsed)) : undefined),
    'memory.imbalance': (hosts) =>
        allAnswer(hosts) ? spread(hosts.filter(inUse).map(({ state }) => share(state.memory - state.memoryFree, state.memory))) : undefined,
};

const allAnswer = (hosts: readonly Place[]): boolean => hosts.every(({ state }) => state.unreachable === undefined);

/** A host in maintenance is being emptied: counting it would show an imbalance that no move may mend. */
const inUse = ({ state }: Place): boolean => !state.maintenance;

/** Asked of the same VMs by one policy after the other. */
function tagSet(tags: Tags): readonly string[] {
    let known = tagSets.get(tags);
    if (!known) {
        known = Object.entries(tags).flatMap(([name, value]) => (value === '' ? [name] : [name, `${name}=${value}`]));
        tagSets.set(tags, known);
    }
    return known;
}

const tagSets = new WeakMap<Tags, readonly string[]>();

/** Undefined where one of the parts is. */
function sum(vms: readonly VmState[], of: (vm: VmState) => number | undefined): number | undefined {
    let total = 0;
    for (const vm of vms) {
        const part = of(vm);
        if (part === undefined) return undefined;
        total += part;
    }
    return total;
}

const share = (part: number | undefined, whole: number): number | undefined =>
    part === undefined || whole === 0 ? undefined : part / whole;

function spread(figures: readonly (number | undefined)[]): number | undefined {
    const all = figures.filter((figure) => figure !== undefined);
    return all.length < figures.length || all.length === 0 ? undefined : Math.max(...all) - Math.min(...all);
}
