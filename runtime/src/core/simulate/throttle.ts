/**
 * How QEMU takes CPU time from a guest that writes faster than it is sent (auto-converge). Judged where the dirty bitmap
 * is read, over periods of a second at least: when more than half of what was sent in a period has been dirtied in it,
 * for the second time, the throttle is set to its first value, or raised by a step. Source: QEMU's migration/ram.c, where
 * the threshold is `throttle-trigger-threshold` (50 %) and the other figures are `cpu-throttle-*`.
 */
import { milliseconds, ratio, type Bytes, type Milliseconds, type Ratio } from '@mig/language';

/** QEMU's values where nothing is said. */
export const throttleDefaults = { initial: ratio(0.2), step: ratio(0.1), max: ratio(0.99) };

const periodAtLeast = milliseconds(1000);
const triggerShare = 0.5;
const highPeriods = 2;

export interface ThrottleSettings {
    readonly initial: Ratio;
    readonly step: Ratio;
    readonly max: Ratio;
}

export interface ThrottleState {
    readonly settings: ThrottleSettings;
    /** Share of the guest's CPU time that is taken from it. */
    readonly share: Ratio;
    /** Periods in which too much was dirtied, since the last step. */
    readonly high: number;
    /** Since the last period was judged. */
    readonly periodFor: Milliseconds;
    readonly dirtied: Bytes;
    /** What had been sent in all when the period began. */
    readonly sentBefore: Bytes;
}

/** What a policy asks for, with QEMU's values for the rest. */
export const throttleSettings = (asked: { readonly [K in keyof ThrottleSettings]?: number | undefined }): ThrottleSettings => ({
    initial: ratio(asked.initial ?? throttleDefaults.initial),
    step: ratio(asked.step ?? throttleDefaults.step),
    max: ratio(asked.max ?? throttleDefaults.max),
});

/** The state after the dirty bitmap was read: `transferred` in all so far, a round of `roundFor` in which `dirtied` was found. */
export function judgeThrottle(state: ThrottleState, transferred: Bytes, dirtied: number, roundFor: number): ThrottleState {
    const periodFor = milliseconds(state.periodFor + roundFor);
    const inPeriod = (state.dirtied + dirtied) as Bytes;
    if (periodFor <= periodAtLeast) return { ...state, periodFor, dirtied: inPeriod };
    const tooMuch = inPeriod > (transferred - state.sentBefore) * triggerShare;
    const high = state.high + (tooMuch ? 1 : 0);
    const steps = high >= highPeriods;
    const { initial, step, max } = state.settings;
    const raised = state.share === 0 ? initial : state.share + step;
    return {
        ...state,
        share: steps ? ratio(Math.min(max, raised)) : state.share,
        high: steps ? 0 : high,
        periodFor: milliseconds(0),
        dirtied: 0 as Bytes,
        sentBefore: transferred,
    };
}
