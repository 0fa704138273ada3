/**
 * What is done after an attempt at a move has ended: again, elsewhere, home, or no more. Shared by executor and simulator.
 */
import type { OnFailure } from '@mig/language';
import type { MoveFailure } from '../model/events.js';
import type { HostName } from '../model/inventory.js';
import type { PlannedGang, PlannedMove } from '../model/plan.js';
import type { VmName } from '../model/snapshot.js';
import { actionsOf } from './actions.js';

/** How an attempt ended. */
export interface EndedAttempt {
    readonly outcome: 'moved' | 'failed' | 'aborted' | 'held';
    readonly vmOn: HostName | undefined;
    readonly error: MoveFailure | undefined;
    /** Whether a policy's retry may try again. */
    readonly retryable: boolean;
    /** It has arrived, and why it is not to stay there. */
    readonly sentHome?: string | undefined;
}

/** A move as it stood when its attempt ended. */
export interface EndingMove {
    readonly step: PlannedMove;
    readonly gang: PlannedGang | undefined;
    readonly attempts: number;
    /** Of these, attempts at an earlier destination. */
    readonly before: number;
    /** Nothing is started any more. */
    readonly stopped: boolean;
    /** The deadline of its policy has passed: nothing of it is started, but for what goes home. */
    readonly late: boolean;
    /** It was called back because of another of its gang. */
    readonly returned: Return | undefined;
}

/** What becomes of a move that is called back because another of its gang has failed. */
export interface Return {
    readonly because: string;
    /** It starts again with the others then. Undefined: it does not. */
    readonly againInMs: number | undefined;
}

/** `gang`: the others of a gang that is all or none are called back, to start again or for good. */
export type AfterEnd =
    | { readonly what: 'again'; readonly inMs: number; readonly because: string; readonly gang: boolean }
    | GoesOn<'elsewhere'>
    | GoesOn<'home'>
    | Over;

/** The move goes on as another one; `otherwise`: where that cannot be written down. */
interface GoesOn<W extends 'elsewhere' | 'home'> {
    readonly what: W;
    readonly step: PlannedMove;
    readonly because: string;
    readonly gang: boolean;
    readonly otherwise: Over;
}

export interface Over {
    readonly what: 'over';
    readonly moved: boolean;
    readonly end: Pick<EndedAttempt, 'outcome' | 'vmOn' | 'error'>;
    readonly gang: boolean;
    /** It counts as a failure of its policy. */
    readonly fails: boolean;
}

/** Decides by the words of the policy; without them a failed VM is left where it is. */
export function afterEnd(end: EndedAttempt, move: EndingMove, policy: OnFailure | undefined): AfterEnd {
    const { step, returned } = move;
    const { homeward } = step;
    const goesOn = !move.stopped && !move.late;
    if (returned && end.outcome === 'aborted') return comesBack(end, step, returned, goesOn);
    if (end.outcome === 'moved') return homeward === undefined ? arrived(end, move, policy) : isHome(step, homeward);
    const retry = policy?.retry;
    const tries = move.attempts - move.before;
    const why = end.error?.message ?? 'no reason given';
    if (end.retryable && retry && tries <= retry.times && (homeward === undefined ? goesOn : !move.stopped)) {
        const because = `attempt ${move.attempts} failed (${why}); retry ${tries} of ${retry.times} in ${retry.everyMs / 1000} s`;
        return { what: 'again', inMs: retry.everyMs, because, gang: homeward === undefined };
    }
    const error = homeward === undefined ? end.error : notHome(step, homeward, end.error);
    const over: Over = {
        what: 'over',
        moved: false,
        end: { outcome: end.outcome, vmOn: end.vmOn, error },
        gang: homeward === undefined,
        fails: end.outcome !== 'aborted' || end.error?.code === 'aborted-by-policy',
    };
    const other = goesOn && homeward === undefined ? otherDestination(end, move, policy) : undefined;
    if (!other) return over;
    return { what: 'elsewhere', step: other, because: `it could not go to ${step.destination}: ${why}`, gang: true, otherwise: over };
}

function isHome(step: PlannedMove, homeward: string): Over {
    const error = returnedHome(step, homeward);
    return { what: 'over', moved: false, end: { outcome: 'failed', vmOn: step.destination, error }, gang: false, fails: true };
}

/**
 * The move that takes a VM back to where it came from; undefined where the plan knows no way there. What was asked of it
 * at its destination is asked again at home, and only told; what the policy runs after a move is run then.
 */
export function homewardOf(step: PlannedMove, because: string): PlannedMove | undefined {
    const { home, otherDestination: _, quiet: __, ...rest } = step;
    if (!home) return undefined;
    const turned = {
        ...rest,
        source: step.destination,
        destination: step.source,
        route: home,
        after: [],
        gang: undefined,
        homeward: because,
        hooks: (step.hooks ?? []).filter((hook) => hook.when === 'after'),
        checks: (step.checks ?? []).map((check) => ({ ...check, otherwise: 'report' as const })),
    };
    return { ...turned, actions: actionsOf(turned, undefined) };
}

/** Whether a member that has arrived goes home when another of its gang has failed for good. */
export function goesHomeWithGang(gang: PlannedGang | undefined, policy: OnFailure | undefined): boolean {
    return gang?.allOrNone === true && policy?.then.includes('return-home') === true;
}

/** What a failure brings about beyond its own move. `failures`: of its policy, this one among them. */
export function afterFailure(
    step: PlannedMove,
    error: MoveFailure | undefined,
    policy: OnFailure | undefined,
    failures: number,
): { readonly report: string | undefined; readonly halt: string | undefined } {
    const what = `${step.vm.name} did not move: ${error?.message ?? 'no reason given'}`;
    const spent = policy?.budget !== undefined && failures > policy.budget;
    const halt = spent ? `${what}; that is more than the budget of ${policy.budget} failures` : what;
    return {
        report: policy?.then.includes('report') === true ? what : undefined,
        halt: spent || policy?.then.includes('halt-plan') === true ? halt : undefined,
    };
}

function arrived(end: EndedAttempt, { step, gang, stopped, returned }: EndingMove, policy: OnFailure | undefined): AfterEnd {
    const withGang = returned !== undefined && returned.againInMs === undefined && goesHomeWithGang(gang, policy);
    const because = end.sentHome ?? (withGang ? returned.because : undefined);
    if (because === undefined)
        return { what: 'over', moved: true, end: { outcome: 'moved', vmOn: end.vmOn, error: undefined }, gang: false, fails: false };
    const home = homewardOf(step, because);
    const callsBack = end.sentHome !== undefined;
    const stays = (why: string): Over => ({
        what: 'over',
        moved: false,
        end: { outcome: 'failed', vmOn: end.vmOn, error: notReturned(step, because, why) },
        gang: callsBack,
        fails: true,
    });
    if (!home) return stays(`the plan knows no way to ${step.source}`);
    if (stopped) return stays('nothing more is started');
    return { what: 'home', step: home, because, gang: callsBack, otherwise: stays('the journal could not take it down') };
}

function notReturned({ vm, source, destination }: PlannedMove, because: string, why: string): MoveFailure {
    return {
        code: 'not-returned',
        message: `${vm.name} is on ${destination} and was not returned to ${source}, since ${why}: ${because}`,
        hint: 'see whether it serves where it is; a policy can move it',
    };
}

/** A VM that is back where it came from has not moved. */
export function returnedHome({ vm, destination }: PlannedMove, homeward: string): MoveFailure {
    return {
        code: 'returned-home',
        message: `${vm.name} was returned to ${destination}: ${homeward}`,
        hint: 'run the policy again to move it',
    };
}

function notHome(step: PlannedMove, homeward: string, error: MoveFailure | undefined): MoveFailure {
    return {
        code: error?.code ?? 'not-returned',
        message: `${step.vm.name} was to be returned to ${step.destination} (${homeward}), and was not: ${error?.message ?? 'no reason given'}`,
        hint: error?.hint,
    };
}

function comesBack(end: EndedAttempt, { vm }: PlannedMove, { because, againInMs }: Return, goesOn: boolean): AfterEnd {
    if (againInMs !== undefined && goesOn) return { what: 'again', inMs: againInMs, because, gang: false };
    const error = calledBack(vm.name, because);
    return { what: 'over', moved: false, end: { outcome: end.outcome, vmOn: end.vmOn, error }, gang: false, fails: false };
}

/** What its end says of a move that came back because another of its gang has failed. */
export const calledBack = (vm: VmName, because: string): MoveFailure => ({
    code: 'gang-failed',
    message: `${vm} was returned: ${because}`,
    hint: 'run the policy again to move it',
});

/** For a VM that is still at its source, and has another place to go to. */
function otherDestination(end: EndedAttempt, { step }: EndingMove, policy: OnFailure | undefined): PlannedMove | undefined {
    const { otherDestination: other, ...rest } = step;
    const failed = end.outcome === 'failed' || end.error?.code === 'aborted-by-policy';
    if (!other || !failed || end.vmOn !== step.source || policy?.then.includes('other-destination') !== true) return undefined;
    const redirected = { ...rest, ...other };
    return { ...redirected, actions: actionsOf(redirected, undefined) };
}
