import type { Expression, Policy } from '../program.js';
import { boundsOf, conjuncts, nameOf } from './intervals.js';
import { firstOwn } from './promises.js';
import type { TextRule } from './rule.js';

export const gangWiderThanLimit: TextRule = {
    id: 'MIG311',
    name: 'gang-wider-than-limit',
    severity: 'error',
    summary: 'Named VMs that are one gang, and are more than may move at once.',
    avoid: `policy shop {
  move vm "web1", "web2", "db1" where vm.tag.app == "shop" together by vm.tag.app
  to hosts
  using precopy
  at most 2 at once in all
}
`,
    prefer: `policy shop {
  move vm "web1", "web2", "db1" where vm.tag.app == "shop" together by vm.tag.app
  to hosts
  using precopy
  at most 3 at once in all
}
`,
    rationale:
        'A gang starts together: that is what it is for, since its VMs talk to each other and share their pages. Where fewer may move at once than it has members it can never start together, and with all or none it never starts.',
    source: 'Gang migration (U. Deshpande et al., Live Gang Migration of Virtual Machines, HPDC 2011): VMs that are moved at one time share their pages.',
    byPart: true,
    check: ({ policies }, report) => {
        for (const policy of policies) {
            const { selection, concurrency } = policy;
            const { together, from, limit } = selection;
            const most = concurrency.inAll;
            if (!together || from.kind !== 'named-vms' || !most || !isOneGang(together.by, policy)) continue;
            const named = new Set(from.vms).size;
            const members = limit?.kind === 'count' ? Math.min(named, limit.count) : limit ? 0 : named;
            const place = firstOwn(policy, together.range, most.range);
            if (members <= most.count || !place) continue;
            report(place, `This gang has ${members} VMs (${from.vms.join(', ')}), and at most ${most.count} may move at once in all.`, {
                hint: `Allow ${members} at once, or take 'together by' out.`,
            });
        }
    },
};

/** Whether all that are chosen have one value of this: it is fixed, or the filter leaves only one. */
function isOneGang(by: Expression, { selection }: Policy): boolean {
    if (by.kind === 'literal') return true;
    if (by.kind !== 'attribute') return false;
    return selection.where.flatMap(conjuncts).some((part) => {
        const bounds = boundsOf(part);
        const bound = bounds === 'never' ? undefined : bounds.get(nameOf(by));
        return bound?.kind === 'values' ? bound.listed && bound.values.size === 1 : bound !== undefined && bound.low === bound.high;
    });
}
