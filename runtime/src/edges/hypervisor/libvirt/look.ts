/** What there is on a host, whatever it does just now: one listing, its networks and memory, and one definition per VM. */
import type { VmUuid } from '../../../core/index.js';
import type { HostAccess } from '../../ssh/access.js';
import { HypervisorError } from '../errors.js';
import type { HostObservation } from '../port.js';
import type { LibvirtConnection } from './connect.js';
import { type DomainFacts, readDomain } from './domain-xml.js';
import { uuidFromBytes, xmlFlags } from './domains.js';
import { type HostFacts, onSharedFileSystem } from '../host/host-facts.js';
import { activeJob } from './jobs.js';
import { type Domain, procedures } from './procedures.js';
import { type HostMemory, readHostMemory } from './statistics.js';

type Unknown = HostObservation['unknown'][number];

export interface HostLook {
    readonly facts: HostFacts;
    readonly cpus: number;
    readonly memory: HostMemory;
    /** Names of libvirt's own networks. */
    readonly networks: readonly string[];
    readonly listed: Listing;
    readonly described: readonly Described[];
    /** Paths of disks on a file system which several hosts share. */
    readonly shared: ReadonlySet<string>;
    readonly unknown: readonly Unknown[];
}

export async function lookAt(
    access: HostAccess,
    connection: LibvirtConnection,
    hostFacts: HostFacts | Promise<HostFacts>,
    signal: AbortSignal,
): Promise<HostLook> {
    const unknown: Unknown[] = [];
    const [facts, info, listed, networks, memory] = await Promise.all([
        hostFacts,
        connection.call(procedures.nodeGetInfo, undefined, signal),
        listDomains(connection, signal),
        listNetworks(connection, signal),
        readHostMemory(connection, signal),
    ]);
    const described = await describeAll(connection, listed.all, unknown, signal);
    const shared = await onSharedFileSystem(access, [...new Set(described.flatMap((d) => filePaths(d.facts)))], signal);
    return { facts, cpus: info.cpus, memory, networks, listed, described, shared, unknown };
}

/** Flags of connectListAllDomains. */
const listing = { all: 0, persistent: 4, autostart: 1024, hasSnapshot: 4096 } as const;

export interface Listing {
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

export interface Described {
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

const filePaths = (facts: DomainFacts): readonly string[] =>
    facts.disks.flatMap((disk) => (disk.kind === 'file' && disk.path !== undefined ? [disk.path] : []));
