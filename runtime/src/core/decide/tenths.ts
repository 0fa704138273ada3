/**
 * QEMU counts in tenths of a second. At the start of each it sends, as fast as the link takes it, until a tenth of its
 * setting has gone out, so that what has been sent goes up in steps. What was sent between two looks tells how many steps
 * it was, and what was more than is expected of them, to a portion; by the time between looks it would be even to a step.
 * Looks are kept away from the starts of tenths, where a step may be under way, or begun for one look and not for the next.
 */
import { milliseconds, type Bytes, type Milliseconds } from '@mig/language';

/** How long one lasts where nothing holds it up (QEMU 7.2 and 10.0: 100.05 to 100.3 ms). */
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
    /** What one step is expected to be, in bytes. */
    readonly step: number;
    /** What is expected beyond the steps: a setting that was raised holds for the tenth that was under way. Bytes. */
    readonly ahead: number;
    /** As it was found at the look before. */
    readonly pace: Pace;
    /** What the hypervisor sends at once. */
    readonly portion: Bytes;
}

/** How looks and steps go together. */
export interface Pace {
    /** Whether what is sent comes in steps: a link that is hardly faster than the share smooths them. */
    readonly inSteps: boolean;
    /** Steps that were counted by the time alone, since what was sent did not tell; and those that were seen meanwhile. */
    readonly open: { readonly counted: number; readonly seen: number };
    /** Whether looks are known to be away from the starts of tenths. */
    readonly isAway: boolean;
    /** When to look next. */
    readonly lookIn: Milliseconds;
}

const nothingOpen = { counted: 0, seen: 0 };
export const firstPace: Pace = { inSteps: true, open: nothingOpen, isAway: false, lookIn: searching };
/** Of a hypervisor that sends any number of bytes at any time. */
export const evenPace: Pace = { ...firstPace, inSteps: false, lookIn: inPace };

/** Steps, and the bytes that came beyond what was expected of them. */
export interface Counted {
    readonly steps: number;
    readonly beyond: number;
    readonly pace: Pace;
}

/** What was sent since the last look, in steps. */
export function countSteps(since: SinceLook): Counted {
    const { ms, step, pace, portion } = since;
    const evenly = ms / tenthMs;
    const gone = (since.sent - since.ahead) / step;
    const counted = pace.open.counted + evenly;
    const seen = pace.open.seen + gone;
    const inSteps = comesInSteps(seen, counted) ?? pace.inSteps;
    if (!inSteps) return { steps: evenly, beyond: 0, pace: { ...firstPace, inSteps } };
    const byTime = nearTo(counted, seen);
    const whole = Math.round(seen);
    const off = (steps: number): number => Math.abs(seen - steps) * step;
    const settled = (steps: number): Counted => {
        const isAtStart = steps !== byTime || off(steps) > 0.6 * portion;
        const hasPassed = steps - counted > 0.3;
        const inPlace = isAtStart && pace.lookIn !== away ? away : inPace;
        const notYet = hasPassed ? found : searching;
        return {
            steps: steps - pace.open.counted,
            // More than that is the part of a step that is under way here, or was at the look before.
            beyond: off(steps) > 3.2 * portion ? 0 : (seen - steps) * step,
            pace: { inSteps, open: nothingOpen, isAway: pace.isAway || hasPassed, lookIn: pace.isAway ? inPlace : notYet },
        };
    };
    if (off(whole) < Math.min(0.6 * portion, 0.25 * step) && Math.abs(whole - counted) < 1.3) return settled(whole);
    if (off(byTime) < Math.min(1.6 * portion, 0.35 * step)) return settled(byTime);
    // A step that is under way is over by the next look; what is off then as well came beyond the steps.
    if (pace.open.counted > 0) return settled(off(whole) < 0.4 * step && Math.abs(whole - counted) < 1.05 ? whole : byTime);
    const lookIn = pace.lookIn === away ? inPace : away;
    return { steps: evenly, beyond: 0, pace: { inSteps, open: { counted, seen }, isAway: true, lookIn } };
}

/** Undefined where what was sent does not tell. */
function comesInSteps(seen: number, counted: number): boolean | undefined {
    const fraction = Math.abs(seen - Math.round(seen));
    const uneven = Math.abs(seen - counted);
    if (fraction > 0.2 && uneven < 0.08) return false;
    return fraction < 0.1 && uneven > 0.2 ? true : undefined;
}

/** So many steps as the time allows for; halfway between two numbers of them it is what was seen that tells. */
function nearTo(counted: number, seen: number): number {
    return Math.round(counted + Math.min(0.3, Math.max(-0.3, seen - counted)));
}
