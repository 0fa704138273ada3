/**
 * QEMU counts in tenths of a second. At the start of each it sends, as fast as the link takes it, until a tenth of its
 * setting has gone out: a burst. What was sent between two looks tells how many bursts it was, and what was more than is
 * expected of them, to a portion; by the time between looks it would be even to a burst. Looks are kept away from the
 * starts of tenths, where a burst may be under way, or begun for one look and not for the next.
 */
import { milliseconds, type Bytes, type Milliseconds } from '@mig/language';

/** How long one lasts where nothing holds it up (QEMU 7.2 and 10.0: 99.9 to 100.3 ms). */
export const tenthMs = 100.15;

/** Looks that are two tenths apart fall into the same part of a tenth. */
const inPace = milliseconds(2 * tenthMs);

/** Looks that are so far apart fall into one part of a tenth after the other: soon they have passed the start of one. */
const searching = milliseconds(2.3 * tenthMs);

/** From there into the middle of one. */
const found = milliseconds(2.35 * tenthMs);

/** From the very start of a tenth into the middle of one. */
const away = milliseconds(2.5 * tenthMs);

/** What was sent from one look to the next. */
export interface SinceLook {
    readonly ms: number;
    /** Bytes. */
    readonly sent: number;
    /** What one burst is expected to be, in bytes. */
    readonly burst: number;
    /** What is expected beyond the bursts: a setting that was raised holds for the tenth that was under way. Bytes. */
    readonly ahead: number;
    /** As it was found at the look before. */
    readonly pace: Pace;
    /** What the hypervisor sends at once. */
    readonly portion: Bytes;
}

/** How looks and bursts go together. */
export interface Pace {
    /** Whether what is sent comes in bursts: a link that is hardly faster than the share smooths them. */
    readonly inBursts: boolean;
    /** Bursts that were counted by the time alone, since what was sent did not tell; and those that were seen meanwhile. */
    readonly open: { readonly counted: number; readonly seen: number };
    /** Whether looks are known to be away from the starts of tenths. */
    readonly isAway: boolean;
    /** When to look next. */
    readonly lookIn: Milliseconds;
}

const nothingOpen = { counted: 0, seen: 0 };
export const firstPace: Pace = { inBursts: true, open: nothingOpen, isAway: false, lookIn: searching };
/** Of a hypervisor that sends any number of bytes at any time. */
export const evenPace: Pace = { ...firstPace, inBursts: false, lookIn: inPace };

/** Bursts, and the bytes that came beyond what was expected of them. */
export interface Counted {
    readonly bursts: number;
    readonly beyond: number;
    readonly pace: Pace;
}

/** What was sent since the last look, in bursts. */
export function countBursts(since: SinceLook): Counted {
    const { ms, burst, pace, portion } = since;
    const evenly = ms / tenthMs;
    const counted = pace.open.counted + evenly;
    const seen = pace.open.seen + (since.sent - since.ahead) / burst;
    const inBursts = comesInBursts(seen, counted) ?? pace.inBursts;
    if (!inBursts) return { bursts: evenly, beyond: 0, pace: { ...firstPace, inBursts } };
    const byTime = nearTo(counted, seen);
    const whole = Math.round(seen);
    const off = (bursts: number): number => Math.abs(seen - bursts) * burst;
    const settled = (bursts: number): Counted => {
        const isAtStart = bursts !== byTime || off(bursts) > 0.6 * portion;
        const hasPassed = bursts - counted > 0.3;
        const inPlace = isAtStart && pace.lookIn !== away ? away : inPace;
        const notYet = hasPassed ? found : searching;
        return {
            bursts: bursts - pace.open.counted,
            // More than that is the part of a burst that is under way here, or was at the look before.
            beyond: off(bursts) > 3.2 * portion ? 0 : (seen - bursts) * burst,
            pace: { inBursts, open: nothingOpen, isAway: pace.isAway || hasPassed, lookIn: pace.isAway ? inPlace : notYet },
        };
    };
    if (off(whole) < Math.min(0.6 * portion, 0.25 * burst) && Math.abs(whole - counted) < 1.3) return settled(whole);
    if (off(byTime) < Math.min(1.6 * portion, 0.35 * burst)) return settled(byTime);
    // A burst that is under way is over by the next look; what is off then as well came beyond the bursts.
    if (pace.open.counted > 0) return settled(off(whole) < 0.4 * burst && Math.abs(whole - counted) < 1.05 ? whole : byTime);
    const lookIn = pace.lookIn === away ? inPace : away;
    return { bursts: evenly, beyond: 0, pace: { inBursts, open: { counted, seen }, isAway: true, lookIn } };
}

/** Undefined where what was sent does not tell. */
function comesInBursts(seen: number, counted: number): boolean | undefined {
    const fraction = Math.abs(seen - Math.round(seen));
    const uneven = Math.abs(seen - counted);
    if (fraction > 0.2 && uneven < 0.08) return false;
    return fraction < 0.1 && uneven > 0.2 ? true : undefined;
}

/** So many bursts as the time allows for; halfway between two numbers of them it is what was seen that tells. */
function nearTo(counted: number, seen: number): number {
    return Math.round(counted + Math.min(0.3, Math.max(-0.3, seen - counted)));
}
