/** What there is on a host, with bulk statistics, as the model has it; rates only where they are asked for. */
import { type Bytes, bytes, type Ratio } from '@mig/language';
import type { HostState, InventoryHost, VmDisk, VmState } from '../../../core/index.js';
import type { HostAccess } from '../../ssh/access.js';
import type { HostObservation, ObservationNeeds } from '../port.js';
import type { LibvirtConnection, Versions } from './connect.js';
import { describeCpu, type HostCpu } from './cpu.js';
import { domainStates } from './domains.js';
import type { HostFacts } from '../host/host-facts.js';
import type { DaemonWay } from './daemon-way.js';
import type { Described, HostLook, Listing } from './look.js';
import { type DiskSize, diskSizes, withSizes } from './disks.js';
import { type Measured, measure } from './measure.js';

export interface Observed {
    readonly access: HostAccess;
    readonly connection: LibvirtConnection;
    readonly way: DaemonWay;
    readonly versions: Versions;
    readonly host: InventoryHost;
    readonly uuid: string;
    readonly cpu: HostCpu;
    readonly now: () => number;
}

/** `looked` is what there is on the host, as it was found a moment ago. */
export async function observeHost(of: Observed, looked: HostLook, needs: ObservationNeeds, signal: AbortSignal): Promise<HostObservation> {
    const { host } = of;
    const { facts, described } = looked;
    const unknown = [...looked.unknown];
    const sizes = needs.storage === true ? await diskSizes(of.connection, looked, unknown, signal) : new Map<string, DiskSize>();
    const rates = await measure(of.connection, looked.listed.all, needs, unknown, of.now, signal);
    return {
        host: hostState(of, facts, {
            cpus: looked.cpus,
            memory: looked.memory.total,
            free: facts.memoryAvailable ?? looked.memory.free,
            networks: looked.networks,
            cpuUsed: rates.hostCpu,
        }),
        vms: described.map((d) => withSizes(vmState(host.name, d, looked.listed, rates, looked.shared), sizes)),
        cpus: Object.fromEntries(
            described.filter((d) => d.active).map((d) => [d.uuid, { machine: d.facts.machine, cpuXml: describeCpu(d.facts, of.cpu) }]),
        ),
        unknown,
    };
}

/** The daemon's workers unless its configuration says otherwise, and how many are left for everything else. */
const workers = { byDefault: 20, keptFree: 4 };

interface HostFigures {
    readonly cpus: number;
    readonly memory: Bytes;
    readonly free: Bytes;
    readonly networks: readonly string[];
    readonly cpuUsed: Ratio | undefined;
}

function hostState(of: Observed, facts: HostFacts, figures: HostFigures): HostState {
    const { host } = of;
    const daemon = of.way.socket.includes('virtqemud') ? 'virtqemud' : 'libvirtd';
    return {
        name: host.name,
        driver: 'libvirt',
        unreachable: undefined,
        uuid: of.uuid,
        bootId: facts.bootId,
        zone: host.zone,
        rack: host.rack,
        tags: host.tags,
        maintenance: host.maintenance,
        failing: undefined,
        versions: of.versions,
        cpus: figures.cpus,
        cpuUsed: figures.cpuUsed,
        memory: figures.memory,
        memoryFree: figures.free,
        networks: [...new Set([...host.links.map((link) => link.network), ...figures.networks, ...facts.bridges])],
        migration: host.migration,
        links: host.links,
        monitor: host.monitor,
        workers: Math.max(1, (facts.maxWorkers[daemon] ?? workers.byDefault) - workers.keptFree),
        clockOffset: facts.clock,
        ...(of.way.by !== 'socket' && { reachedBy: of.way.by }),
        provides: { ...host.provides, ...facts.provides(daemon) },
    };
}

const states: Readonly<Record<number, VmState['state']>> = {
    [domainStates.running]: 'running',
    [domainStates.blocked]: 'blocked',
    [domainStates.paused]: 'paused',
    [domainStates.shuttingDown]: 'shutting down',
    [domainStates.shutOff]: 'shut off',
    [domainStates.crashed]: 'crashed',
    [domainStates.suspended]: 'suspended',
};

function vmState(host: string, of: Described, listed: Listing, rates: Measured, shared: ReadonlySet<string>): VmState {
    const { facts, uuid } = of;
    const reading = rates.first.get(uuid);
    return {
        uuid,
        name: of.name,
        host,
        state: states[reading?.state ?? (of.active ? domainStates.running : domainStates.shutOff)] ?? (of.active ? 'running' : 'shut off'),
        persistent: listed.persistent.has(uuid),
        autostart: listed.autostart.has(uuid),
        memory: reading?.memory ?? bytes(facts.memoryKib * 1024),
        maxMemory: reading?.maxMemory ?? bytes(facts.maxMemoryKib * 1024),
        memoryHardLimit: facts.memoryHardLimitKib === undefined ? 'none' : bytes(facts.memoryHardLimitKib * 1024),
        ...(facts.hugepages && {
            hugepages: { pageSize: facts.hugepages.pageKib === undefined ? undefined : bytes(facts.hugepages.pageKib * 1024) },
        }),
        dirtyRing: facts.dirtyRing,
        vcpus: reading?.vcpus ?? facts.vcpus,
        tags: facts.tags,
        machine: facts.machine,
        disks: facts.disks.map((disk) => ({ ...disk, shared: isShared(disk, shared) })),
        networks: facts.networks,
        passthrough: facts.passthrough,
        hasSnapshots: listed.withSnapshots.has(uuid),
        activeJob: of.job,
        blockers: facts.blockers,
        ...rates.perVm(uuid),
        dirtyRate: rates.dirty.get(uuid),
        workingSet: reading?.workingSet,
        uptime: undefined,
        mover: facts.mover === undefined ? undefined : `run ${facts.mover.run} (epoch ${String(facts.mover.epoch)})`,
    };
}

/** Network disks are the same bytes everywhere, and an empty drive has none. What is left undefined, the inventory may know. */
function isShared(disk: Omit<VmDisk, 'shared'>, shared: ReadonlySet<string>): boolean | undefined {
    if (disk.kind === 'network') return true;
    if (disk.path === undefined) return disk.kind === 'file' || disk.kind === 'block' ? true : undefined;
    if (disk.kind === 'block' && /^\/dev\/(rbd|drbd)/.test(disk.path)) return true;
    return disk.kind === 'file' && shared.has(disk.path) ? true : undefined;
}
