import { queueOf, turned, type MoveId, type Plan, type PlannedMove, type QueuedMove, type Return } from '../../core/index.js';

/** A move of the plan as it stands in a run. */
export interface Moving {
    step: PlannedMove;
    queued: QueuedMove;
    status: QueuedMove['status'];
    attempts: number;
    /** Of these, attempts at an earlier destination. */
    before: number;
    /** It is called back because another of its gang has failed. */
    returned: Return | undefined;
}

/** The moves of a run, in the order of the plan. */
export class Moves {
    readonly #all: ReadonlyMap<MoveId, Moving>;

    constructor(plan: Plan) {
        const first = queueOf(plan);
        const standing = { status: 'waiting', attempts: 0, before: 0, returned: undefined } as const;
        this.#all = new Map(plan.moves.flatMap((step, i) => (first[i] ? [[step.id, { step, queued: first[i], ...standing }]] : [])));
    }

    get all(): readonly Moving[] {
        return [...this.#all.values()];
    }

    get(id: MoveId): Moving {
        const move = this.#all.get(id);
        if (!move) throw new Error(`no move ${id} in the plan`);
        return move;
    }

    some(...statuses: readonly QueuedMove['status'][]): boolean {
        return this.all.some((m) => statuses.includes(m.status));
    }

    those(...statuses: readonly QueuedMove['status'][]): readonly Moving[] {
        return this.all.filter((m) => statuses.includes(m.status));
    }

    /** As the queue is asked about them. */
    queue(heldBack: (id: MoveId) => string | undefined): QueuedMove[] {
        return this.all.map((m) => ({
            ...m.queued,
            status: m.status,
            heldBack: m.step.homeward === undefined ? heldBack(m.step.id) : undefined,
        }));
    }

    /** It goes somewhere else from now on, as a move of its own: whoever waited for its gang does not wait for it. */
    turn(move: Moving, step: PlannedMove): void {
        move.step = step;
        move.queued = turned(move.queued, step);
        move.before = move.attempts;
        move.status = 'waiting';
    }
}
