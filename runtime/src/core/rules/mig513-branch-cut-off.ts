import type { SourceRange } from '@mig/language';
import { listed, wordsOf } from '../decide/wording.js';
import { type NeverTaken, neverTaken } from '../satisfy/branches.js';
import type { Contradiction } from '../satisfy/contradiction.js';
import type { HostRule } from './rule.js';

const policy = (third: string): string => `policy rebalance {
  when cluster.cpu.imbalance > 20% for 15 min
  move vms order by vm.memory ascending limit 10
  to hosts prefer even load when gain > 5%
  using choose {
    vm.net.tx > 2 * vm.net.rx: hybrid
    vm.net.rx > 2 * vm.net.tx: precopy
    ${third}: precopy { after 5 min: abort }
    otherwise: hybrid
  }
  on failure leave and report
  cooldown 30 min
}
`;

export const branchCutOff: HostRule = {
    id: 'MIG513',
    name: 'branch-cut-off',
    severity: 'warning',
    needs: 'program',
    summary:
        'A branch of choose that those above it leave nothing to, together; or one, or a rung, whose condition compares figures in a way that never holds.',
    avoid: policy('vm.net.tx > 3 * vm.net.rx'),
    prefer: policy('vm.net.tx > vm.net.rx'),
    rationale:
        'A branch above takes a VM before one below is asked. What one branch leaves the next may take, so that the third is cut off ' +
        'though neither of them alone covers it; and its technique, chosen for just such VMs, is never used.',
    source: 'Compilers report a case that the cases above it cover together: L. Maranget, Warnings for pattern matching (2007).',
    byPart: true,
    check: ({ program }, report) => {
        const uses = [
            ...[...program.policies, ...(program.imported ?? [])].map(({ technique }) => technique),
            ...program.sequences.flatMap(({ steps }) => steps.flatMap((step) => (step.kind === 'drain' ? [step.technique] : []))),
        ];
        // A technique that several policies use is told of where it stands, once.
        for (const one of new Set(uses.flatMap((technique) => neverTaken(technique)))) {
            report(rangeOf(one), textOf(one), { hint: 'change its condition, or take it out' });
        }
    },
};

const rangeOf = (one: NeverTaken): SourceRange => (one.kind === 'branch' ? one.branch.range : one.rung.range);

function textOf(one: NeverTaken): string {
    const why = `${clashOf(one.why)} cannot ${one.why.between.length === 1 ? 'be met' : 'be met together'}`;
    if (one.kind === 'rung') return `this rung can never fire: ${why}`;
    const name = one.branch.when ? `the branch ${wordsOf(one.branch.when)}` : 'otherwise';
    const isCutOff = one.why.between.some(({ holds }) => !holds) && one.above.length > 0;
    return `${name} is never reached${isCutOff ? `: it is left nothing by ${listed(one.above.map(wordsOf))}` : ''}; ${why}`;
}

const clashOf = ({ between }: Contradiction): string =>
    listed(between.map(({ comparison, holds }) => (holds ? wordsOf(comparison) : `not ${wordsOf(comparison)}`)));
