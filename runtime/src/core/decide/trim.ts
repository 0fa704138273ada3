/**
 * Keeps what a move really sends at its share, though a hypervisor takes caps in whole steps and sends in portions.
 *
 * QEMU counts in tenths of a second: at the start of each it sends, as fast as the link takes it, until a tenth of its
 * cap has gone out, a portion at a time. A cap of 8 MiB/s lets 8.77 through, one of 7 lets 7.51, one of 5 lets 5.01
 * (QEMU 10.0, measured at the link). So settings are mixed until the balance is even, by what each was seen to let through.
 * A setting that is raised holds for the tenth that is under way as well: what that lacks of it is sent at its end.
 */
import {
    bytes,
    bytesPerSecond,
    epochMs,
    milliseconds,
    type Bytes,
    type BytesPerSecond,
    type EpochMs,
    type Milliseconds,
} from '@mig/language';
import { countBursts, evenPace, firstPace, tenthMs, type Pace } from './tenths.js';

/** How often a move is to be looked at: two of QEMU's tenths. */
export const trimEvery = milliseconds(200);

/**
 * How long a pulse is in force: the start of one of QEMU's tenths falls into it, and of two but seldom. Where the setting
 * between two others is wanted, pulses give it in smaller pieces than settings that hold from look to look.
 */
export const pulseMs = milliseconds(102);

/** What QEMU's buffer of a migration takes before it is written and counted: 32 pages of 4 KiB with a header of 8 bytes each. */
export const qemuPortion = bytes(32 * (4096 + 8));

/**
 * Of the tenths of QEMU, which last a little longer, any two seconds hold 19 or 20: between 5.1 % less and 0.2 % more than
 * two seconds of the mean. The line that is kept to lies above the share, so that the share is nearer to the middle.
 */
const aim = { least: 0.005, most: 0.015 } as const;

/** No two seconds are to be further from the share. */
const bound = 0.05;

/** A setting holds for no longer: from one late look to the next but for chance, and for the tenth under way when it was raised. */
const longestInForceMs = 360;

/**
 * How much of the difference between the balance that is kept from look to look and the one over all the time is made up
 * for at a look. Where what is sent comes in bursts, the former is even to a portion, and the latter right in the mean
 * alone; where a link smooths them, the former is only what is expected.
 */
const trust = { inBursts: 0.005, smooth: 0.04 } as const;

/**
 * A rate that is told is of the tenth before. By the next look that one has begun under the setting that is in force but
 * for chance, and it is believed by half; after two looks it has.
 */
const halfToldAfterMs = 190;
const toldAfterMs = 215;

/** How far what is told of a setting may be from what was believed of it before, for that to be sure. */
const believed = 0.02;

/** By how much more a byte too many counts than one too few. */
const caution = 0.2;

/** A share that is a whole number of steps but for the last bits of a double is that number. */
const rounding = 1e-9;

/** Nothing is made up for that is older: a link that was slow gives no right to more. */
const creditMs = 200;

/** What a hypervisor says at a look. */
export interface TrimLook {
    readonly share: BytesPerSecond;
    readonly at: EpochMs;
    /** Since the move began. */
    readonly sent: Bytes;
    /** In its last tenth of a second. */
    readonly rate: BytesPerSecond | undefined;
}

export interface TrimState {
    /** Undefined: it has been set again, and a new balance begins. */
    readonly share: BytesPerSecond | undefined;
    readonly at: EpochMs;
    /** What has been sent beyond the line; below 0: what may be made up for. */
    readonly over: number;
    /** Of that what a raise or a pulse that has just been ordered is expected to add. */
    readonly ahead: number;
    /** Since the move began. */
    readonly sent: number;
    /** What has been sent beyond the line over all the time. */
    readonly counted: number;
    readonly pace: Pace;
    readonly setting: BytesPerSecond;
    /** To be set first, for `pulseMs`; then `setting`. */
    readonly pulse: BytesPerSecond | undefined;
    readonly setAt: EpochMs;
    /** What settings were seen to let through. */
    readonly lets: ReadonlyMap<BytesPerSecond, BytesPerSecond>;
    /** Settings that let through what was believed of them. */
    readonly sure: ReadonlySet<BytesPerSecond>;
}

/**
 * The setting by which the share is kept, in whole steps: the share itself, or less. `before` is of the look before;
 * `portion` is what the hypervisor sends at once, as far as that is known.
 */
export function trimmed(before: TrimState | undefined, look: TrimLook, step: BytesPerSecond, portion?: Bytes): TrimState {
    const goesOn = before?.share === look.share && look.sent >= before.sent;
    const now = goesOn ? gone(before, look, step, portion) : begun(before, look, step, portion);
    const { setting, pulse } = bestOrder(now, look.share, step, portion);
    if (pulse !== undefined) {
        const setAt = epochMs(look.at + pulseMs);
        return { ...withAhead(now, pulsed(now.setting, pulse, now.lets, portion, pulseMs)), pulse, setAt };
    }
    if (setting === now.setting) return now;
    return { ...withAhead(now, raised(now.setting, setting, now.lets, portion)), setting, setAt: look.at };
}

const withAhead = (state: TrimState, ahead: number): TrimState => ({ ...state, over: state.over + ahead, ahead: state.ahead + ahead });

/** The state once a pulse is over, which was in force for so long. */
export function pulseOver(state: TrimState, lasted: Milliseconds, at: EpochMs, portion?: Bytes): TrimState {
    if (state.pulse === undefined) return state;
    const gain = ((through(state.pulse, state.lets, portion) - through(state.setting, state.lets, portion)) * (lasted - pulseMs)) / 1000;
    return { ...withAhead(state, gain), pulse: undefined, setAt: at };
}

/** The state once its share, or another, has been set: what was sent before counts no more. */
export const restarted = (state: TrimState): TrimState => ({ ...state, share: undefined, pulse: undefined });

/**
 * What is set for a share at first, and the highest that holds on: whole steps, and no more than the share, for a
 * hypervisor that sends in portions; any other takes the share itself.
 */
export function settingFor(share: BytesPerSecond, step: BytesPerSecond, portion: Bytes | undefined): BytesPerSecond {
    return portion === undefined ? share : bytesPerSecond(Math.max(1, Math.floor(share / step + rounding)) * step);
}

/** What a setting lets through where nothing was seen of it. */
export function expectedRate(setting: BytesPerSecond, portion: Bytes | undefined): BytesPerSecond {
    if (portion === undefined) return setting;
    return bytesPerSecond(((Math.floor(setting / 10 / portion) + 1) * portion * 1000) / tenthMs);
}

/** Another share than before begins a new balance; what the settings let through stays known. */
function begun(before: TrimState | undefined, { share, at, sent }: TrimLook, step: BytesPerSecond, portion: Bytes | undefined): TrimState {
    return {
        share,
        at,
        over: 0,
        ahead: 0,
        sent,
        counted: 0,
        pace: portion === undefined ? evenPace : firstPace,
        setting: settingFor(share, step, portion),
        pulse: undefined,
        setAt: at,
        lets: before?.lets ?? new Map<BytesPerSecond, BytesPerSecond>(),
        sure: before?.sure ?? new Set(),
    };
}

/** What a higher setting adds to the tenth that is under way. */
function raised(from: BytesPerSecond, to: BytesPerSecond, lets: TrimState['lets'], portion: Bytes | undefined): number {
    return portion === undefined || to <= from ? 0 : Math.max(0, through(to, lets, portion) - through(from, lets, portion)) / 10;
}

/** What a pulse adds. */
function pulsed(from: BytesPerSecond, to: BytesPerSecond, lets: TrimState['lets'], portion: Bytes | undefined, ms: number): number {
    return raised(from, to, lets, portion) + ((through(to, lets, portion) - through(from, lets, portion)) * ms) / 1000;
}

function gone(before: TrimState, { share, at, sent, rate }: TrimLook, step: BytesPerSecond, portion: Bytes | undefined): TrimState {
    const lets = learned(before, rate, at - before.setAt, portion);
    const sure = isSure(before, lets, portion) ? new Set(before.sure).add(before.setting) : before.sure;
    const line = lineOf(share, step, portion);
    const [ms, more] = [at - before.at, sent - before.sent];
    const burst = (through(before.setting, lets, portion) * tenthMs) / 1000;
    const { bursts, beyond, pace } =
        portion === undefined
            ? { bursts: ms / tenthMs, beyond: 0, pace: evenPace }
            : countBursts({ ms, sent: more, burst, ahead: before.ahead, pace: before.pace, portion });
    const reckoned = before.over + bursts * (burst - (line * tenthMs) / 1000) + beyond;
    const counted = before.counted + more - (line * ms) / 1000;
    const over = reckoned + (pace.inBursts ? trust.inBursts : trust.smooth) * (counted - reckoned);
    const lost = Math.max(0, -(share * creditMs) / 1000 - over);
    return {
        ...before,
        at,
        lets,
        sure,
        pulse: undefined,
        over: over + lost,
        ahead: 0,
        sent,
        counted: counted + lost,
        pace,
    };
}

function learned(
    { lets, setting }: TrimState,
    told: BytesPerSecond | undefined,
    inForceMs: number,
    portion: Bytes | undefined,
): TrimState['lets'] {
    if (told === undefined || told <= 0 || inForceMs < halfToldAfterMs) return lets;
    const rate = inForceMs >= toldAfterMs ? told : (told + through(setting, lets, portion)) / 2;
    return new Map(lets).set(setting, bytesPerSecond(rate));
}

/** Whether it was just seen to let through what was believed. */
function isSure({ setting, lets: before }: TrimState, lets: TrimState['lets'], portion: Bytes | undefined): boolean {
    const seen = lets === before ? undefined : lets.get(setting);
    return seen !== undefined && Math.abs(seen / through(setting, before, portion) - 1) < believed;
}

/** What a setting lets through: as it was seen, else as is expected of it, between what was seen of lower and of higher ones. */
function through(setting: BytesPerSecond, lets: TrimState['lets'], portion: Bytes | undefined): number {
    const seen = lets.get(setting);
    if (seen !== undefined) return seen;
    let rate: number = expectedRate(setting, portion);
    for (const [other, its] of lets) rate = other > setting ? Math.min(rate, its) : Math.max(rate, its);
    return rate;
}

/**
 * Bytes a second that are kept to. Two seconds may hold one setting more or less than others do: where that is nearly all
 * that they may be apart from the share, the line lies close to the share.
 */
function lineOf(share: BytesPerSecond, step: BytesPerSecond, portion: Bytes | undefined): number {
    const apart = portion === undefined ? step : Math.ceil(step / 10 / portion) * portion * 10;
    const room = bound - (apart * longestInForceMs) / 2000 / share;
    return share * (1 + Math.min(aim.most, Math.max(aim.least, room)));
}

/**
 * What brings the balance nearest to even by the next look: a setting, the higher one of two that do, and half of the
 * share at least; or a pulse of a higher one.
 */
function bestOrder(
    { over, lets, sure, setting: now }: TrimState,
    share: BytesPerSecond,
    step: BytesPerSecond,
    portion: Bytes | undefined,
): { readonly setting: BytesPerSecond; readonly pulse: BytesPerSecond | undefined } {
    const line = lineOf(share, step, portion);
    const uneven = (then: number): number => (then > 0 ? then * (1 + caution) : -then);
    const holding = (setting: BytesPerSecond): number => over + ((through(setting, lets, portion) - line) * trimEvery) / 1000;
    const left = (setting: BytesPerSecond): number => uneven(holding(setting) + raised(now, setting, lets, portion));
    const top = settingFor(share, step, portion);
    let [setting, least] = [top, left(top)];
    // Of settings that let as much through but for what is told of them, the highest: from there a pulse of the next one helps.
    const better = portion === undefined ? 1 : portion / 5;
    for (let n = Math.ceil(top / step) - 1; n >= Math.max(1, Math.ceil(share / step / 2)); n--) {
        const other = bytesPerSecond(n * step);
        if (left(other) < least - better) [setting, least] = [other, left(other)];
    }
    if (portion === undefined) return { setting, pulse: undefined };
    // From a setting that is followed by another that lets less through than the line, pulses are larger pieces than need be.
    const next = bytesPerSecond(now + step);
    if (next <= top && through(next, lets, portion) <= line) return { setting, pulse: undefined };
    // For a moment it may be the step above a share between two.
    for (let n = Math.ceil(share / step - rounding); n * step > now; n--) {
        const pulse = bytesPerSecond(n * step);
        // A pulse is over before it is told what it let through: only what is sure is relied on.
        if (!sure.has(pulse) && (pulse <= top || !isAsExpected(sure, lets, portion))) continue;
        const then = uneven(holding(now) + pulsed(now, pulse, lets, portion, pulseMs));
        if (then < least - 1) return { setting: now, pulse };
    }
    return { setting, pulse: undefined };
}

/** Whether what settings let through is what is expected of any, so that it can be told of others as well. */
function isAsExpected(sure: TrimState['sure'], lets: TrimState['lets'], portion: Bytes): boolean {
    return [...sure].some((setting) => Math.abs((lets.get(setting) ?? 0) / expectedRate(setting, portion) - 1) < believed);
}
