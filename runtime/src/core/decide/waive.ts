/** What the deadline of a policy waives where time or room is short (`deadline 5 min waive bandwidth, apart`). */
import { formatQuantity, type Policy } from '@mig/language';
import type { PlanCap, PlannedMove, Reason } from '../model/plan.js';
import type { HostState } from '../model/snapshot.js';
import { linksOf } from './queued.js';
import type { Fired } from './trigger.js';
import { listed } from './wording.js';

type Draft = {
    readonly moves: readonly Pick<PlannedMove, 'instance' | 'source' | 'destination' | 'route' | 'memory' | 'vm'>[];
    readonly unplaced: readonly { readonly instance: number }[];
};

export interface Waived {
    /** The same instances, of policies that ask for less. */
    readonly fired: readonly Fired[];
    readonly warnings: readonly Reason[];
}

/**
 * Waives what the policies allow: what costs time where one pass over all memory takes longer than the deadline, and
 * what rules hosts out where a VM has none. Undefined where nothing need be waived.
 */
export function waive(fired: readonly Fired[], draft: Draft, caps: readonly PlanCap[], hosts: readonly HostState[]): Waived | undefined {
    const eased = new Map<Policy, Policy>();
    const warnings: Reason[] = [];
    for (const { policy } of fired) {
        const { deadline } = policy;
        if (!deadline || deadline.waives.length === 0 || eased.has(policy)) continue;
        const last = fired.findLastIndex((one) => one.policy === policy);
        const takes = onePass(
            draft.moves.filter((move) => move.instance <= last),
            caps,
            hosts,
        );
        const homeless = draft.unplaced.filter(({ instance }) => fired[instance]?.policy === policy).length;
        const forTime = takes > deadline.ms ? deadline.waives.filter((word) => word in costTime) : [];
        const forRoom = homeless > 0 ? deadline.waives.filter((word) => word in costRoom) : [];
        if (forTime.length + forRoom.length === 0) continue;
        eased.set(
            policy,
            [...forTime, ...forRoom].reduce((less, word) => (costTime[word] ?? costRoom[word])?.(less) ?? less, policy),
        );
        const { range } = deadline;
        const within = `the deadline of ${formatQuantity(deadline.ms, 'duration')}`;
        if (forTime.length > 0)
            warnings.push({
                text: `${listed(forTime)} waived: one pass over all memory takes ${formatQuantity(takes, 'duration')}, longer than ${within}`,
                range,
            });
        if (forRoom.length > 0)
            warnings.push({
                text: `${listed(forRoom)} waived for ${within}: ${homeless} ${homeless === 1 ? 'VM' : 'VMs'} would have no place`,
                range,
            });
    }
    if (eased.size === 0) return undefined;
    return { fired: fired.map((one) => ({ ...one, policy: eased.get(one.policy) ?? one.policy })), warnings };
}

type Ease = (policy: Policy) => Policy;

const costTime: Readonly<Partial<Record<string, Ease>>> = {
    bandwidth: (policy) => ({ ...policy, bandwidth: undefined }),
    require: (policy) => ({ ...policy, requires: [] }),
    together: (policy) => ({ ...policy, selection: { ...policy.selection, together: undefined } }),
    order: (policy) => ({ ...policy, ordering: [], selection: { ...policy.selection, order: [] } }),
    prefer: (policy) => ({ ...policy, destination: { ...policy.destination, preferences: [] } }),
};

const costRoom: Readonly<Partial<Record<string, Ease>>> = {
    apart: (policy) => ({ ...policy, destination: { ...policy.destination, apart: [] } }),
    with: (policy) => ({ ...policy, destination: { ...policy.destination, with: [] } }),
    keep: (policy) => ({ ...policy, destination: { ...policy.destination, keepFree: [] } }),
};

/** Milliseconds that sending all memory once takes at least, by what the links carry and the caps allow. What no figure is known of takes none. */
function onePass(moves: Draft['moves'], caps: readonly PlanCap[], hosts: readonly HostState[]): number {
    const capacities = new Map<string, number>(
        hosts.flatMap((h) => h.links.flatMap((l) => (l.capacity === undefined ? [] : [[`${h.name}/${l.network}`, l.capacity] as const]))),
    );
    const capped = (scope: PlanCap['scope'], of: string | undefined): number =>
        Math.min(
            Infinity,
            ...caps.filter((c) => c.kind === 'cap' && c.scope === scope && (c.of === undefined || c.of === of)).map((c) => c.rate),
        );
    const sent = new Map<string, number>();
    let longest = 0;
    for (const { source, destination, route, memory, vm } of moves) {
        const [out, into] = linksOf({ source, destination, network: route.network });
        for (const way of [`${out ?? ''} out`, `${into ?? ''} in`]) sent.set(way, (sent.get(way) ?? 0) + memory);
        longest = Math.max(longest, memory / capped('vm', vm.name));
    }
    for (const [way, size] of sent) {
        const link = way.slice(0, way.lastIndexOf(' '));
        const host = link.slice(0, link.lastIndexOf('/'));
        longest = Math.max(longest, size / Math.min(capacities.get(link) ?? Infinity, capped('link', link), capped('host', host)));
    }
    const all = moves.reduce((sum, { memory }) => sum + memory, 0);
    return 1000 * Math.max(longest, all / capped('total', undefined));
}
