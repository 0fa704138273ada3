/** What happens in a simulation at set times, whatever its moves do: deadlines pass, and moments have not come. */
import type { Startable } from '../decide/queue.js';
import { deadlinePassed, noQuietMoment, type SkipCode } from '../decide/skips.js';
import type { Plan } from '../model/plan.js';
import type { RunQueue } from './run-queue.js';

export interface Timer {
    /** Whether it still means anything: a timer that does not lets no time pass. */
    readonly counts: () => boolean;
    readonly act: () => void;
}

/** What a timer does to the run. */
export interface TimedRun {
    readonly skip: (moves: Startable['blocked'], why: SkipCode) => void;
    /** None of the policy instance's moves starts any more. */
    readonly isLate: (instance: number) => void;
    readonly startWhatMay: () => void;
}

/** The timers of a plan, each with its virtual time. */
export function timersOf(plan: Plan, queue: RunQueue, run: TimedRun): readonly (readonly [Timer, number])[] {
    return [...deadlines(plan, queue, run), ...moments(plan, queue, run)];
}

function deadlines(plan: Plan, queue: RunQueue, { skip, isLate }: TimedRun): readonly (readonly [Timer, number])[] {
    const instanceOf = new Map(plan.moves.map((m) => [m.id, m.instance]));
    return [...plan.instances.entries()].flatMap(([instance, { deadlineMs }]): (readonly [Timer, number])[] => {
        if (deadlineMs === undefined) return [];
        const open = () => queue.open.filter((m) => instanceOf.get(m.id) === instance);
        const because = deadlinePassed(deadlineMs);
        const act = (): void => {
            isLate(instance);
            skip(
                open().map(({ id }) => ({ move: id, because, never: false })),
                'deadline',
            );
        };
        return [[{ counts: () => open().length > 0 && queue.goesOn, act }, deadlineMs]];
    });
}

function moments(plan: Plan, queue: RunQueue, { skip, startWhatMay }: TimedRun): readonly (readonly [Timer, number])[] {
    return plan.moves.flatMap(({ id, quiet }): (readonly [Timer, number])[] => {
        const heldBack = queue.get(id)?.heldBack;
        if (!quiet || heldBack === undefined) return [];
        const act = (): void => {
            skip([{ move: id, because: noQuietMoment(heldBack), never: false }], 'no-quiet-moment');
            startWhatMay();
        };
        return [[{ counts: () => queue.waits(id), act }, quiet.withinMs]];
    });
}
