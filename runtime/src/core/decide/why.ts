import type { Policy } from '@mig/language';
import type { Reason } from '../model/plan.js';
import { exclusion } from './constraints.js';
import type { Placement } from './placement.js';
import { rank, whyRanked } from './preferences.js';
import { afterMove, type World } from './world.js';

/** At most this many of the hosts that the policy itself ruled out are named where only one was left. */
const namedAtMost = 2;

/** Why each VM goes where it goes: the moves are gone through once more, each with what stood to choose at its step. */
export function whyThere(policy: Policy, placements: readonly Placement[], start: World): readonly (readonly Reason[])[] {
    const pending = new Set(placements.map(({ candidate }) => candidate.vm.uuid));
    let world = start;
    return placements.map((placement) => {
        pending.delete(placement.candidate.vm.uuid);
        const because = reasons(policy, placement, world, pending);
        world = afterMove(world, placement.candidate.vm, placement.destination);
        return because;
    });
}

function reasons(policy: Policy, { candidate, destination }: Placement, world: World, pending: ReadonlySet<string>): readonly Reason[] {
    const { vm } = candidate;
    const ruledOut: Reason[] = [];
    const allowed = [...world.hosts.keys()].filter((host) => {
        const against = exclusion({ policy, vm, destination: host, world, pending });
        if (against?.range) ruledOut.push({ text: `not ${host}: ${against.text}`, range: against.range });
        return !against;
    });
    const { hosts } = rank(policy, vm, allowed, world);
    const others = hosts.filter((host) => host !== destination);
    const figures = whyRanked(policy, vm, destination, others[0], world);
    if (others.length === 0) return [...figures, { text: 'the only host that every constraint allows' }, ...ruledOut.slice(0, namedAtMost)];
    if (hosts[0] === destination) return figures;
    return [...figures, { text: `${hosts[0] ?? ''} would come first, but then a VM further down would have no place` }];
}
