/** What becomes of the others of a gang that is all or none when one of it did not move. Shared by executor and simulator. */
import type { OnFailure } from '@mig/language';
import type { MoveFailure } from '../model/events.js';
import type { PlannedGang, PlannedMove } from '../model/plan.js';
import { goesHomeWithGang, homewardOf, type Return } from './after-end.js';
import type { QueuedMove } from './queued.js';

/** Why the gang comes back. Undefined: it does not, since each of it moves for itself. */
export function whyGangReturns(failed: PlannedMove, gang: PlannedGang | undefined, error: MoveFailure | undefined): string | undefined {
    if (gang?.allOrNone !== true) return undefined;
    return `${failed.vm.name} of ${gang.name} did not move (${error?.message ?? 'no reason given'}), and it is all or none`;
}

/** A member as it stands when another one did not move. */
export interface GangMate {
    readonly step: PlannedMove;
    readonly status: QueuedMove['status'];
    readonly gang: PlannedGang | undefined;
    readonly policy: OnFailure | undefined;
    /** Nothing is started any more. */
    readonly stopped: boolean;
}

export type MateReturns =
    /** It is called back, where that is still safe: to start again with the others, or for good. */
    | { readonly what: 'called-back' }
    /** Its guest runs at its destination already, and is not stopped; once it has ended it may go home. */
    | { readonly what: 'goes-on' }
    | { readonly what: 'skipped' }
    | { readonly what: 'home'; readonly step: PlannedMove }
    /** It waits for the others to start again, or is where it stays. */
    | { readonly what: 'nothing' };

/** What becomes of one of the others. */
export function mateReturns({ step, status, gang, policy, stopped }: GangMate, { because, againInMs }: Return): MateReturns {
    if (step.homeward !== undefined) return { what: 'nothing' };
    if (status === 'running') return { what: 'called-back' };
    if (status === 'settling') return { what: 'goes-on' };
    if (againInMs !== undefined) return { what: 'nothing' };
    if (status === 'waiting' || status === 'delayed') return { what: 'skipped' };
    const home = status === 'moved' && !stopped && goesHomeWithGang(gang, policy) ? homewardOf(step, because) : undefined;
    return home ? { what: 'home', step: home } : { what: 'nothing' };
}
