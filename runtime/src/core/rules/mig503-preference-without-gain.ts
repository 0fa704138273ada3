import type { Fix, Policy, Preference, SourceRange } from '@mig/language';
import { attributesIn } from '../decide/evaluate.js';
import { wordsOf } from '../decide/wording.js';
import type { HostRule } from './rule.js';

const policy = (gain: string): string => `policy rebalance {
  when cluster.cpu.imbalance > 20% for 15 min
  move vms order by vm.memory ascending limit 10
  to hosts prefer even load${gain}
  using precopy { downtime 300 ms; after 5 min: abort }
  on failure leave and report
  cooldown 30 min
}
`;

export const preferenceWithoutGain: HostRule = {
    id: 'MIG503',
    name: 'preference-without-gain',
    severity: 'warning',
    needs: 'program',
    summary: 'A policy moves VMs for the sake of a preference alone, and does not say how much better it must become.',
    avoid: policy(''),
    prefer: policy(' when gain > 5%'),
    rationale:
        'Without a least gain a VM that was taken goes to the best other host, even where that is worse than where it is. Each ' +
        'move costs bandwidth and a stop; one that gains nothing is made again the other way the next time.',
    source: 'VMware DRS, oVirt and ProxLB weigh the benefit of a move against its cost, after reports of VMs that move to and fro.',
    byPart: true,
    check: ({ program }, report) => {
        for (const policy of program.policies) {
            if (!policy.trigger) continue;
            for (const preference of policy.destination.preferences) {
                if (preference.gain !== undefined || !isTheReason(policy, preference)) continue;
                const title = titleOf(preference);
                report(preference.range, `${policy.name} moves VMs for ${title} alone, and a move need not gain anything by it`, {
                    hint: `write how much better it must become: ${title} when gain > 5%`,
                    fixes: [leastGain(preference.range)],
                });
            }
        }
    },
};

/**
 * VMs that have to leave their host go to the best of the others. Only where they might as well stay is a preference
 * what they are moved for: `even load` says so itself, other rankings where every VM is taken and any host will do.
 */
function isTheReason({ selection, destination }: Policy, preference: Preference): boolean {
    const { from, where, except } = selection;
    if (preference.kind === 'even-load') return from.kind === 'all' || from.kind === 'hosts';
    if (from.kind !== 'all' || destination.where.length > 0 || destination.preferences.some((one) => one.gain !== undefined)) return false;
    return [...where, ...except].flatMap(attributesIn).every((name) => name.entity === 'vm' && name.attribute !== 'host');
}

function titleOf(preference: Preference): string {
    return preference.kind === 'expression' ? `${preference.direction} ${wordsOf(preference.by)}` : preference.kind.replaceAll('-', ' ');
}

function leastGain({ source, end }: SourceRange): Fix {
    return { title: 'Ask for a gain of 5%', edits: [{ range: { source, start: end, end }, newText: ' when gain > 5%' }] };
}
