/** What there is on a host, as the model has it. A process that cannot be driven is there too, with what stands against it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { bytes, type BytesPerSecond } from '@mig/language';
import type { HostState, VmDisk, VmState } from '../../../core/index.js';
import { isMigrationError } from '../../../core/index.js';
import { type HostFacts, onSharedFileSystem } from '../host/host-facts.js';
import type { HostObservation, ObservationNeeds } from '../port.js';
import { passedThrough } from './command-line.js';
import { describeCpu } from './cpu.js';
import { type HostLook, lookAtHost } from './look.js';
import { hostCpuBetween, noRates, ratesBetween, sampleDirtyRates } from './measure.js';
import type { Monitor } from './monitors.js';
import type { Asked } from './presence.js';
import type { QemuProcess } from './processes.js';
import { socketOf } from './socket-of.js';
import { networksOf, readVm, type VmFacts } from './vm-facts.js';

export interface Observed extends Asked {
    /** Of the QEMU that would be started here; undefined where none was found. */
    readonly installed: string | undefined;
}

/** How many moves one host takes part in at once: each holds a session of its SSH server (MaxSessions, 10 unless set) and some memory. */
const movesAtOnce = 8;

/** A process of QEMU that was found, and its monitor where that answers. */
interface Found {
    readonly process: QemuProcess;
    readonly monitor: Monitor | undefined;
    readonly facts: VmFacts | undefined;
    /** Why it cannot be moved, whatever it is. */
    readonly against: VmState['blockers'];
}

export async function observeHost(of: Observed, facts: HostFacts, needs: ObservationNeeds, signal: AbortSignal): Promise<HostObservation> {
    const look = await lookAtHost(of.access, signal);
    const unknown: HostObservation['unknown'][number][] = [];
    const found = await Promise.all(look.processes.map((process) => find(of, process, unknown, signal)));
    try {
        const again = needs.twoSamples ? secondLook(of, found, needs, signal) : undefined;
        const sampling = needs.dirtyRate ? dirtyRates(found, needs, unknown, signal) : new Map<string, BytesPerSecond>();
        again?.catch(() => undefined); // awaited below
        const dirty = await sampling;
        const second = await again;
        const shared = await onSharedFileSystem(of.access, [...new Set(found.flatMap(filePaths))], signal);
        const cpu = { microcode: facts.microcode, kernel: facts.kernel };
        return {
            host: hostState(of, facts, look, second && hostCpuBetween(look, second.look)),
            vms: found.map((one) => {
                const later = second?.readings.get(one.process.pid);
                const rates = later && one.facts ? ratesBetween({ process: one.process, facts: one.facts, look }, later) : noRates;
                const vm = vmState(of, one, look, { shared, sizes: needs.storage === true });
                return { ...vm, ...rates, dirtyRate: dirty.get(vm.uuid) };
            }),
            cpus: Object.fromEntries(
                found.flatMap(({ process, facts: vm }) =>
                    vm && process.identity.uuid !== undefined
                        ? [[process.identity.uuid, { machine: vm.machine, cpuXml: describeCpu(process, cpu) }]]
                        : [],
                ),
            ),
            unknown,
        };
    } finally {
        await Promise.all(found.flatMap(({ monitor }) => (monitor ? [monitor[Symbol.asyncDispose]()] : [])));
    }
}

/** Never fails for one VM's sake: what cannot be asked is told with its reason and its cure. */
async function find(
    of: Observed,
    process: QemuProcess,
    unknown: HostObservation['unknown'][number][],
    signal: AbortSignal,
): Promise<Found> {
    const { identity, pid } = process;
    const name = identity.name ?? `process ${String(pid)}`;
    const tell = (reason: string, cure: string): VmState['blockers'] => {
        unknown.push({ about: `vm:${name}`, why: `${reason}: ${cure}` });
        return [{ reason, cure }];
    };
    const nameless = [
        ...(identity.uuid === undefined
            ? tell('its QEMU was started without a UUID, by which it could be told', 'start it with -uuid')
            : []),
        ...(identity.name === undefined ? tell('its QEMU was started without a name', 'start it with -name') : []),
    ];
    const found = socketOf(of.host, process);
    if ('reason' in found)
        return { process, monitor: undefined, facts: undefined, against: [...nameless, ...tell(found.reason, found.cure)] };
    let monitor: Monitor | undefined;
    try {
        monitor = await of.monitors.hold(found.socket, signal);
        return { process, monitor, facts: await readVm(monitor.qmp, process, signal), against: nameless };
    } catch (error) {
        await monitor?.[Symbol.asyncDispose]();
        signal.throwIfAborted();
        if (!isMigrationError(error)) throw error;
        return {
            process,
            monitor: undefined,
            facts: undefined,
            against: [...nameless, ...tell(error.message, error.hint ?? 'see its log')],
        };
    }
}

async function secondLook(of: Observed, found: readonly Found[], needs: ObservationNeeds, signal: AbortSignal) {
    await sleep(needs.windowMs, undefined, { signal });
    const look = await lookAtHost(of.access, signal);
    const readings = await Promise.all(
        found.map(async ({ process, monitor }) => {
            const now = look.processes.find(({ pid, started }) => pid === process.pid && started === process.started);
            if (!monitor || !now) return [];
            // Gone since the first look: it has no rates.
            const facts = await readVm(monitor.qmp, now, signal).catch(() => undefined);
            return facts ? ([[now.pid, { process: now, facts, look }]] as const) : [];
        }),
    );
    return { look, readings: new Map(readings.flat()) };
}

function dirtyRates(
    found: readonly Found[],
    needs: ObservationNeeds,
    unknown: HostObservation['unknown'][number][],
    signal: AbortSignal,
): ReturnType<typeof sampleDirtyRates> {
    const wanted = found.flatMap(({ process, monitor, facts }) => {
        const { uuid, name } = process.identity;
        if (!monitor || facts?.state !== 'running' || uuid === undefined) return [];
        if (needs.dirtyRateOf && !needs.dirtyRateOf.includes(uuid)) return [];
        return [{ uuid, name: name ?? uuid, qmp: monitor.qmp, job: facts.job }];
    });
    return sampleDirtyRates(wanted, needs, unknown, signal);
}

const filePaths = ({ facts }: Found): readonly string[] =>
    facts?.disks.flatMap((disk) => (disk.kind === 'file' && disk.path !== undefined ? [disk.path] : [])) ?? [];

function hostState({ host, installed }: Observed, facts: HostFacts, look: HostLook, cpuUsed: HostState['cpuUsed']): HostState {
    // The lock manager is libvirt's, which is not asked here.
    const { numaNodes, node, tlsCertificates, tlsFiles } = facts.provides('libvirtd');
    return {
        name: host.name,
        driver: 'qemu',
        unreachable: undefined,
        uuid: look.machineId,
        bootId: facts.bootId,
        zone: host.zone,
        rack: host.rack,
        tags: host.tags,
        maintenance: host.maintenance,
        failing: undefined,
        versions: { libvirt: undefined, qemu: installed },
        cpus: look.cpus,
        cpuUsed,
        memory: look.memory,
        memoryFree: facts.memoryAvailable ?? bytes(0),
        networks: [...new Set([...host.links.map((link) => link.network), ...facts.bridges])],
        migration: host.migration,
        links: host.links,
        monitor: host.monitor,
        workers: movesAtOnce,
        clockOffset: facts.clock,
        provides: {
            ...host.provides,
            ...(numaNodes && { numaNodes }),
            ...(node !== undefined && { node }),
            ...(tlsCertificates && { tlsCertificates }),
            ...(tlsFiles && { tlsFiles }),
        },
    };
}

function vmState({ host }: Observed, { process, facts, against }: Found, look: HostLook, disks: DiskFacts): VmState {
    const { identity, mark, argv, pid } = process;
    const memory = facts?.memory ?? identity.memory ?? bytes(0);
    const name = identity.name ?? `process ${String(pid)}`;
    return {
        uuid: identity.uuid ?? `process-${String(pid)}-on-${host.name}`,
        name,
        host: host.name,
        state: facts?.state ?? 'running',
        persistent: false,
        autostart: false,
        memory,
        maxMemory: memory,
        vcpus: facts?.vcpus ?? 1,
        tags: {},
        machine: facts?.machine ?? '',
        disks: facts?.disks.map((disk) => diskState(disk, disks)) ?? [],
        networks: networksOf(argv, look),
        passthrough: passedThrough(argv),
        hasSnapshots: facts?.hasSnapshots ?? false,
        activeJob: facts?.job,
        blockers: [...against, ...(facts?.blockers ?? [])],
        ...noRates,
        dirtyRate: undefined,
        workingSet: undefined,
        uptime: undefined,
        mover: mark && `run ${mark.run} (epoch ${String(mark.epoch)})`,
    };
}

interface DiskFacts {
    readonly shared: ReadonlySet<string>;
    /** Whether they were asked for. */
    readonly sizes: boolean;
}

function diskState({ capacity, allocated, ...disk }: Omit<VmDisk, 'shared'>, { shared, sizes }: DiskFacts): VmDisk {
    return {
        ...disk,
        shared: isShared(disk, shared),
        ...(sizes && capacity !== undefined && { capacity }),
        ...(sizes && allocated !== undefined && { allocated }),
    };
}

/** Network disks are the same bytes everywhere, and an empty drive has none. What is left undefined, the inventory may know. */
function isShared({ kind, path }: Omit<VmDisk, 'shared'>, shared: ReadonlySet<string>): boolean | undefined {
    if (kind === 'network' || path === undefined) return true;
    if (kind === 'block' && /^\/dev\/(rbd|drbd)/.test(path)) return true;
    return kind === 'file' && shared.has(path) ? true : undefined;
}
