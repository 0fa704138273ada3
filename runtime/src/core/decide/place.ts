/**
 * Where the VMs of a policy go: feasible at every step of the plan, not only at its end (placement.ts).
 * Preferences choose first; where that leaves a later VM without a destination, the search goes back (search.ts).
 */
import type { Reason } from '../model/plan.js';
import { type Earlier, type NoPlace, type Placement, PlacementProblem } from './placement.js';
import { refusal } from './preflight.js';
import { searchPlacement } from './search.js';
import { type Candidate, mostToTake, type PassedOver } from './select.js';
import type { Fired } from './trigger.js';
import { whyThere } from './why.js';
import type { World } from './world.js';

export interface Placed {
    readonly placements: readonly (Placement & { readonly because: readonly Reason[] })[];
    readonly unplaced: readonly NoPlace[];
    readonly passedOver: readonly PassedOver[];
    /** With all placements carried out. */
    readonly world: World;
}

/** Finds a destination for each candidate, in order, until the policy's `limit` or `until` is reached. */
export function place(fired: Fired, candidates: readonly Candidate[], start: World, earlier: readonly Earlier[]): Placed {
    const { policy } = fired;
    const choosy = policy.selection.limit !== undefined || policy.selection.until !== undefined;
    const passedOver: PassedOver[] = [];
    const unplaced: NoPlace[] = [];
    const movable = candidates.filter((candidate) => {
        const against = refusal(candidate.vm, policy.technique);
        if (against === undefined) return true;
        const because: Reason = { text: `cannot be moved: ${against}`, range: policy.selection.immovable.range };
        // Where any VM will do, another is taken instead; where all are wanted, one is missing.
        if (choosy) passedOver.push({ vm: candidate.vm.name, because });
        else unplaced.push({ candidate, excluded: [{ host: '', because }] });
        return false;
    });
    const problem = new PlacementProblem(fired, movable, start, earlier, mostToTake(policy, movable.length));
    const found = searchPlacement(problem, movable, start);
    const taken = new Set(found.placements.map((p) => p.candidate.vm.uuid));
    const left = movable.filter((candidate) => !taken.has(candidate.vm.uuid));
    const enough = problem.enough(found);
    for (const candidate of left) {
        if (enough) {
            passedOver.push({ vm: candidate.vm.name, because: enough });
            continue;
        }
        const options = problem.explain(candidate, found);
        if (options.withoutGain) passedOver.push({ vm: candidate.vm.name, because: options.withoutGain });
        else unplaced.push({ candidate, excluded: options.excluded });
    }
    const because = whyThere(policy, found.placements, start);
    const placements = found.placements.map((placement, i) => ({ ...placement, because: because[i] ?? [] }));
    return { placements, unplaced, passedOver, world: found.world };
}
