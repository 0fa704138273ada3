/** What becomes of a move whose attempt has ended: `afterEnd` decides it, this carries it out. */
import { milliseconds } from '@mig/language';
import {
    afterEnd,
    Failures,
    mateReturns,
    notStarted,
    whyGangReturns,
    type AfterEnd,
    type EndedAttempt,
    type MoveFailure,
    type MoveId,
    type Over,
    type Plan,
    type PlannedMove,
    type SkipCode,
    type Skipped,
} from '../../core/index.js';
import type { MoveEnd } from '../journal/records.js';
import { messageOf, note, type RunContext } from './context.js';
import type { Moves, Moving } from './moves.js';

/** What endings ask of the run that they belong to. */
export interface RunHandle {
    /** The queue is looked at again. */
    wake(): void;
    /** A move that is under way comes back, where that is still safe. */
    callBack(id: MoveId, because: string): void;
    /** A move that was made ready goes no further; false where none of it has begun. */
    withdraw(id: MoveId, end: Skipped): boolean;
    isLate(instance: number): boolean;
}

export class Endings {
    readonly #moves: Moves;
    readonly #context: RunContext;
    readonly #run: RunHandle;
    readonly #failures: Failures;

    constructor(plan: Plan, moves: Moves, context: RunContext, run: RunHandle) {
        this.#failures = new Failures(plan);
        this.#moves = moves;
        this.#context = context;
        this.#run = run;
    }

    ended(id: MoveId, end: EndedAttempt): void {
        const move = this.#moves.get(id);
        const { step, attempts, before, returned } = move;
        const { gang } = move.queued;
        const stopped = this.#context.control.stop.aborted;
        const late = this.#run.isLate(step.instance);
        move.returned = undefined;
        const next = afterEnd(end, { step, gang, attempts, before, stopped, late, returned }, this.#failures.policyOf(step));
        this.#carryOut(move, next, end);
    }

    /** It is not started any more. */
    skip(id: MoveId, because: string, code: SkipCode): void {
        const end = notStarted(this.#moves.get(id).step, because, code);
        if (!this.#run.withdraw(id, end)) this.skipped(id, end);
    }

    skipped(id: MoveId, end: Skipped): void {
        const move = this.#moves.get(id);
        move.status = 'failed';
        this.#close(move.step, end);
    }

    #carryOut(move: Moving, next: AfterEnd, end: EndedAttempt): void {
        const { id } = move.step;
        switch (next.what) {
            case 'again':
                if (next.gang) this.#returnGang(move, end.error, next.inMs);
                this.#context.emit({ type: 'move-queued', move: id, because: next.because });
                this.#delay(id, next.inMs);
                return;
            case 'elsewhere': {
                const { step, because } = next;
                if (!this.#turn(move, step)) return this.#over(move, next.otherwise);
                this.#context.emit({ type: 'move-redirected', move: id, destination: step.destination, because });
                if (next.gang) this.#returnGang(move, end.error, 0);
                this.#context.emit({ type: 'move-queued', move: id, because });
                return;
            }
            case 'home':
                if (next.gang) this.#returnGang(move, { code: 'returned-home', message: next.because, hint: undefined }, undefined);
                if (!this.#goHome(move, next.step, next.because)) this.#over(move, next.otherwise);
                return;
            case 'over':
                this.#over(move, next);
                return;
        }
    }

    #over(move: Moving, { moved, end, gang, fails }: Over): void {
        const { step } = move;
        move.status = moved ? 'moved' : 'failed';
        this.#close(step, end);
        if (gang) this.#returnGang(move, end.error, undefined);
        if (!fails) return;
        const { report, halt } = this.#failures.add(step, end.error);
        if (report !== undefined) note(this.#context, 'warning', step.id, report);
        if (halt !== undefined) this.#context.control.halt({ why: 'plan-halted', detail: halt });
    }

    /** On disk before anything is done on the way. */
    #turn(move: Moving, step: PlannedMove): boolean {
        try {
            this.#context.ports.journal.redirect(this.#context.ports.run, step);
        } catch (error) {
            note(this.#context, 'warning', step.id, `${step.vm.name} does not go to ${step.destination}: ${messageOf(error)}`);
            return false;
        }
        this.#moves.turn(move, step);
        this.#context.bandwidth.redirect(step);
        return true;
    }

    #goHome(move: Moving, home: PlannedMove, because: string): boolean {
        const { id, source } = move.step;
        if (!this.#turn(move, home)) return false;
        this.#context.emit({ type: 'move-returning', move: id, from: home.source, home: source, because });
        this.#context.emit({ type: 'move-queued', move: id, because: `goes home to ${source}: ${because}` });
        this.#run.wake();
        return true;
    }

    /**
     * Of a gang that is all or none, those that have not switched come back: to start again with the others, or for good.
     * Those that have arrived go home where the policy says so.
     */
    #returnGang(failed: Moving, error: MoveFailure | undefined, againInMs: number | undefined): void {
        const { step, queued } = failed;
        const because = whyGangReturns(step, queued.gang, error);
        if (!queued.gang || because === undefined) return;
        for (const id of queued.gang.moves) {
            const mate = this.#moves.get(id);
            if (id === step.id) continue;
            const policy = this.#failures.policyOf(mate.step);
            const stopped = this.#context.control.stop.aborted;
            const returns = mateReturns(
                { step: mate.step, status: mate.status, gang: mate.queued.gang, policy, stopped },
                { because, againInMs },
            );
            if (returns.what === 'called-back' || returns.what === 'goes-on') mate.returned = { because, againInMs };
            if (returns.what === 'called-back') this.#run.callBack(id, because);
            if (returns.what === 'skipped') this.skip(id, because, 'gang-failed');
            if (returns.what === 'home') this.#goHome(mate, returns.step, because);
        }
    }

    #delay(id: MoveId, ms: number): void {
        const { clock, control } = this.#context;
        const move = this.#moves.get(id);
        move.status = 'delayed';
        void clock.sleep(milliseconds(ms), control.stop).then(
            () => {
                if (move.status === 'delayed') move.status = 'waiting';
                this.#run.wake();
            },
            () => this.#run.wake(), // the run is stopping: what is delayed is skipped
        );
    }

    /** In the journal, then told: once for every move, and again where it goes home after that. */
    #close(step: PlannedMove, { outcome, vmOn, error }: MoveEnd): void {
        const { ports, emit } = this.#context;
        try {
            ports.journal.endMove(ports.run, step.id, { outcome, vmOn, error });
        } catch (failure) {
            note(this.#context, 'alarm', step.id, `the end of ${step.id} could not be written down: ${messageOf(failure)}`);
        }
        emit({ type: 'move-ended', move: step.id, outcome, vmOn, error });
    }
}
