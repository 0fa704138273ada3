import type { VmUuid } from '../model/snapshot.js';
import type { Pending } from './constraints.js';
import type { Partial, PlacementProblem } from './placement.js';
import type { Ranked } from './preferences.js';
import type { Candidate } from './select.js';
import type { World } from './world.js';

/** How often the search may go back before it settles for what it has: keeps planning a matter of moments. */
const deadEndsAllowed = 3000;

/**
 * Places all candidates in their order if there is a way to, taking for each the best destination that leaves one for
 * those behind it; else leaves out as few as it can, later ones rather than earlier ones. Depth first, bounded; where
 * the bound is met, each takes the best that is left.
 */
export function searchPlacement(problem: PlacementProblem, candidates: readonly Candidate[], world: World): Partial {
    const start: Partial = { world, placements: [] };
    const everyone = new Set(candidates.map((c) => c.vm.uuid));
    const hopeful = candidates.filter((candidate) => problem.conceivable(candidate, everyone));
    const search = new Search(problem, hopeful);
    for (let leftOut = 0; leftOut <= hopeful.length && !search.exhausted; leftOut++) {
        const found = search.attempt(start, leftOut);
        if (found) return completed(problem, candidates, found);
    }
    return completed(problem, candidates, search.greedy(start));
}

/** Tries those that were left out once more, after all others: a departure may have made room. */
function completed(problem: PlacementProblem, candidates: readonly Candidate[], found: Partial): Partial {
    let partial = found;
    const placed = new Set(found.placements.map((p) => p.candidate.vm.uuid));
    for (const candidate of candidates) {
        if (placed.has(candidate.vm.uuid) || problem.enough(partial)) continue;
        const [best] = problem.options(candidate, partial, new Set()).best;
        if (best) partial = problem.withPlacement(candidate, best, partial, new Set());
    }
    return partial;
}

/** One candidate's turn: what it may still try. */
interface Turn {
    readonly partial: Partial;
    readonly leftOut: number;
    readonly options: readonly (Ranked | 'leave out')[];
    /** Gains too little to move: leaving it where it is costs nothing. */
    readonly optional: boolean;
    next: number;
}

class Search {
    private readonly problem: PlacementProblem;
    private readonly candidates: readonly Candidate[];
    private readonly turnOf: ReadonlyMap<VmUuid, number>;
    private readonly failed = new Set<string>();
    private deadEnds = 0;

    constructor(problem: PlacementProblem, candidates: readonly Candidate[]) {
        this.problem = problem;
        this.candidates = candidates;
        this.turnOf = new Map(candidates.map((c, i) => [c.vm.uuid, i]));
    }

    get exhausted(): boolean {
        return this.deadEnds >= deadEndsAllowed;
    }

    /** A placement of all candidates but `mayLeaveOut`; undefined where there is none, or the search ran into its bound. */
    attempt(start: Partial, mayLeaveOut: number): Partial | undefined {
        if (this.ended(start, 0)) return start;
        const turns: Turn[] = [this.turn(start, mayLeaveOut, 0)];
        while (turns.length > 0 && !this.exhausted) {
            const index = turns.length - 1;
            const turn = turns[index];
            const candidate = this.candidates[index];
            if (!turn || !candidate) return undefined;
            const option = turn.options[turn.next++];
            if (option === undefined) {
                this.deadEnds++;
                this.failed.add(this.situation(turn, index));
                turns.pop();
                continue;
            }
            const partial =
                option === 'leave out'
                    ? turn.partial
                    : this.problem.withPlacement(candidate, option, turn.partial, this.pendingAfter(index));
            if (this.ended(partial, index + 1)) return partial;
            const leftOut = turn.leftOut - (option === 'leave out' && !turn.optional ? 1 : 0);
            const next = this.turn(partial, leftOut, index + 1);
            if (this.failed.size === 0 || !this.failed.has(this.situation(next, index + 1))) turns.push(next);
        }
        return undefined;
    }

    /** Each takes the best that is left for it. */
    greedy(start: Partial): Partial {
        let partial = start;
        for (const [i, candidate] of this.candidates.entries()) {
            if (this.problem.enough(partial)) break;
            const pending = this.pendingAfter(i);
            const [best] = this.problem.options(candidate, partial, pending).best;
            if (best) partial = this.problem.withPlacement(candidate, best, partial, pending);
        }
        return partial;
    }

    /** VMs whose turn comes after this one. */
    private pendingAfter(index: number): Pending {
        return { has: (vm) => (this.turnOf.get(vm) ?? -1) > index };
    }

    private ended(partial: Partial, index: number): boolean {
        return index >= this.candidates.length || this.problem.enough(partial) !== undefined;
    }

    private turn(partial: Partial, leftOut: number, index: number): Turn {
        const candidate = this.candidates[index];
        if (!candidate) return { partial, leftOut, options: [], optional: false, next: 0 };
        const { best, optional } = this.problem.options(candidate, partial, this.pendingAfter(index));
        const mayStay = optional || leftOut > 0;
        return { partial, leftOut, options: mayStay ? [...best, 'leave out'] : best, optional, next: 0 };
    }

    /** Two situations with the same kinds of VMs on the same hosts end the same way. */
    private situation(turn: Turn, index: number): string {
        const arrivals = turn.partial.placements.map((p) => `${p.destination}=${this.problem.kindOf(p.candidate)}`);
        return `${index} ${turn.leftOut} ${arrivals.sort().join(' ')}`;
    }
}
