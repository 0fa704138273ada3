/**
 * Moves that are made only together with others: a gang that is all or none, a host that has to become empty, and what
 * VMs that cannot move do to the rest (`immovable:`).
 */
import type { HostName } from '../model/inventory.js';
import type { Reason } from '../model/plan.js';
import type { VmUuid } from '../model/snapshot.js';
import type { Earlier } from './placement.js';
import { place, type Placed } from './place.js';
import { refusal } from './preflight.js';
import type { Candidate, PassedOver } from './select.js';
import type { Fired } from './trigger.js';
import { isActive, type World } from './world.js';

export interface PlacedWhole extends Placed {
    /** Why nothing more is planned, by this policy and those behind it. */
    readonly halted: Reason | undefined;
}

/** Places the candidates, and leaves out those that may not move without one that cannot: again until all that is left holds. */
export function placeWhole(fired: Fired, candidates: readonly Candidate[], start: World, earlier: readonly Earlier[]): PlacedWhole {
    let left = candidates;
    const dropped: PassedOver[] = [];
    /** A host stays skipped, though room for what could not move may come as others are dropped. */
    const skipped = new Map<HostName, Reason>();
    for (;;) {
        const placed = place(fired, left, start, earlier);
        const halted = haltedBy(fired, placed, left);
        if (halted) {
            const passedOver = placed.placements.map(({ candidate }) => ({ vm: candidate.vm.name, because: halted }));
            return { ...placed, placements: [], passedOver: [...placed.passedOver, ...dropped, ...passedOver], world: start, halted };
        }
        for (const [host, because] of skippedHosts(fired, placed, left)) if (!skipped.has(host)) skipped.set(host, because);
        const spoilt = new Map<VmUuid, PassedOver>();
        for (const { candidate } of placed.placements) {
            const because = skipped.get(candidate.vm.host) ?? spoiltBy(candidate, fired, placed, candidates);
            if (because) spoilt.set(candidate.vm.uuid, { vm: candidate.vm.name, because });
        }
        if (spoilt.size === 0) return { ...placed, passedOver: [...placed.passedOver, ...dropped], halted: undefined };
        left = left.filter((candidate) => !spoilt.has(candidate.vm.uuid));
        dropped.push(...spoilt.values());
    }
}

/** VMs that were to move and cannot: the VM itself stands against it, or no host takes it. */
function immovable({ policy }: Fired, placed: Placed, candidates: readonly Candidate[]): readonly Candidate[] {
    return candidates.filter(
        (c) => refusal(c.vm, policy.technique) !== undefined || placed.unplaced.some((u) => u.candidate.vm.uuid === c.vm.uuid),
    );
}

function haltedBy(fired: Fired, placed: Placed, candidates: readonly Candidate[]): Reason | undefined {
    const { action, range } = fired.policy.selection.immovable;
    const [stuck] = action === 'halt-plan' ? immovable(fired, placed, candidates) : [];
    return stuck && { text: `${stuck.vm.name} cannot move, and the plan halts`, range };
}

function skippedHosts(fired: Fired, placed: Placed, candidates: readonly Candidate[]): readonly (readonly [HostName, Reason])[] {
    const { action, range } = fired.policy.selection.immovable;
    if (action !== 'skip-host') return [];
    return immovable(fired, placed, candidates).map(({ vm }) => [
        vm.host,
        { text: `${vm.name} cannot move, so ${vm.host} is skipped`, range },
    ]);
}

function spoiltBy(candidate: Candidate, { policy }: Fired, placed: Placed, candidates: readonly Candidate[]): Reason | undefined {
    const { together, onlyIfEmptied } = policy.selection;
    const { host } = candidate.vm;
    const taken = new Set(placed.placements.map((p) => p.candidate.vm.uuid));
    if (together?.allOrNone === true && candidate.gang !== undefined) {
        const mate = candidates.find((c) => c.gang === candidate.gang && !taken.has(c.vm.uuid));
        if (mate) return { text: `${mate.vm.name} of the same gang does not move, and it is all or none`, range: together.range };
    }
    if (onlyIfEmptied) {
        const stays = placed.world.hosts.get(host)?.vms.find(isActive);
        if (stays) return { text: `${host} would not become empty: ${stays.name} stays`, range: onlyIfEmptied };
    }
    return undefined;
}
