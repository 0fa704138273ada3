import type { HostName } from '../model/inventory.js';
import type { VmUuid } from '../model/snapshot.js';
import type { Pending } from './constraints.js';
import type { Partial, PlacementProblem } from './placement.js';
import type { Candidate } from './select.js';
import type { World } from './world.js';

/**
 * How many questions "may this VM go to that host" the search may ask beyond those that every placement needs. Some
 * tenths of a second: the editor plans at each pause in typing.
 */
const questionsAllowed = 100_000;

/**
 * Places all candidates in their order if there is a way to, taking for each the best destination that leaves one for
 * those behind it; else leaves out as few as it can, later ones rather than earlier ones. First each takes the best that
 * is left; only where that leaves some out, a bounded search (depth first) goes back over the choices.
 */
export function searchPlacement(problem: PlacementProblem, candidates: readonly Candidate[], world: World): Partial {
    const start: Partial = { world, placements: [] };
    const everyone = new Set(candidates.map((c) => c.vm.uuid));
    const hopeful = candidates.filter((candidate) => problem.conceivable(candidate, everyone));
    const search = new Search(problem, hopeful);
    const greedy = search.greedy(start);
    let turnsLeft = hopeful.length + questionsAllowed / Math.max(1, world.hosts.size);
    for (let leftOut = 0; leftOut < greedy.leftOut; leftOut++) {
        const found = search.attempt(start, leftOut, turnsLeft / 2);
        if (found) return completed(problem, candidates, found);
        turnsLeft -= search.turnsTaken;
    }
    return completed(problem, candidates, greedy.partial);
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

const leaveOut = Symbol('leave out');

/** One candidate's turn: what it may still try. */
interface Turn {
    readonly partial: Partial;
    readonly leftOut: number;
    /** Of what has been placed where: see `fingerprint`. */
    readonly arrivals: number;
    readonly options: readonly (HostName | typeof leaveOut)[];
    /** Gains too little to move: leaving it where it is costs nothing. */
    readonly optional: boolean;
    next: number;
}

class Search {
    /** Of the last attempt. */
    turnsTaken = 0;
    private readonly problem: PlacementProblem;
    private readonly candidates: readonly Candidate[];
    private readonly turnOf: ReadonlyMap<VmUuid, number>;
    /** Situations from which there is no way on. */
    private readonly failed = new Set<string>();

    constructor(problem: PlacementProblem, candidates: readonly Candidate[]) {
        this.problem = problem;
        this.candidates = candidates;
        this.turnOf = new Map(candidates.map((c, i) => [c.vm.uuid, i]));
    }

    /** A placement of all candidates but `mayLeaveOut`; undefined where there is none, or the turns were used up. */
    attempt(start: Partial, mayLeaveOut: number, mostTurns: number): Partial | undefined {
        this.turnsTaken = 0;
        const turns: Turn[] = [this.turn(start, mayLeaveOut, 0, 0)];
        while (turns.length > 0 && this.turnsTaken <= mostTurns) {
            const index = turns.length - 1;
            const turn = turns[index];
            const candidate = this.candidates[index];
            if (!turn || !candidate) return undefined;
            const option = turn.options[turn.next++];
            if (option === undefined) {
                this.failed.add(situation(index, turn.leftOut, turn.arrivals));
                turns.pop();
                continue;
            }
            const taken = option !== leaveOut;
            const partial = taken ? this.problem.withPlacement(candidate, option, turn.partial, this.pendingAfter(index)) : turn.partial;
            if (this.ended(partial, index + 1)) return partial;
            const leftOut = taken || turn.optional ? turn.leftOut : turn.leftOut - 1;
            const arrivals = taken ? turn.arrivals + fingerprint(option, this.problem.kindOf(candidate)) : turn.arrivals;
            if (!this.failed.has(situation(index + 1, leftOut, arrivals))) turns.push(this.turn(partial, leftOut, arrivals, index + 1));
        }
        return undefined;
    }

    /** Each takes the best that is left for it. `leftOut`: how many found nothing. */
    greedy(start: Partial): { readonly partial: Partial; readonly leftOut: number } {
        let partial = start;
        let leftOut = 0;
        for (const [i, candidate] of this.candidates.entries()) {
            if (this.problem.enough(partial)) break;
            const pending = this.pendingAfter(i);
            const { best, optional } = this.problem.options(candidate, partial, pending);
            if (best[0]) partial = this.problem.withPlacement(candidate, best[0], partial, pending);
            else if (!optional) leftOut++;
        }
        return { partial, leftOut };
    }

    /** VMs whose turn comes after this one. */
    private pendingAfter(index: number): Pending {
        return { has: (vm) => (this.turnOf.get(vm) ?? -1) > index };
    }

    private ended(partial: Partial, index: number): boolean {
        return index >= this.candidates.length || this.problem.enough(partial) !== undefined;
    }

    private turn(partial: Partial, leftOut: number, arrivals: number, index: number): Turn {
        this.turnsTaken++;
        const candidate = this.candidates[index];
        if (!candidate) return { partial, leftOut, arrivals, options: [], optional: false, next: 0 };
        const { best, optional } = this.problem.options(candidate, partial, this.pendingAfter(index));
        const mayStay = optional || leftOut > 0;
        return { partial, leftOut, arrivals, options: mayStay ? [...best, leaveOut] : best, optional, next: 0 };
    }
}

/** Two situations with the same kinds of VMs on the same hosts end the same way. */
const situation = (index: number, leftOut: number, arrivals: number): string => `${index} ${leftOut} ${arrivals}`;

/**
 * A number for "a VM of this kind went to this host"; the sum of them stands for all that went, in whatever order.
 * 40 bits (FNV-1a, then MurmurHash3's finaliser), so that sums of thousands stay exact. Without the finaliser two kinds
 * differ by the same number on every host, and exchanging them between two hosts gives the same sum.
 */
export function fingerprint(host: string, kind: number): number {
    const text = `${host}/${kind}`;
    let [low, high] = [0x811c9dc5, 0x9e3779b9];
    for (let i = 0; i < text.length; i++) {
        low = Math.imul(low ^ text.charCodeAt(i), 0x01000193) >>> 0;
        high = Math.imul(high ^ text.charCodeAt(i), 0x85ebca6b) >>> 0;
    }
    return (scatter(high) >>> 24) * 2 ** 32 + scatter(low);
}

function scatter(hash: number): number {
    let h = hash;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (h ^ (h >>> 16)) >>> 0;
}
