import { MigrationError } from '../../core/errors.js';
import type { MoveId } from '../../core/index.js';
import { Gate } from './gate.js';

/** Moves that start together: each is made ready, and waits at its gate until all are that are still to come. */
export class Muster {
    readonly #gates: ReadonlyMap<MoveId, Gate>;
    readonly #awaited: Set<MoveId>;

    constructor(moves: readonly MoveId[]) {
        this.#gates = new Map(moves.map((id) => [id, new Gate()]));
        this.#awaited = new Set(moves);
    }

    /** What the move waits at. */
    gateOf(id: MoveId): Gate {
        const gate = this.#gates.get(id);
        if (!gate) throw new Error(`${id} is none of those that start together`);
        return gate;
    }

    /** The move is ready, or ended before it was: the last one opens all gates. */
    settled(id: MoveId): void {
        if (!this.#awaited.delete(id) || this.#awaited.size > 0) return;
        for (const gate of this.#gates.values()) gate.open();
    }

    /** The move does not go on; where its gate is open, this changes nothing. */
    sendAway(id: MoveId, because: string): void {
        this.#gates.get(id)?.close(new MigrationError('cancelled', because, { hint: 'run the policy again to move it' }));
    }
}
