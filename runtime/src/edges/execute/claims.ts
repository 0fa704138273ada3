/** Locks and connections of the moves of a run: taken when a move begins or shortly before, given back when it has ended. */
import { readyAtMost, type MoveId, type PlannedMove } from '../../core/index.js';
import { claim, type Claim } from './claim.js';
import { messageOf, note, type RunContext } from './context.js';
import type { Moves } from './moves.js';

export class Claims {
    readonly #context: RunContext;
    readonly #moves: Moves;
    /** Taken ahead of their turn, so that nothing but the phases is left to do when it comes. */
    readonly #ahead = new Map<MoveId, Promise<Claim>>();
    readonly #closing = new Map<MoveId, Promise<void>>();

    constructor(moves: Moves, context: RunContext) {
        this.#moves = moves;
        this.#context = context;
    }

    /** Takes what a move holds, once what it held at its last attempt has been given back. */
    async take(step: PlannedMove, signal: AbortSignal): Promise<Claim> {
        const taken = this.#ahead.get(step.id);
        this.#ahead.delete(step.id);
        await this.#closing.get(step.id);
        return taken ?? claim(step, this.#context.ports, signal);
    }

    /** Takes for those who come next: few, since each holds sessions of its hosts' SSH connections. */
    takeAhead(next: readonly MoveId[], ready: number): void {
        for (const id of next.slice(0, readyAtMost - ready)) {
            if (this.#ahead.has(id)) continue;
            const taken = this.take(this.#moves.get(id).step, this.#context.control.stop);
            taken.catch(() => undefined); // told when its turn comes
            this.#ahead.set(id, taken);
        }
    }

    /** Nobody has to wait for it but this VM's next attempt and the end of the run. */
    giveBack(step: PlannedMove, claimed: Claim): void {
        const giving = (async () => {
            try {
                await claimed[Symbol.asyncDispose]();
            } catch (error) {
                note(this.#context, 'warning', step.id, `the lock of ${step.vm.name} could not be given back: ${messageOf(error)}`);
            }
        })();
        this.#closing.set(step.id, giving);
    }

    /** Nobody comes next any more. */
    async freeAhead(): Promise<void> {
        const held = [...this.#ahead.values()];
        this.#ahead.clear();
        await Promise.allSettled(held.map(async (taken) => (await taken)[Symbol.asyncDispose]()));
    }

    /** Everything has been given back. */
    async settled(): Promise<void> {
        await Promise.all(this.#closing.values());
    }
}
