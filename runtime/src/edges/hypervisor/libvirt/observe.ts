/** Reads a host and its VMs: one listing, bulk statistics, and one definition per VM; rates only where they are asked for. */
import { type Bytes, bytes, type Ratio } from '@mig/language';
import type { HostState, InventoryHost, VmDisk, VmState, VmUuid } from '../../../core/index.js';
import type { HostAccess } from '../../ssh/access.js';
import { HypervisorError } from '../errors.js';
import type { HostObservation, ObservationNeeds } from '../port.js';
import type { LibvirtConnection, Versions } from './connect.js';
import { describeCpu, type HostCpu } from './cpu.js';
import { type DomainFacts, readDomain } from './domain-xml.js';
import { domainStates, uuidFromBytes, xmlFlags } from './domains.js';
import { type HostFacts, onSharedFileSystem } from './host-facts.js';
import { activeJob } from './jobs.js';
import { type Measured, measure } from './measure.js';
import { type Domain, procedures } from './procedures.js';
import { readHostMemory } from './statistics.js';

export interface Observed {
    readonly access: HostAccess;
    readonly connection: LibvirtConnection;
    readonly socket: string;
    readonly versions: Versions;
    readonly host: InventoryHost;
    readonly uuid: string;
    readonly cpu: HostCpu;
    readonly now: () => number;
}

type Unknown = HostObservation['unknown'][number];

export async function observeHost(
    of: Observed,
    hostFacts: HostFacts | Promise<HostFacts>,
    needs: ObservationNeeds,
    signal: AbortSignal,
): Promise<HostObservation> {
    const { connection, access, host } = of;
    const unknown: Unknown[] = [];
    const [facts, info, domains, networks, memory] = await Promise.all([
        hostFacts,
        connection.call(procedures.nodeGetInfo, undefined, signal),
        listDomains(connection, signal),
        listNetworks(connection, signal),
        readHostMemory(connection, signal),
    ]);
    const [described, rates] = await Promise.all([
        describeAll(connection, domains.all, unknown, signal),
        measure(connection, domains.all, needs, unknown, of.now, signal),
    ]);
    const shared = await onSharedFileSystem(access, [...new Set(described.flatMap((d) => filePaths(d.facts)))], signal);
    const vms = described.map((d) => vmState(host.name, d, domains, rates, shared));
    return {
        host: hostState(of, facts, {
            cpus: info.cpus,
            memory: memory.total,
            free: facts.memoryAvailable ?? memory.free,
            networks,
            cpuUsed: rates.hostCpu,
        }),
        vms,
        cpus: Object.fromEntries(
            described.filter((d) => d.active).map((d) => [d.uuid, { machine: d.facts.machine, cpuXml: describeCpu(d.facts, of.cpu) }]),
        ),
        unknown,
    };
}

// ---------------------------------------------------------------- what is there

/** Flags of connectListAllDomains. */
const listing = { all: 0, persistent: 4, autostart: 1024, hasSnapshot: 4096 } as const;

interface Listing {
    readonly all: readonly Domain[];
    readonly persistent: ReadonlySet<VmUuid>;
    readonly autostart: ReadonlySet<VmUuid>;
    readonly withSnapshots: ReadonlySet<VmUuid>;
}

async function listDomains(connection: LibvirtConnection, signal: AbortSignal): Promise<Listing> {
    const list = async (flags: number): Promise<readonly Domain[]> =>
        (await connection.call(procedures.connectListAllDomains, { needResults: 1, flags }, signal)).domains;
    const uuids = async (flags: number): Promise<ReadonlySet<VmUuid>> => new Set((await list(flags)).map((d) => uuidFromBytes(d.uuid)));
    const [all, persistent, autostart, withSnapshots] = await Promise.all([
        list(listing.all),
        uuids(listing.persistent),
        uuids(listing.autostart),
        uuids(listing.hasSnapshot),
    ]);
    return { all, persistent, autostart, withSnapshots };
}

/** Names of libvirt's own networks; none where its network driver is absent or another daemon has it. */
async function listNetworks(connection: LibvirtConnection, signal: AbortSignal): Promise<readonly string[]> {
    try {
        const active = 2;
        return (await connection.call(procedures.connectListAllNetworks, { needResults: 1, flags: active }, signal)).networks.map(
            (n) => n.name,
        );
    } catch (error) {
        if (error instanceof HypervisorError && error.code === 'feature-missing') return [];
        throw error;
    }
}

interface Described {
    readonly uuid: VmUuid;
    readonly name: string;
    readonly active: boolean;
    readonly facts: DomainFacts;
    readonly job: string | undefined;
}

async function describeAll(
    connection: LibvirtConnection,
    domains: readonly Domain[],
    unknown: Unknown[],
    signal: AbortSignal,
): Promise<readonly Described[]> {
    const described = await Promise.all(
        domains.map(async (dom): Promise<readonly Described[]> => {
            const active = dom.id >= 0;
            try {
                const [{ xml }, job] = await Promise.all([
                    connection.call(procedures.domainGetXmlDesc, { dom, flags: active ? xmlFlags.migratable : xmlFlags.inactive }, signal),
                    active ? activeJob(connection, dom, signal) : undefined,
                ]);
                return [{ uuid: uuidFromBytes(dom.uuid), name: dom.name, active, facts: readDomain(xml), job: job?.words }];
            } catch (error) {
                if (!(error instanceof HypervisorError) || error.code === 'host-lost') throw error;
                // Gone since it was listed: it is not here.
                if (error.code !== 'no-such-vm') unknown.push({ about: `vm:${dom.name}`, why: error.message });
                return [];
            }
        }),
    );
    return described.flat();
}

// ---------------------------------------------------------------- as the model has it

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
        workers: Math.max(
            1,
            (facts.maxWorkers[of.socket.includes('virtqemud') ? 'virtqemud' : 'libvirtd'] ?? workers.byDefault) - workers.keptFree,
        ),
        clockOffset: facts.clock,
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

const filePaths = (facts: DomainFacts): readonly string[] =>
    facts.disks.flatMap((disk) => (disk.kind === 'file' && disk.path !== undefined ? [disk.path] : []));

/** Network disks are the same bytes everywhere, and an empty drive has none. What is left undefined, the inventory may know. */
function isShared(disk: Omit<VmDisk, 'shared'>, shared: ReadonlySet<string>): boolean | undefined {
    if (disk.kind === 'network') return true;
    if (disk.path === undefined) return disk.kind === 'file' || disk.kind === 'block' ? true : undefined;
    if (disk.kind === 'block' && /^\/dev\/(rbd|drbd)/.test(disk.path)) return true;
    return disk.kind === 'file' && shared.has(disk.path) ? true : undefined;
}
