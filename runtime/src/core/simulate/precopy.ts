/**
 * A fluid model of QEMU's pre-copy: memory flows at the bandwidth that the links give, pages are dirtied meanwhile, and
 * the loop ends when what remains can be sent within the downtime limit. The state is plain data and time is an
 * argument, so that bandwidth and downtime limit may change at any moment.
 *
 *   copying ──(remaining ≤ rate × downtime limit, after a look at the dirty bitmap)──▶ stopped ──(all sent)──▶ sent
 *
 * The rule of the loop: QEMU looks at its estimate of the remaining bytes in slices of time; when the estimate is below
 * the limit it reads the dirty bitmap (a new iteration begins) and stops the guest if it is still below, else copies on.
 */
import { bytes, bytesPerSecond, milliseconds, type Bytes, type BytesPerSecond, type Milliseconds, type Ratio } from '@mig/language';

/** Guest pages are 4 KiB on every machine that is supported. */
export const pageSize = bytes(4096);

/** What a guest's memory holds and how it is written. */
export interface GuestMemory {
    readonly size: Bytes;
    /** Share of the memory that is zero when the move starts; such pages cost almost nothing on the wire. */
    readonly zeroShare: Ratio;
    /** How fast clean pages of the hot set become dirty. */
    readonly dirtyRate: BytesPerSecond;
    /** Memory that the writes fall on; what is dirty never exceeds it, however long a round lasts. */
    readonly hotSet: Bytes;
    /** `cyclic` writes the hot set page after page; `random` writes a page that is dirty already as often as any other. */
    readonly pattern: 'cyclic' | 'random';
    /** Writes outside the hot set, spread over the rest of the memory. */
    readonly coldRate: BytesPerSecond;
}

/** How a hypervisor puts memory on the wire, and what it takes to stop and start a guest. */
export interface CopyMachine {
    /** Stream bytes beside the content of a page. */
    readonly pageHeader: Bytes;
    /** Stream bytes of a page that is all zero. */
    readonly zeroPage: Bytes;
    /** How fast zero pages are found. */
    readonly scanRate: BytesPerSecond;
    /** Stream bytes a second that one sending thread manages, whatever the links give. */
    readonly fastest: BytesPerSecond;
    /** The remaining bytes are looked at this often; Infinity: only when a round has been sent. */
    readonly lookEvery: Milliseconds;
    /** From the order to stop until the last round flows: the guest's CPUs, its disks, the last look at the bitmap. */
    readonly stopSetUp: Milliseconds;
    /** Devices' state, sent after the last page. */
    readonly deviceState: Bytes;
}

/**
 * QEMU. Page header 8 bytes, zero page 9, a look every 50 ms at the latest: its stream format and migration loop.
 * Sending thread, stop and device state: measured in the lab (512 MiB of random content in 408 ms over a link without a
 * limit; the longest downtime of guests that hardly write is 18 to 25 ms, resume included).
 */
export const qemuMachine: CopyMachine = {
    pageHeader: bytes(8),
    zeroPage: bytes(9),
    scanRate: bytesPerSecond(4e9),
    fastest: bytesPerSecond(1.3e9),
    lookEvery: milliseconds(50),
    stopSetUp: milliseconds(8),
    deviceState: bytes(200_000),
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
};

export interface PrecopyState {
    readonly guest: GuestMemory;
    readonly machine: CopyMachine;
    readonly stage: 'copying' | 'stopped' | 'sent';
    /** One-based: how often the dirty bitmap has been read. */
    readonly iteration: number;
    /** Memory that this round still has to send. */
    readonly remaining: Bytes;
    /** Share of `remaining` that is zero. */
    readonly zeroInRound: number;
    /** Memory of the hot set, and outside it, dirtied since the bitmap was last read. */
    readonly dirtyHot: Bytes;
    readonly dirtyCold: Bytes;
    /** Since the bitmap was last read. */
    readonly roundFor: Milliseconds;
    /** Of the last full round; undefined in the first. */
    readonly seenDirtyRate: BytesPerSecond | undefined;
    readonly downtimeLimit: Milliseconds;
    /** Since the guest was stopped. */
    readonly stoppedFor: Milliseconds;
    /** Stream bytes so far. */
    readonly transferred: Bytes;
    readonly normalBytes: Bytes;
    readonly zeroBytes: Bytes;
}

export type PrecopyHappening = {
    readonly kind: 'iteration' | 'guest-stopped' | 'sent';
    readonly afterMs: Milliseconds;
    readonly state: PrecopyState;
};

export interface Advanced {
    readonly state: PrecopyState;
    /** In order, with the state at that moment; `afterMs` counts from the start of the advance. */
    readonly happened: readonly PrecopyHappening[];
}

/** A pre-copy that begins now: the first round holds all memory. */
export function startPrecopy(guest: GuestMemory, downtimeLimit: Milliseconds, machine: CopyMachine = qemuMachine): PrecopyState {
    return {
        guest,
        machine,
        stage: 'copying',
        iteration: 1,
        remaining: guest.size,
        zeroInRound: guest.zeroShare,
        dirtyHot: bytes(0),
        dirtyCold: bytes(0),
        roundFor: milliseconds(0),
        seenDirtyRate: undefined,
        downtimeLimit,
        stoppedFor: milliseconds(0),
        transferred: bytes(0),
        normalBytes: bytes(0),
        zeroBytes: bytes(0),
    };
}

/** The guest is stopped first, and copied then. */
export function startStopAndCopy(guest: GuestMemory, machine: CopyMachine = qemuMachine): PrecopyState {
    return { ...startPrecopy(guest, milliseconds(0), machine), stage: 'stopped' };
}

/** How long the state stays as it is at this bandwidth; Infinity when nothing will happen. */
export function timeToNextEvent(state: PrecopyState, bandwidth: BytesPerSecond): Milliseconds {
    switch (state.stage) {
        case 'sent':
            return milliseconds(Infinity);
        case 'stopped': {
            const setUp = Math.max(0, state.machine.stopSetUp - state.stoppedFor);
            return milliseconds(setUp + lastRoundMs(state, bandwidth));
        }
        case 'copying': {
            const speed = memorySpeed(state, bandwidth);
            if (speed <= 0) return milliseconds(Infinity);
            const toEmpty = state.remaining / speed;
            const toThreshold = Math.max(0, (state.remaining - threshold(state, bandwidth)) / speed);
            const toLook = Math.max(0, state.machine.lookEvery - state.roundFor);
            return milliseconds(Math.min(toEmpty, Math.max(toThreshold, toLook)));
        }
    }
}

/** Lets time (finite) pass at one bandwidth. The time may span any number of events. */
export function advance(state: PrecopyState, elapsed: Milliseconds, bandwidth: BytesPerSecond): Advanced {
    const happened: PrecopyHappening[] = [];
    let now = state;
    let passed = 0;
    for (;;) {
        const wait = timeToNextEvent(now, bandwidth);
        const left = elapsed - passed;
        if (wait > left + instant) return { state: left > 0 ? flow(now, left, bandwidth) : now, happened };
        const step = Math.min(wait, Math.max(0, left));
        now = arrive(flow(now, step, bandwidth), bandwidth);
        passed += step;
        const kind = now.stage === 'copying' ? 'iteration' : now.stage === 'stopped' ? 'guest-stopped' : 'sent';
        happened.push({ kind, afterMs: milliseconds(passed), state: now });
    }
}

/**
 * How long until the hypervisor's own expectation, what remains over the rate on the wire, is down to `lead`.
 * 0: it is already. What has been dirtied meanwhile is not in it until the bitmap is read.
 */
export function timeToExpectedEnd(state: PrecopyState, bandwidth: BytesPerSecond, lead: Milliseconds): Milliseconds {
    const speed = memorySpeed(state, bandwidth);
    const rate = wireRate(state, bandwidth);
    if (speed <= 0 || rate <= 0) return milliseconds(Infinity);
    return milliseconds(Math.max(0, (state.remaining - (rate * lead) / 1000) / speed));
}

/** Another downtime limit, from now on. */
export const withDowntimeLimit = (state: PrecopyState, downtimeLimit: Milliseconds): PrecopyState => ({ ...state, downtimeLimit });

/** Stream bytes a second that the copy makes of a bandwidth: less where it is busy with finding zero pages. */
export function wireRate(state: PrecopyState, bandwidth: BytesPerSecond): BytesPerSecond {
    if (state.stage === 'sent' || (state.stage === 'stopped' && state.stoppedFor < state.machine.stopSetUp)) return bytesPerSecond(0);
    return bytesPerSecond(memorySpeed(state, bandwidth) * wireCost(state) * 1000);
}

/** Two moments closer than this are one: below any clock that is reported, above rounding errors of a long run. */
const instant = 1e-6;
/** Bytes: a remainder that stands above the threshold by less is at the threshold. */
const rounding = 1;

/** Stream bytes per byte of memory in this round. */
function wireCost(state: PrecopyState): number {
    const { pageHeader, zeroPage } = state.machine;
    return (1 - state.zeroInRound) * (1 + pageHeader / pageSize) + (state.zeroInRound * zeroPage) / pageSize;
}

/** Memory bytes per millisecond. */
function memorySpeed(state: PrecopyState, bandwidth: BytesPerSecond): number {
    if (bandwidth <= 0) return 0;
    const secondsPerByte = wireCost(state) / Math.min(bandwidth, state.machine.fastest) + state.zeroInRound / state.machine.scanRate;
    return 1 / (secondsPerByte * 1000);
}

/** Below this the guest is stopped. One page at least: less than a page cannot remain. */
function threshold(state: PrecopyState, bandwidth: BytesPerSecond): number {
    return Math.max(pageSize, (wireRate(state, bandwidth) * state.downtimeLimit) / 1000);
}

function lastRoundMs(state: PrecopyState, bandwidth: BytesPerSecond): number {
    const memory = state.remaining > 0 ? state.remaining / memorySpeed(state, bandwidth) : 0;
    const devices = state.machine.deviceState > 0 ? (state.machine.deviceState / bandwidth) * 1000 : 0;
    return memory + devices;
}

/** Time passes and nothing else happens. */
function flow(state: PrecopyState, ms: number, bandwidth: BytesPerSecond): PrecopyState {
    if (state.stage === 'sent' || ms <= 0) return state;
    if (state.stage === 'stopped') {
        const setUpLeft = Math.max(0, state.machine.stopSetUp - state.stoppedFor);
        const sent = send(state, Math.max(0, ms - setUpLeft), bandwidth);
        return { ...sent, stoppedFor: milliseconds(state.stoppedFor + ms) };
    }
    return { ...dirty(send(state, ms, bandwidth), ms), roundFor: milliseconds(state.roundFor + ms) };
}

function send(state: PrecopyState, ms: number, bandwidth: BytesPerSecond): PrecopyState {
    const memory = Math.min(state.remaining, memorySpeed(state, bandwidth) * ms || 0);
    if (memory <= 0) return state;
    const zero = memory * state.zeroInRound;
    return {
        ...state,
        remaining: bytes(state.remaining - memory),
        transferred: bytes(state.transferred + memory * wireCost(state)),
        normalBytes: bytes(state.normalBytes + memory - zero),
        zeroBytes: bytes(state.zeroBytes + zero),
    };
}

function dirty(state: PrecopyState, ms: number): PrecopyState {
    const { guest } = state;
    const hotSet = Math.min(guest.hotSet, guest.size);
    return {
        ...state,
        dirtyHot: bytes(grown(state.dirtyHot, hotSet, guest.dirtyRate * (ms / 1000), guest.pattern)),
        dirtyCold: bytes(grown(state.dirtyCold, guest.size - hotSet, guest.coldRate * (ms / 1000), 'random')),
    };
}

/** Distinct bytes dirtied after `written` more bytes were written to a set: the share that is clean shrinks exponentially when pages are hit at random. */
function grown(already: number, set: number, written: number, pattern: GuestMemory['pattern']): number {
    if (set <= 0 || written <= 0) return already;
    return pattern === 'cyclic' ? Math.min(set, already + written) : set - (set - already) * Math.exp(-written / set);
}

/** What is due at the end of a step: the bitmap is read and the guest perhaps stopped, or everything has been sent. */
function arrive(state: PrecopyState, bandwidth: BytesPerSecond): PrecopyState {
    if (state.stage === 'stopped') {
        return { ...state, stage: 'sent', remaining: bytes(0), transferred: bytes(state.transferred + state.machine.deviceState) };
    }
    const dirtied = state.dirtyHot + state.dirtyCold;
    const remaining = Math.min(state.guest.size, state.remaining + dirtied);
    const next: PrecopyState = {
        ...state,
        iteration: state.iteration + 1,
        remaining: bytes(remaining),
        zeroInRound: remaining > 0 ? (state.remaining * state.zeroInRound) / (state.remaining + dirtied) : 0,
        dirtyHot: bytes(0),
        dirtyCold: bytes(0),
        seenDirtyRate: state.roundFor > 0 ? bytesPerSecond((dirtied / state.roundFor) * 1000) : state.seenDirtyRate,
        roundFor: milliseconds(0),
    };
    return remaining <= threshold(next, bandwidth) + rounding ? { ...next, stage: 'stopped' } : next;
}
