import { isInside } from '../places.js';
import type { Policy } from '../program.js';
import { formatQuantity } from '../units.js';
import type { TextRule } from './rule.js';
import { firstOwn } from './promises.js';

/** Who tries for longer than this, and has no deadline, tries without end: the state of the hosts is another one by then. */
const aDayMs = 86_400_000;

export const retryWithoutEnd: TextRule = {
    id: 'MIG320',
    name: 'retry-without-end',
    severity: 'warning',
    summary: 'Tries that go on after the deadline or the window of the policy, or for more than a day.',
    avoid: `policy drain {
  when host is in maintenance
  move vms on host
  to hosts
  using precopy
  on failure retry 10 times every 5 min, then leave and report
  deadline 20 min
}
`,
    prefer: `policy drain {
  when host is in maintenance
  move vms on host
  to hosts
  using precopy
  on failure retry 3 times every 5 min, then leave and report
  deadline 20 min
}
`,
    rationale:
        "What follows 'then' (leaving the VM, another destination, a report) waits for the last try. Where the tries outlast the deadline nobody hears of the failure in time to do something about it; where they outlast the window the moves run when they were not meant to.",
    source: 'Issues and designs of KubeVirt, Nova, oVirt and Proxmox: one slow VM does not hold up the rest, and no move is stuck; KubeVirt backs off after failures and Nova bounds the attempts.',
    byPart: true,
    check: ({ policies }, report) => {
        for (const policy of policies) {
            const { onFailure } = policy;
            if (!onFailure?.retry) continue;
            const { times, everyMs } = onFailure.retry;
            if (everyMs === 0 && times > mostAtOnce && isInside(onFailure.range, policy.range)) {
                report(onFailure.range, `${times} tries follow one another without a pause.`, {
                    hint: 'Try a few times with a pause between them, such as retry 3 times every 30 s.',
                });
                continue;
            }
            const totalMs = times * everyMs;
            const bound = boundOf(policy);
            const place = firstOwn(policy, onFailure.range, ...(bound.range ? [bound.range] : []));
            if (totalMs < bound.ms || !place) continue;
            const [tries, most] = [formatQuantity(totalMs, 'duration'), formatQuantity(bound.ms, 'duration')];
            report(place, `${times} tries every ${formatQuantity(everyMs, 'duration')} go on for ${tries}, and ${bound.words} ${most}.`, {
                hint: 'Try fewer times, or at shorter intervals.',
            });
        }
    },
};

/** What has failed so often within moments fails again. */
const mostAtOnce = 100;

function boundOf({ deadline, trigger }: Policy): { readonly ms: number; readonly words: string; readonly range?: Policy['range'] } {
    if (deadline) return { ms: deadline.ms, words: 'the deadline is', range: deadline.range };
    if (trigger?.kind === 'schedule') return { ms: trigger.windowMs, words: 'the window of the schedule is', range: trigger.range };
    return { ms: aDayMs, words: 'there is no deadline: that is more than' };
}
