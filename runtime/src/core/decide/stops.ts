/** Why a move is stopped while it sends, and how its end says so. Shared by executor and simulator. */
import { formatQuantity, type Milliseconds } from '@mig/language';
import type { MoveFailure } from '../model/events.js';
import type { VmName } from '../model/snapshot.js';

/** `ladder`: a rung of its technique; `window`: one of its policy has closed; `request`: a person, or the run, wants no more of it; `bound`: it takes too long. */
export type StoppedBy = 'ladder' | 'window' | 'request' | 'bound';

/** An error code, and what a person can do about it. */
const stops: Readonly<Record<StoppedBy, { readonly code: string; readonly hint: string }>> = {
    ladder: { code: 'aborted-by-policy', hint: 'give it more bandwidth, a longer downtime, or more time' },
    window: { code: 'aborted-by-policy', hint: 'give it a longer window, or begin earlier' },
    request: { code: 'cancelled', hint: 'run the policy again to move it' },
    bound: { code: 'timed-out', hint: 'give its technique a rung `after ...: abort`, with the time that it may take' },
};

/** What the end of a move says that was stopped. */
export function stopped(vm: VmName, by: StoppedBy, because: string): MoveFailure & { readonly hint: string } {
    const { code, hint } = stops[by];
    return { code, message: `${vm} was stopped: ${because}`, hint };
}

/** Why it is stopped by its bound. */
export const notEndedWithin = (bound: Milliseconds): string => `it has not ended within ${formatQuantity(bound, 'duration')}`;
