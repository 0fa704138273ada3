/** How a hypervisor puts memory on the wire: what each page costs, how fast it goes, and what it takes to stop a guest. */
import {
    bytes,
    bytesPerSecond,
    mebibyte,
    milliseconds,
    type Bytes,
    type BytesPerSecond,
    type Milliseconds,
    type TechniqueOptions,
} from '@mig/language';

export interface CopyMachine {
    /** Stream bytes beside the content of a page. */
    readonly pageHeader: Bytes;
    /** Stream bytes of a page that is all zero. */
    readonly zeroPage: Bytes;
    /** How fast zero pages are found. */
    readonly scanRate: BytesPerSecond;
    /** Stream bytes a second that its sending threads manage, whatever the links give. */
    readonly fastest: BytesPerSecond;
    /** The remaining bytes are looked at this often; Infinity: only when a round has been sent. */
    readonly lookEvery: Milliseconds;
    /** From the order to stop until the last round flows: the guest's CPUs, its disks, the last look at the bitmap. */
    readonly stopSetUp: Milliseconds;
    /** Devices' state, sent after the last page. */
    readonly deviceState: Bytes;
    /** What is on its way already when a switch to post-copy is ordered, and reaches the destination before the devices' state. */
    readonly inFlight: Bytes;
    /** Stream bytes for each byte of a page's content. */
    readonly contentRatio: number;
    /** Pages that were sent before, and are in the cache, go as differences. */
    readonly deltas?: { readonly cache: Bytes; readonly ratio: number };
}

/**
 * QEMU. Page header 8 bytes, zero page 9, a look every 50 ms at the latest: its stream format and migration loop.
 * Sending thread, stop and device state: measured in the lab (512 MiB of random content in 408 ms over a link without a
 * limit; the longest downtime of guests that hardly write is 18 to 25 ms, resume included). In flight: post-copy's
 * downtime is 23 ms at 1 Gbit/s and 75 to 83 ms at 200 Mbit/s.
 */
export const qemuMachine: CopyMachine = {
    pageHeader: bytes(8),
    zeroPage: bytes(9),
    scanRate: bytesPerSecond(4e9),
    fastest: bytesPerSecond(1.3e9),
    lookEvery: milliseconds(50),
    stopSetUp: milliseconds(8),
    deviceState: bytes(200_000),
    inFlight: bytes(1_200_000),
    contentRatio: 1,
};

/** Bytes and bandwidth alone: what published formulas assume. */
export const idealMachine: CopyMachine = {
    pageHeader: bytes(0),
    zeroPage: bytes(0),
    scanRate: bytesPerSecond(1e15),
    fastest: bytesPerSecond(1e15),
    lookEvery: milliseconds(Infinity),
    stopSetUp: milliseconds(0),
    deviceState: bytes(0),
    inFlight: bytes(0),
    contentRatio: 1,
};

/**
 * What compression makes of a page, and the content that one thread compresses in a second. Assumed, for guests of
 * ordinary content: zstd to a third (KubeVirt's figure for its sending threads), zlib the same at a quarter of the speed;
 * zstd's speed as in the lab (512 MiB in 482 ms with four threads on two cores).
 */
const compressions: Readonly<Record<'zstd' | 'zlib', { readonly ratio: number; readonly content: BytesPerSecond }>> = {
    zstd: { ratio: 1 / 3, content: bytesPerSecond(0.56e9) },
    zlib: { ratio: 1 / 3, content: bytesPerSecond(0.14e9) },
};

/** What several threads send, as a power of their number. In the lab four of them took 299 ms where one took 408. */
const streamsExponent = Math.log(408 / 299) / Math.log(4);

/** The share of a page that has changed when it is sent again. Assumed; QEMU sends a page in full where its difference is no shorter. */
const changedShare = 0.1;

/** QEMU's own cache for differences. */
const defaultCache = bytes(64 * mebibyte);

/** The machine as the options of a technique set it up. */
export function machineFor(options: TechniqueOptions, machine: CopyMachine = qemuMachine): CopyMachine {
    const streams = options.streams ?? 1;
    const threads = { ...machine, fastest: bytesPerSecond(machine.fastest * streams ** streamsExponent) };
    const method = options.compression?.method;
    if (method === 'zstd' || method === 'zlib') {
        const { ratio, content } = compressions[method];
        // Threads that compress do not stand in each other's way on the wire: each adds what it compresses.
        const compressed = content * streams * ratio;
        return { ...threads, contentRatio: ratio, fastest: bytesPerSecond(Math.min(threads.fastest, compressed)) };
    }
    if (method !== 'xbzrle' && options.xbzrleCache === undefined) return threads;
    return { ...threads, deltas: { cache: bytes(options.xbzrleCache ?? defaultCache), ratio: changedShare } };
}
