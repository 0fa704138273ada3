import { bytes, type EpochMs, epochMs, milliseconds } from '@mig/language';
import {
    type CpuVerdict,
    type HostName,
    type HostState,
    type ImageSight,
    type Inventory,
    type InventoryHost,
    isMigrationError,
    type Snapshot,
    snapshotVersion,
    type PolicyState,
    type VmState,
} from '../../core/index.js';
import { localTimeZone } from './time-zone.js';
import type { HostObservation, HostSession, Hypervisors, ObservationNeeds } from '../hypervisor/port.js';

export interface ObserveOptions {
    readonly needs: ObservationNeeds;
    /** Hosts that count as in maintenance besides those of the inventory. */
    readonly maintenance: readonly HostName[];
    readonly now: () => EpochMs;
    /** What was seen and done before; none where nothing was kept. */
    readonly memory?: { readonly history: Snapshot['history']; readonly policies: readonly PolicyState[] };
}

export interface Observed {
    readonly snapshot: Snapshot;
    /** Why a host could not be asked, by host. */
    readonly failures: ReadonlyMap<HostName, unknown>;
}

/**
 * Reads all hosts at once into one Snapshot. A host that does not answer is in the Snapshot as unreachable, with the
 * reason, and its error is handed back; only the caller knows whether the plan can do without it.
 */
export async function observe(
    inventory: Inventory,
    hypervisors: Hypervisors,
    options: ObserveOptions,
    signal: AbortSignal,
): Promise<Observed> {
    const failures = new Map<HostName, unknown>();
    const answers = await Promise.all(
        inventory.hosts.map(async (host) => {
            try {
                const session = await hypervisors.session(host, signal);
                return { host, session, observation: await session.observe(options.needs, signal) };
            } catch (error) {
                signal.throwIfAborted();
                failures.set(host.name, error);
                return { host, session: undefined, observation: undefined };
            }
        }),
    );
    const answered = answers.filter((a): a is Answer => a.observation !== undefined);
    const takenAt = options.now();
    const vms = answered.flatMap((a) => a.observation.vms).map((vm) => withInventory(vm, inventory));
    const hosts = answers.map(({ host, observation }) => {
        const state = observation?.host ?? unreachable(host, failures.get(host.name));
        return { ...state, maintenance: host.maintenance || options.maintenance.includes(host.name) };
    });
    const snapshot: Snapshot = {
        kind: 'mig-snapshot',
        version: snapshotVersion,
        takenAt,
        timeZone: inventory.timeZone ?? localTimeZone(),
        hosts,
        vms,
        compatibility: await compatibility(answered, signal),
        ...(options.needs.storage === true ? { images: await images(answered, vms, signal) } : {}),
        history: options.memory?.history ?? {},
        policies: options.memory?.policies ?? [],
        unknown: [
            ...answered.flatMap((a) => a.observation.unknown),
            ...[...failures].map(([name, error]) => ({ about: name, why: isMigrationError(error) ? error.message : String(error) })),
        ],
    };
    return { snapshot, failures };
}

interface Answer {
    readonly host: InventoryHost;
    readonly session: HostSession;
    readonly observation: HostObservation;
}

function unreachable(host: InventoryHost, error: unknown): HostState {
    return {
        name: host.name,
        driver: host.driver,
        unreachable: isMigrationError(error) ? error.message : String(error),
        uuid: '',
        bootId: '',
        zone: host.zone,
        rack: host.rack,
        tags: host.tags,
        maintenance: host.maintenance,
        failing: undefined,
        versions: { libvirt: undefined, qemu: undefined },
        cpus: 0,
        cpuUsed: undefined,
        memory: bytes(0),
        memoryFree: bytes(0),
        networks: [],
        migration: host.migration,
        links: host.links,
        monitor: host.monitor,
        workers: 0,
        clockOffset: undefined,
        ...(host.provides && { provides: host.provides }),
    };
}

/**
 * Tags from the inventory where the VM carries none. A disk in a directory that the inventory declares as shared is shared,
 * whatever its host's file system is: the server of an export sees a local one. Other disks are as the host tells, or local.
 */
function withInventory(vm: VmState, inventory: Inventory): VmState {
    const tags = Object.keys(vm.tags).length > 0 ? vm.tags : (inventory.vmTags[vm.name] ?? {});
    const disks = vm.disks.map((disk) => {
        const { path, shared } = disk;
        if (path === undefined || shared === true) return disk;
        const declared = inventory.sharedStorage.some((dir) => path.startsWith(dir.endsWith('/') ? dir : `${dir}/`));
        return { ...disk, shared: declared || (shared ?? false) };
    });
    return { ...vm, tags, disks };
}

/** Each distinct guest CPU is asked about once a host, however many VMs have it. */
async function compatibility(answers: readonly Answer[], signal: AbortSignal): Promise<CpuVerdict[]> {
    const guests = answers.flatMap((a) =>
        Object.entries(a.observation.cpus).map(([uuid, cpu]) => ({ uuid, host: a.host.name, driver: a.host.driver, ...cpu })),
    );
    const verdicts = await Promise.all(
        answers.map(async ({ host, session }) => {
            // What another driver says of a CPU, this one does not read; the plan refuses such a move anyway (decide/drivers-apart.ts).
            const foreign = guests.filter((guest) => guest.host !== host.name && guest.driver === host.driver);
            const kinds = new Map<string, (typeof foreign)[number]>();
            for (const guest of foreign) {
                const kind = `${guest.machine}\n${guest.cpuXml}`;
                if (!kinds.has(kind)) kinds.set(kind, guest);
            }
            if (kinds.size === 0) return [];
            const asked = await session.compareCpus([...kinds.values()], signal);
            const byKind = new Map([...kinds].map(([kind, guest]) => [kind, asked.find((v) => v.vm === guest.uuid)]));
            return foreign.flatMap((guest) => {
                const verdict = byKind.get(`${guest.machine}\n${guest.cpuXml}`);
                return verdict === undefined ? [] : [{ ...verdict, vm: guest.uuid }];
            });
        }),
    );
    return verdicts.flat();
}

/** What stands on each host where local disks of other hosts' VMs would go. */
async function images(answers: readonly Answer[], vms: readonly VmState[], signal: AbortSignal): Promise<ImageSight[]> {
    const seen = await Promise.all(
        answers.map(async ({ host, session }) => {
            const foreign = vms.filter((vm) => vm.host !== host.name).flatMap(({ disks }) => disks);
            const paths = new Set(
                foreign.flatMap(({ kind, path, shared }) => (kind === 'file' && path !== undefined && shared === false ? [path] : [])),
            );
            return paths.size === 0 ? [] : ((await session.images?.([...paths], signal)) ?? []);
        }),
    );
    return seen.flat();
}

/** The wall clock, as the rest of the runtime takes it. */
export const wallClock = (): EpochMs => epochMs(Date.now());

/** Long enough for a rate, short enough to wait for. */
export const defaultWindowMs = milliseconds(1000);
