/**
 * What becomes of a simulated move whose attempt has ended: `afterEnd` decides it, this carries it out in virtual time,
 * as edges/execute/endings.ts does it in a run.
 */
import { afterEnd, type AfterEnd, type Over, type Return } from '../decide/after-end.js';
import { Failures } from '../decide/failures.js';
import { mateReturns, whyGangReturns } from '../decide/gang-return.js';
import type { Startable } from '../decide/queue.js';
import type { SkipCode } from '../decide/skips.js';
import type { MigrationEvent, MoveFailure, MoveId } from '../model/events.js';
import type { Plan, PlannedMove } from '../model/plan.js';
import type { MoveCourse } from './course.js';
import type { RunQueue } from './run-queue.js';

export type WithoutTime<E> = E extends unknown ? Omit<E, 'at'> : never;

/** What endings ask of the simulation that they belong to. */
export interface SimulatedRun {
    /** Nothing is started any more. */
    isHalted(): boolean;
    isLate(instance: number): boolean;
    courseOf(id: MoveId): MoveCourse | undefined;
    tell(event: WithoutTime<MigrationEvent>): void;
    /** It is tried again after this time, in milliseconds. */
    waitFor(course: MoveCourse, ms: number): void;
    /** It goes somewhere else from now on; false where that cannot be played. */
    turn(course: MoveCourse, step: PlannedMove): boolean;
    /** A move that is under way comes back, where that is still safe. */
    callBack(course: MoveCourse, because: string): void;
    skip(moves: Startable['blocked'], why?: SkipCode): void;
    halt(detail: string): void;
}

export class RunEndings {
    readonly #queue: RunQueue;
    readonly #run: SimulatedRun;
    readonly #failures: Failures;
    /** Called back with their gang. */
    readonly #returned = new Map<MoveId, Return>();

    constructor(plan: Plan, queue: RunQueue, run: SimulatedRun) {
        this.#queue = queue;
        this.#run = run;
        this.#failures = new Failures(plan);
    }

    /** An attempt is over, and no longer in the queue's way. True where others may start because of it. */
    ended(course: MoveCourse): boolean {
        const { planned, failure } = course;
        if (failure && course.withdrawn && failure.code !== 'gang-failed') {
            const outcome = planned.homeward === undefined ? 'skipped' : 'failed';
            this.#run.tell({ type: 'move-ended', move: planned.id, outcome, vmOn: planned.source, error: failure });
            return false;
        }
        const returned = this.#returned.get(planned.id);
        this.#returned.delete(planned.id);
        const called = returned !== undefined && failure?.code === 'gang-failed';
        const outcome = !failure ? 'moved' : called || failure.code === 'aborted-by-policy' ? 'aborted' : 'failed';
        const vmOn = failure ? planned.source : planned.destination;
        const next = afterEnd(
            { outcome, vmOn, error: failure, retryable: !called },
            {
                step: planned,
                gang: this.#queue.get(planned.id)?.gang,
                attempts: course.attempt,
                before: course.attemptsBefore,
                stopped: this.#run.isHalted(),
                late: this.#run.isLate(planned.instance),
                returned,
            },
            this.#failures.policyOf(planned),
        );
        this.#goOn(course, next, failure);
        // Where it has moved, its place was given away when its guest ran.
        return next.what !== 'over' || !next.moved || this.#queue.isAwaited(planned.id);
    }

    #goOn(course: MoveCourse, next: AfterEnd, failure: MoveFailure | undefined): void {
        const { planned } = course;
        switch (next.what) {
            case 'again':
                if (next.gang) this.#returnGang(planned, failure, next.inMs);
                this.#run.tell({ type: 'move-queued', move: planned.id, because: next.because });
                this.#run.waitFor(course, next.inMs);
                return;
            case 'elsewhere':
                if (!this.#run.turn(course, next.step)) return this.#over(planned, next.otherwise);
                this.#run.tell({ type: 'move-redirected', move: planned.id, destination: next.step.destination, because: next.because });
                if (next.gang) this.#returnGang(planned, failure, 0);
                this.#run.tell({ type: 'move-queued', move: planned.id, because: next.because });
                return;
            case 'home':
                if (!this.#goHome(course, next.step, next.because)) this.#over(planned, next.otherwise);
                return;
            case 'over':
                this.#over(planned, next);
                return;
        }
    }

    #over(planned: PlannedMove, { moved, end, gang, fails }: Over): void {
        this.#queue.setStatus(planned.id, moved ? 'moved' : 'failed');
        this.#run.tell({ type: 'move-ended', move: planned.id, ...end });
        if (gang) this.#returnGang(planned, end.error, undefined);
        if (fails) this.#afterFailure(planned, end.error);
    }

    /** Of a gang that is all or none, those that have not switched come back: to start again with the others, or for good. */
    #returnGang(planned: PlannedMove, error: MoveFailure | undefined, againInMs: number | undefined): void {
        const gang = this.#queue.get(planned.id)?.gang;
        const because = whyGangReturns(planned, gang, error);
        if (!gang || because === undefined) return;
        for (const id of gang.moves) {
            const course = this.#run.courseOf(id);
            const queued = this.#queue.get(id);
            if (id === planned.id || !course || !queued) continue;
            const { planned: step } = course;
            const mate = {
                step,
                status: queued.status,
                gang: queued.gang,
                policy: this.#failures.policyOf(step),
                stopped: this.#run.isHalted(),
            };
            const returns = mateReturns(mate, { because, againInMs });
            if (returns.what === 'called-back' || returns.what === 'goes-on') this.#returned.set(id, { because, againInMs });
            if (returns.what === 'called-back') this.#run.callBack(course, because);
            if (returns.what === 'skipped') this.#run.skip([{ move: id, because, never: false }], 'gang-failed');
            if (returns.what === 'home') this.#goHome(course, returns.step, because);
        }
    }

    #goHome(course: MoveCourse, home: PlannedMove, because: string): boolean {
        if (!this.#run.turn(course, home)) return false;
        const { id, source, destination } = course.planned;
        this.#run.tell({ type: 'move-returning', move: id, from: destination, home: source, because });
        this.#run.tell({ type: 'move-queued', move: id, because: `goes home to ${source}: ${because}` });
        return true;
    }

    #afterFailure(planned: PlannedMove, error: MoveFailure | undefined): void {
        const { report, halt } = this.#failures.add(planned, error);
        if (report !== undefined) this.#run.tell({ type: 'note', level: 'warning', move: planned.id, text: report });
        if (halt !== undefined) this.#run.halt(halt);
        else this.#run.skip(this.#queue.ask().blocked.filter((b) => b.never));
    }
}
