import type { Policy, Trigger } from '../program.js';
import { firstOwn } from './promises.js';
import type { TextRule } from './rule.js';

export const nothingBound: TextRule = {
    id: 'MIG140',
    name: 'nothing-bound',
    severity: 'warning',
    summary: 'A policy moves the VMs of the host, or the VM, that its trigger names, and its trigger names none.',
    avoid: `policy pack {
  every day at 22:00
  move vms on host
  to hosts prefer fullest when gain > 5%
  using precopy
}
`,
    prefer: `policy pack {
  every day at 22:00
  move vms on hosts where host.cpu < 20% for 30 min
  to hosts prefer fullest when gain > 5%
  using precopy
}
`,
    rationale:
        'A trigger that names a host (`when host is in maintenance`) starts the policy for each host for which it holds. A schedule, or a condition on the cluster, names none: there is no host whose VMs could be moved, and the policy never runs by itself.',
    source: 'What a trigger binds: docs/language.md, and runtime/src/core/decide/trigger.ts, which holds such a policy back.',
    byPart: true,
    check: ({ policies }, report) => {
        for (const policy of policies) {
            const { trigger, selection } = policy;
            const needed = neededBy(policy);
            if (!trigger || !needed) continue;
            const bound = boundBy(trigger);
            if (bound.has(needed) || bound.has('vm')) continue;
            const place = firstOwn(policy, selection.from.range, trigger.range);
            if (!place) continue;
            const what = needed === 'host' ? 'VMs of the host' : 'the VM';
            report(place, `'${policy.name}' moves ${what} that its trigger names, and the trigger names none: it never runs by itself.`, {
                hint:
                    needed === 'host'
                        ? "Write 'move vms on hosts where …', name a host, or let the trigger speak of one ('when host …')."
                        : "Name the VM, choose with 'move vms where …', or let the trigger speak of one ('when vm …').",
            });
        }
    },
};

function neededBy({ selection: { from } }: Policy): 'host' | 'vm' | undefined {
    return from.kind === 'bound-host' ? 'host' : from.kind === 'bound-vm' ? 'vm' : undefined;
}

function boundBy(trigger: Trigger): ReadonlySet<'host' | 'vm' | undefined> {
    switch (trigger.kind) {
        case 'schedule':
            return new Set();
        case 'condition':
            return new Set([trigger.binds]);
        case 'not':
            return boundBy(trigger.of);
        case 'any':
        case 'all':
            return new Set(trigger.of.flatMap((part) => [...boundBy(part)]));
    }
}
