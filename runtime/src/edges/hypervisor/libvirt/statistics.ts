/** Figures from libvirt's statistics, and rates from two readings of them. */
import { type Bytes, bytes, type BytesPerSecond, bytesPerSecond, mebibyte, type Ratio, ratio } from '@mig/language';
import type { VmUuid } from '../../../core/index.js';
import type { LibvirtConnection } from './connect.js';
import { uuidFromBytes } from './domains.js';
import { procedures } from './procedures.js';
import { ParamReader } from './typed-params.js';

/** Groups of connectGetAllDomainStats. */
const groups = { state: 1, cpuTotal: 2, balloon: 4, vcpu: 8, interface: 16, block: 32, dirtyRate: 512 } as const;
/** Figures that would have to wait for a job are left out. */
const noWait = 1 << 29;
/** VIR_DOMAIN_DIRTYRATE_MEASURED. */
const measured = 2;

/** One reading of all domains of a host. */
export interface Reading {
    /** Milliseconds on the clock that was passed in. */
    readonly at: number;
    readonly vms: ReadonlyMap<VmUuid, VmReading>;
}

export interface VmReading {
    readonly state: number | undefined;
    readonly memory: Bytes | undefined;
    readonly maxMemory: Bytes | undefined;
    readonly vcpus: number | undefined;
    readonly workingSet: Bytes | undefined;
    readonly cpuNs: number | undefined;
    readonly txBytes: number | undefined;
    readonly rxBytes: number | undefined;
    readonly readBytes: number | undefined;
    readonly writtenBytes: number | undefined;
}

/** `counters`: also those of interfaces and disks, which cost more. */
export async function readStatistics(
    connection: LibvirtConnection,
    counters: boolean,
    now: () => number,
    signal: AbortSignal,
): Promise<Reading> {
    const stats = groups.state | groups.balloon | groups.vcpu | (counters ? groups.cpuTotal | groups.interface | groups.block : 0);
    const { records } = await connection.call(procedures.connectGetAllDomainStats, { domains: [], stats, flags: noWait }, signal);
    return {
        at: now(),
        vms: new Map(records.map((record) => [uuidFromBytes(record.dom.uuid), vmReading(new ParamReader(record.params))])),
    };
}

function vmReading(params: ParamReader): VmReading {
    const kib = (name: string): Bytes | undefined => {
        const value = params.number(name);
        return value === undefined ? undefined : bytes(value * 1024);
    };
    const available = kib('balloon.available');
    const usable = kib('balloon.usable');
    return {
        state: params.number('state.state'),
        memory: kib('balloon.current'),
        maxMemory: kib('balloon.maximum'),
        vcpus: params.number('vcpu.current'),
        workingSet: available === undefined || usable === undefined ? undefined : bytes(available - usable),
        cpuNs: params.number('cpu.time'),
        txBytes: params.sum('net', 'tx.bytes'),
        rxBytes: params.sum('net', 'rx.bytes'),
        readBytes: params.sum('block', 'rd.bytes'),
        writtenBytes: params.sum('block', 'wr.bytes'),
    };
}

export interface VmRates {
    readonly cpu: Ratio | undefined;
    readonly netTx: BytesPerSecond | undefined;
    readonly netRx: BytesPerSecond | undefined;
    readonly diskRead: BytesPerSecond | undefined;
    readonly diskWrite: BytesPerSecond | undefined;
}

/** Undefined where a counter is missing or was set back in between. */
export function ratesBetween(first: VmReading | undefined, second: VmReading | undefined, elapsedMs: number): VmRates {
    const grown = (counter: 'cpuNs' | 'txBytes' | 'rxBytes' | 'readBytes' | 'writtenBytes'): number | undefined => {
        const [from, to] = [first?.[counter], second?.[counter]];
        return from === undefined || to === undefined || to < from || elapsedMs <= 0 ? undefined : to - from;
    };
    const rate = (counter: Parameters<typeof grown>[0]): BytesPerSecond | undefined => {
        const by = grown(counter);
        return by === undefined ? undefined : bytesPerSecond((by / elapsedMs) * 1000);
    };
    const cpu = grown('cpuNs');
    return {
        cpu: cpu === undefined ? undefined : ratio(cpu / 1e6 / elapsedMs / Math.max(1, second?.vcpus ?? 1)),
        netTx: rate('txBytes'),
        netRx: rate('rxBytes'),
        diskRead: rate('readBytes'),
        diskWrite: rate('writtenBytes'),
    };
}

/** Dirty rates of those domains whose sampling has ended; libvirt gives whole MiB/s. */
export async function readDirtyRates(connection: LibvirtConnection, signal: AbortSignal): Promise<ReadonlyMap<VmUuid, BytesPerSecond>> {
    const { records } = await connection.call(
        procedures.connectGetAllDomainStats,
        { domains: [], stats: groups.dirtyRate, flags: noWait },
        signal,
    );
    return new Map(
        records.flatMap((record) => {
            const params = new ParamReader(record.params);
            const rate = params.number('dirtyrate.megabytes_per_second');
            if (params.number('dirtyrate.calc_status') !== measured || rate === undefined) return [];
            return [[uuidFromBytes(record.dom.uuid), bytesPerSecond(rate * mebibyte)] as const];
        }),
    );
}

/** CPU time of all the host's CPUs since it started, in nanoseconds. */
export interface HostCpuReading {
    readonly busyNs: number;
    readonly totalNs: number;
}

/** VIR_NODE_CPU_STATS_ALL_CPUS. */
const allCpus = -1;

export async function readHostCpu(connection: LibvirtConnection, signal: AbortSignal): Promise<HostCpuReading> {
    const { count } = await connection.call(procedures.nodeGetCpuStats, { cpu: allCpus, count: 0, flags: 0 }, signal);
    const { params } = await connection.call(procedures.nodeGetCpuStats, { cpu: allCpus, count, flags: 0 }, signal);
    const idle = new Set(['idle', 'iowait']);
    const known = params
        .filter(({ field }) => field !== 'utilization')
        .map(({ field, value }) => ({ idle: idle.has(field), ns: Number(value) }));
    const sum = (of: typeof known): number => of.reduce((total, { ns }) => total + ns, 0);
    return { busyNs: sum(known.filter((k) => !k.idle)), totalNs: sum(known) };
}

export function cpuUsedBetween(first: HostCpuReading, second: HostCpuReading): Ratio | undefined {
    const total = second.totalNs - first.totalNs;
    return total <= 0 ? undefined : ratio((second.busyNs - first.busyNs) / total);
}

/** The host's memory by the kernel's count; free includes caches, for hosts whose kernel does not say what is available. */
export interface HostMemory {
    readonly total: Bytes;
    readonly free: Bytes;
}

export async function readHostMemory(connection: LibvirtConnection, signal: AbortSignal): Promise<HostMemory> {
    const allCells = -1;
    const { count } = await connection.call(procedures.nodeGetMemoryStats, { count: 0, cell: allCells, flags: 0 }, signal);
    const { params } = await connection.call(procedures.nodeGetMemoryStats, { count, cell: allCells, flags: 0 }, signal);
    const sum = (...fields: readonly string[]): Bytes =>
        bytes(params.filter((p) => fields.includes(p.field)).reduce((total, p) => total + Number(p.value) * 1024, 0));
    return { total: sum('total'), free: sum('free', 'buffers', 'cached') };
}
