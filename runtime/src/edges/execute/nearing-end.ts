import { linksOf, readyLead, type MoveId } from '../../core/index.js';
import type { RunContext } from './context.js';
import type { Moves } from './moves.js';
import type { Untimed } from './ports.js';

/** Moves under way that are expected to end soon: what comes next is made ready then (decide/queue.ts). */
export class NearingEnd {
    readonly #moves: Moves;
    readonly #bandwidth: RunContext['bandwidth'];
    readonly #these = new Set<MoveId>();

    constructor(moves: Moves, bandwidth: RunContext['bandwidth']) {
        this.#moves = moves;
        this.#bandwidth = bandwidth;
    }

    get these(): ReadonlySet<MoveId> {
        return this.#these;
    }

    /** Whether what has happened brings a further move near its end. */
    hear(event: Untimed): boolean {
        const soon =
            (event.type === 'progress' && event.eta !== undefined && event.eta <= readyLead) ||
            (event.type === 'phase-entered' && event.phase === 'perform' && this.#isShort(event.move)) ||
            (event.type === 'phase-entered' && event.phase === 'finish');
        if (!soon || this.#these.has(event.move) || this.#moves.get(event.move).status !== 'running') return false;
        this.#these.add(event.move);
        return true;
    }

    /** It is at its end, or further from it than it was thought to be. */
    forget(id: MoveId): void {
        this.#these.delete(id);
    }

    /** One pass over all its memory at its cap, or at the speed of its slower link, ends within the lead: no progress need be waited for. */
    #isShort(id: MoveId): boolean {
        const { step } = this.#moves.get(id);
        const links = linksOf({ source: step.source, destination: step.destination, network: step.route.network });
        const speeds = links.flatMap((link) => this.#bandwidth.capacityOf(link) ?? []);
        const rate = this.#bandwidth.capOf(id) ?? (speeds.length === 0 ? undefined : Math.min(...speeds));
        return rate !== undefined && (step.memory / rate) * 1000 <= readyLead;
    }
}
