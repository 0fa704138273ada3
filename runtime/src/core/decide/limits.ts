import type { Concurrency, Policy } from '@mig/language';
import type { HostName } from '../model/inventory.js';
import type { PlanLimits } from '../model/plan.js';
import type { HostState } from '../model/snapshot.js';

/** How many moves may run at once: the strictest of what the policies say, and what each host's daemon can serve. */
export function planLimits(policies: readonly Policy[], hosts: Iterable<HostState>): PlanLimits {
    const strictest = (limit: keyof Concurrency): number | undefined => {
        const counts = policies.map((policy) => policy.concurrency[limit]?.count).filter((count) => count !== undefined);
        return counts.length === 0 ? undefined : Math.min(...counts);
    };
    const workers: Record<HostName, number> = {};
    for (const host of hosts) if (host.unreachable === undefined) workers[host.name] = host.workers;
    return {
        perHost: strictest('perHost'),
        intoHost: strictest('intoHost'),
        outOfHost: strictest('outOfHost'),
        perLink: strictest('perLink'),
        inAll: strictest('inAll'),
        workers,
    };
}
