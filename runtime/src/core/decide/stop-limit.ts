/**
 * What is sent at the stop of a guest goes out as fast as the link takes it: QEMU lifts its own cap then. So that this keeps
 * to the cap of the move as well, the limit that QEMU stops the guest by is held at a tenth of a second, what it sends at
 * once anyway, and raised to what the policy allows only where a guest writes too much for that: at the end of a pass
 * that leaves no more than the policy allows. A quiet guest stands still for a shorter time, and sends no more than before.
 */
import { milliseconds, type Bytes, type BytesPerSecond, type Milliseconds } from '@mig/language';
import type { PlannedTechnique } from '../model/plan.js';
import { ownSwitch, usualDowntimeLimit } from './move-technique.js';

/** QEMU counts what it may send in tenths of a second. */
export const shortStop = milliseconds(100);

export interface StopLimit {
    /** What the hypervisor is to be told. */
    readonly now: Milliseconds;
    /** What the policy allows, or the hypervisor's own where it says nothing. */
    readonly full: Milliseconds;
    /** The pass whose beginning was judged last. */
    readonly iteration: number;
}

/** Undefined: it is not held low. Techniques that switch by themselves do not end by it. */
export function firstStopLimit(technique: PlannedTechnique, isCapped: boolean): StopLimit | undefined {
    const asked = technique.options.downtimeMs;
    const full = asked === undefined ? usualDowntimeLimit : milliseconds(asked);
    if (!isCapped || full <= shortStop || ownSwitch(technique)) return undefined;
    return { now: shortStop, full, iteration: 1 };
}

/** For a plan: when it is so low, and what comes then. */
export const whileItIsEnough = ({ full }: StopLimit): string => `while it sends; ${full} ms once a pass leaves no more than that`;

/** At a look: judged once in each pass, as early as that is seen. */
export function stopLimitAt(
    before: StopLimit,
    {
        iteration,
        remaining,
        rate,
    }: { readonly iteration: number; readonly remaining: Bytes | undefined; readonly rate: BytesPerSecond | undefined },
): StopLimit {
    if (iteration <= before.iteration || remaining === undefined || rate === undefined) return before;
    const ends = remaining * 1000 <= rate * before.full;
    return { ...before, now: ends ? before.full : before.now, iteration };
}
