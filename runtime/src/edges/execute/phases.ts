import type { MovePhase, PlannedMove } from '../../core/index.js';
import type { PhaseMark } from '../journal/records.js';
import { within } from './bounds.js';
import { claimWithin } from './claim.js';
import { since } from './clock.js';
import { messageOf, note, type RunContext } from './context.js';

/** How the phases of one move are entered and left. */
export class Phases {
    readonly #step: PlannedMove;
    readonly #run: RunContext;

    constructor(step: PlannedMove, run: RunContext) {
        this.#step = step;
        this.#run = run;
    }

    /** Written down and flushed, then told, then done; bounded in time. */
    async enter<T>(
        phase: MovePhase,
        marks: readonly PhaseMark[],
        call: (signal: AbortSignal) => Promise<T>,
        bound = this.#run.bounds[phase],
    ): Promise<T> {
        const { ports, clock, emit } = this.#run;
        const move = this.#step.id;
        const began = clock.now();
        ports.journal.enter(ports.run, move, marks, began);
        emit({ type: 'phase-entered', move, phase });
        const host = phase === 'prepare' || phase === 'finish' ? this.#step.destination : this.#step.source;
        try {
            const result = await within(clock, bound, { call: phase, host, vm: this.#step.vm.name }, call);
            emit({ type: 'phase-ended', move, phase, tookMs: since(clock, began), error: undefined });
            return result;
        } catch (error) {
            emit({ type: 'phase-ended', move, phase, tookMs: since(clock, began), error: messageOf(error) });
            throw error;
        }
    }

    /** Written down and flushed before what it announces is done. */
    mark(marks: readonly PhaseMark[]): void {
        const { ports, clock } = this.#run;
        ports.journal.enter(ports.run, this.#step.id, marks, clock.now());
    }

    /** Undoing goes on where one part of it fails; the hosts are asked afterwards anyway. */
    async quietly(what: string, work: () => Promise<unknown>): Promise<void> {
        try {
            await work();
        } catch (error) {
            note(
                this.#run,
                'warning',
                this.#step.id,
                `${what} of ${this.#step.vm.name} failed while it was being undone: ${messageOf(error)}`,
            );
        }
    }

    /** Before the first phase a cancel ends the wait at once: there is nothing to undo. */
    early<T>(call: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
        const { clock, control } = this.#run;
        const what = { call, host: this.#step.source, vm: this.#step.vm.name };
        return within(clock, claimWithin, what, (late) => work(AbortSignal.any([control.cancel, late])));
    }
}
