/** What becomes of a move whose attempt has ended: `afterEnd` decides it, this carries it out. */
import { milliseconds, type OnFailure } from '@mig/language';
import {
    afterEnd,
    afterFailure,
    goesHomeWithGang,
    homewardOf,
    notStarted,
    type AfterEnd,
    type EndedAttempt,
    type MoveFailure,
    type MoveId,
    type Over,
    type Plan,
    type PlannedMove,
    type QueuedMove,
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
    readonly #plan: Plan;
    readonly #moves: Moves;
    readonly #context: RunContext;
    readonly #run: RunHandle;
    /** By policy instance. */
    readonly #failures = new Map<number, number>();

    constructor(plan: Plan, moves: Moves, context: RunContext, run: RunHandle) {
        this.#plan = plan;
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
        const next = afterEnd(end, { step, gang, attempts, before, stopped, late, returned }, this.#policyOf(step));
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
                if (!this.#turn(move, step, move.queued.gang)) return this.#over(move, next.otherwise);
                this.#context.emit({ type: 'move-redirected', move: id, destination: step.destination, because });
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
        const failures = (this.#failures.get(step.instance) ?? 0) + 1;
        this.#failures.set(step.instance, failures);
        const { report, halt } = afterFailure(step, end.error, this.#policyOf(step), failures);
        if (report !== undefined) note(this.#context, 'warning', step.id, report);
        if (halt !== undefined) this.#context.control.halt({ why: 'plan-halted', detail: halt });
    }

    /** On disk before anything is done on the way. */
    #turn(move: Moving, step: PlannedMove, gang: QueuedMove['gang']): boolean {
        try {
            this.#context.ports.journal.redirect(this.#context.ports.run, step);
        } catch (error) {
            note(this.#context, 'warning', step.id, `${step.vm.name} does not go to ${step.destination}: ${messageOf(error)}`);
            return false;
        }
        this.#moves.turn(move, step, gang);
        this.#context.bandwidth.redirect(step);
        return true;
    }

    #goHome(move: Moving, home: PlannedMove, because: string): boolean {
        const { id, source } = move.step;
        if (!this.#turn(move, home, undefined)) return false;
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
        const { gang } = failed.queued;
        if (gang?.allOrNone !== true) return;
        const { step } = failed;
        const because = `${step.vm.name} of ${gang.name} did not move (${error?.message ?? 'no reason given'}), and it is all or none`;
        for (const id of gang.moves) {
            const mate = this.#moves.get(id);
            if (id === step.id || mate.step.homeward !== undefined) continue;
            if (mate.status === 'running' || mate.status === 'settling') {
                mate.returned = { because, againInMs };
                // What runs at its destination already is not stopped: it may go home once it has ended.
                if (mate.status === 'running') this.#run.callBack(id, because);
            } else if (againInMs === undefined && (mate.status === 'waiting' || mate.status === 'delayed'))
                this.skip(id, because, 'gang-failed');
            else if (againInMs === undefined && mate.status === 'moved') this.#sendMateHome(mate, because);
        }
    }

    #sendMateHome(mate: Moving, because: string): void {
        if (this.#context.control.stop.aborted || !goesHomeWithGang(mate.queued.gang, this.#policyOf(mate.step))) return;
        const home = homewardOf(mate.step, because);
        if (home) this.#goHome(mate, home, because);
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

    #policyOf(step: PlannedMove): OnFailure | undefined {
        return this.#plan.instances[step.instance]?.onFailure;
    }
}
