/**
 * Keeps what a move really sends at its share. A hypervisor counts in portions: QEMU 10.0 looks at its limit ten times a
 * second and sends 131 kB at a time, so that a cap of 8 MiB/s lets 8.77 through and one of 3 lets 3.76 (measured at the
 * link; a multiple of 1.25 MiB/s, rounded up). What was sent too much is taken off the next setting.
 */
import { bytesPerSecond, type Bytes, type BytesPerSecond, type EpochMs } from '@mig/language';

/** What a move had sent when its share was set, or later, where less than its share could be sent. */
export interface TrimState {
    readonly share: BytesPerSecond;
    readonly at: EpochMs;
    readonly sent: number;
}

/** What is owed is paid within this time: longer than between two looks, also where a look is late. */
const payWithinMs = 500;
/** Nothing is made up for that is older: a link that was slow gives no right to more. */
const creditMs = 100;
/** Less than this much too much is what a look itself gets wrong. */
const toleranceMs = 10;

/**
 * The setting by which the share is kept, in whole steps: the share itself, or less where more was sent. `before` is of
 * the look before; one of another share counts for nothing.
 */
export function trimmed(
    before: TrimState | undefined,
    now: { readonly share: BytesPerSecond; readonly at: EpochMs; readonly sent: Bytes },
    step: BytesPerSecond,
): { readonly state: TrimState; readonly setting: BytesPerSecond } {
    const { share, at, sent } = now;
    if (before?.share !== share || sent < before.sent) return { state: { share, at, sent }, setting: share };
    const over = sent - before.sent - (share * (at - before.at)) / 1000;
    const owed = Math.max(over, -(share * creditMs) / 1000);
    // The same balance, reckoned from now on: it does not matter then for how long the share has held.
    const state = { share, at, sent: sent - owed };
    if (owed <= (share * toleranceMs) / 1000) return { state, setting: share };
    const wanted = share - (owed * 1000) / payWithinMs;
    const steps = Math.max(1, Math.ceil(share / step / 2), Math.floor(wanted / step));
    return { state, setting: bytesPerSecond(Math.min(share, steps * step)) };
}
