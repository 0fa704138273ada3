/** How fast a copy goes at a bandwidth: what a byte of memory costs on the wire, and in the thread that sends. */
import { bytesPerSecond, type BytesPerSecond } from '@mig/language';
import { pageSize, type PrecopyState } from './copy-state.js';

/** Stream bytes a second that the copy makes of a bandwidth: less where it is busy with finding zero pages. */
export function wireRate(state: PrecopyState, bandwidth: BytesPerSecond): BytesPerSecond {
    const settingUp = (state.stage === 'stopped' || state.stage === 'switching') && sinceStop(state) < state.machine.stopSetUp;
    if (state.stage === 'sent' || settingUp) return bytesPerSecond(0);
    if (state.stage === 'mirroring') return mirrorRate(state, bandwidth);
    return bytesPerSecond(memorySpeed(state, bandwidth) * wireCost(state) * 1000);
}

/** In which a page that is sent can be in the cache for differences: the first fills no cache, the second fills it. */
const firstRoundOfDeltas = 3;

/** Since the guest was stopped or the bitmap was read, whichever was last. */
export const sinceStop = (state: PrecopyState): number => state.roundFor;

/** Stream bytes per byte of memory in this round. */
export function wireCost(state: PrecopyState): number {
    const { pageHeader, zeroPage } = state.machine;
    return (1 - state.zeroInRound) * (contentCost(state) + pageHeader / pageSize) + (state.zeroInRound * zeroPage) / pageSize;
}

function contentCost({ machine, guest, iteration, stage }: PrecopyState): number {
    const { deltas, contentRatio } = machine;
    if (!deltas || iteration < firstRoundOfDeltas || stage === 'postcopy') return contentRatio;
    const cached = Math.min(1, deltas.cache / Math.max(pageSize, guest.hotSet));
    return contentRatio * (1 - cached * (1 - deltas.ratio));
}

/** Bytes a second of disks that are mirrored. */
export const mirrorRate = ({ mirror, machine }: PrecopyState, bandwidth: BytesPerSecond): BytesPerSecond =>
    bytesPerSecond(Math.min(bandwidth, machine.fastest, mirror?.cap ?? 0));

/** What the guest writes to mirrored disks while its memory is sent, as long as it runs, in bytes a second. */
export const diskWrites = (state: PrecopyState): number => (state.stage === 'copying' && !state.paused ? (state.mirror?.writes ?? 0) : 0);

/** Memory has this share of the wire at the least: the guest's writes wait for their mirror. Assumed. */
const leastForMemory = 0.05;

/** Memory bytes per millisecond. */
export function memorySpeed(state: PrecopyState, whole: BytesPerSecond): number {
    if (whole <= 0) return 0;
    const bandwidth = Math.max(whole * leastForMemory, whole - diskWrites(state));
    const secondsPerByte = wireCost(state) / Math.min(bandwidth, state.machine.fastest) + state.zeroInRound / state.machine.scanRate;
    return 1 / (secondsPerByte * 1000);
}

/** Below this the guest is stopped. One page at least: less than a page cannot remain. */
export function threshold(state: PrecopyState, bandwidth: BytesPerSecond): number {
    return Math.max(pageSize, (wireRate(state, bandwidth) * state.downtimeLimit) / 1000);
}

/** How long what remains of this round takes, in milliseconds. */
export function memoryMs(state: PrecopyState, bandwidth: BytesPerSecond): number {
    return state.remaining > 0 ? state.remaining / memorySpeed(state, bandwidth) : 0;
}
