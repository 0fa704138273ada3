import { isMigrationError } from '../../core/errors.js';
import type { EndedAttempt, MoveFailure, PlannedMove } from '../../core/index.js';
import { messageOf } from './context.js';
import { holdHint, type Settled } from './settle.js';

/** How an attempt ended whose VM did not arrive. */
export function endWithout(step: PlannedMove, settled: Settled, failure: unknown): EndedAttempt {
    if (settled.end === 'held') {
        // All phases may have gone well, and a host contradict them.
        const message = failure === undefined ? settled.because : `${settled.because} (${messageOf(failure)})`;
        return {
            outcome: 'held',
            vmOn: settled.vmOn,
            error: { code: 'held', message, hint: holdHint(step, settled) },
            retryable: false,
        };
    }
    const error = failureOf(failure);
    const stopped = error.code === 'cancelled';
    return {
        outcome: stopped || error.code === 'aborted-by-policy' ? 'aborted' : 'failed',
        vmOn: settled.vmOn,
        error,
        retryable: !stopped,
    };
}

/** An error as events and journal keep it. */
export function failureOf(error: unknown): MoveFailure {
    return isMigrationError(error)
        ? { code: error.code, message: error.message, hint: error.hint }
        : { code: 'unexpected', message: messageOf(error), hint: undefined };
}
