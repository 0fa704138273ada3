import { isInside } from '../places.js';
import type { Expression } from '../program.js';
import { boundsOf, implies } from './intervals.js';
import type { RuleInput, TextRule } from './rule.js';
import { choicesIn, type Choice } from './written.js';

type Branch = Choice['branches'][number];

export const branchNeverReached: TextRule = {
    id: 'MIG323',
    name: 'branch-never-reached',
    severity: 'warning',
    summary: 'A branch of choose that can never be taken: one above it always is, or its condition contradicts itself.',
    avoid: `policy rebalance {
  when cluster.cpu.imbalance > 20% for 15 min
  move vms limit 10
  to hosts prefer even load when gain > 5%
  using choose {
    vm.dirty_rate > 20 MiB/s: hybrid
    vm.dirty_rate > 100 MiB/s: postcopy
    otherwise: precopy
  }
  cooldown 30 min
}
`,
    prefer: `policy rebalance {
  when cluster.cpu.imbalance > 20% for 15 min
  move vms limit 10
  to hosts prefer even load when gain > 5%
  using choose {
    vm.dirty_rate > 100 MiB/s: postcopy
    vm.dirty_rate > 20 MiB/s: hybrid
    otherwise: precopy
  }
  cooldown 30 min
}
`,
    rationale:
        'The first branch whose condition holds is taken. A branch whose VMs are all taken by one above it is never reached: the busiest VMs are moved as the less busy ones are, and the technique that was chosen for them is never used.',
    source: 'In choose the first branch is taken whose condition holds (docs/language.md). Compilers report unreachable branches of a match.',
    byPart: true,
    check: (input, report) => {
        for (const { use, owner } of choicesIn(input)) {
            for (const [index, branch] of use.branches.entries()) {
                const place = isInside(branch.range, owner) ? branch.range : use.range;
                if (branch.when && boundsOf(branch.when) === 'never') {
                    report(place, `The branch '${textOf(branch, input)}' is never taken: its condition is never true.`, {
                        hint: 'Mend the condition, or take the branch out.',
                    });
                    continue;
                }
                const above = use.branches.slice(0, index).find((other) => takesAll(other.when, branch.when));
                if (!above) continue;
                const message = `The branch '${textOf(branch, input)}' is never reached: '${textOf(above, input)}' above it takes all that it would.`;
                report(place, message, { hint: 'Write the narrower condition first, or take the branch out.' });
            }
        }
    },
};

/** Whether one is taken by the first of two branches whenever the second would be. Without a condition: always. */
function takesAll(first: Expression | undefined, second: Expression | undefined): boolean {
    if (!first || (first.kind === 'literal' && first.value === true)) return true;
    return second !== undefined && implies(second, first);
}

function textOf({ when, range }: Branch, { document }: RuleInput): string {
    if (!when) return 'otherwise';
    const text = range.source === when.range.source ? document.textDocument.getText(when.range) : '…';
    return text.replaceAll(/\s+/g, ' ');
}
