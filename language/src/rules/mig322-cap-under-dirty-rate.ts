import type { Cap, Expression, Policy, TechniqueUse } from '../program.js';
import { formatQuantity } from '../units.js';
import { capText } from './caps.js';
import { both, type Bounds, boundsOf } from './intervals.js';
import { ends, mayNotConverge } from './mig303-ladder-without-end.js';
import { firstOwn } from './promises.js';
import type { RuleInput, TextRule } from './rule.js';
import { builtInsOf } from './written.js';

export const capUnderDirtyRate: TextRule = {
    id: 'MIG322',
    name: 'cap-under-dirty-rate',
    severity: 'warning',
    summary: 'VMs that are chosen because they dirty more than the cap lets through, and a technique that has no way out.',
    avoid: `policy busy {
  move vms where vm.dirty_rate > 100 MiB/s
  to hosts
  using precopy
  bandwidth { per vm 400 Mbit/s }
}
`,
    prefer: `policy busy {
  move vms where vm.dirty_rate > 100 MiB/s
  to hosts
  using precopy { after 2 min: switch to postcopy }
  bandwidth { per vm 400 Mbit/s }
}
`,
    rationale:
        'Pre-copy converges only while memory is sent faster than the guest writes it. Each of these VMs writes more in a second than the cap lets through, so that every pass leaves as much to send as the one before. Without a rung that switches, pauses or aborts such a move loads the link until its bound, and fails.',
    source: 'C. Clark et al., Live Migration of Virtual Machines (NSDI 2005), on the writable working set: pre-copy cannot keep up with pages that are written faster than they are sent.',
    byPart: true,
    check: (input, report) => {
        for (const policy of input.policies) {
            const cap = leastCap(policy);
            if (!cap || !policy.technique.some((use) => isEndless(use, input))) continue;
            const chosen = [...policy.selection.where, ...policy.selection.except.map(negated)]
                .map(boundsOf)
                .reduce<Bounds>(both, new Map());
            for (const use of policy.technique) {
                const dirty = dirtiest(use, chosen, cap.rate, input);
                const place = dirty === undefined ? undefined : firstOwn(policy, cap.cap.range, use.range, policy.selection.range);
                if (dirty === undefined || !place) continue;
                const rate = formatQuantity(dirty, 'rate');
                report(
                    place,
                    `Pre-copy cannot end here: these VMs dirty at least ${rate}, and '${capText(cap.cap, input)}' lets less through.`,
                    {
                        hint: 'Raise the cap, or give the technique a rung such as after 2 min: switch to postcopy.',
                    },
                );
                break;
            }
        }
    },
};

/** The strictest cap: each of them also bounds what one VM can send. */
function leastCap({ bandwidth }: Policy): { readonly cap: Cap; readonly rate: number } | undefined {
    const rates = (bandwidth?.caps ?? []).flatMap((cap) =>
        cap.kind === 'cap' && cap.limit.kind === 'rate' ? [{ cap, rate: cap.limit.rate }] : [],
    );
    return rates.toSorted((a, b) => a.rate - b.rate)[0];
}

const negated = (operand: Expression): Expression => ({ kind: 'not', type: 'boolean', operand, range: operand.range });

/** The least that the VMs dirty which would be sent by a pre-copy without an end; undefined where the cap lets that through. */
function dirtiest(use: TechniqueUse, chosen: Bounds, cap: number, input: RuleInput): number | undefined {
    if (use.kind === 'choose') {
        return use.branches
            .map((branch) => dirtiest(branch.use, branch.when ? both(chosen, boundsOf(branch.when)) : chosen, cap, input))
            .find((rate) => rate !== undefined);
    }
    const bound = chosen === 'never' ? undefined : chosen.get('vm.dirty_rate');
    if (bound?.kind !== 'numbers' || bound.low < cap || !Number.isFinite(bound.low)) return undefined;
    return isEndless(use, input) ? bound.low : undefined;
}

/** Whether it, or a branch of it, sends on for as long as the guest writes faster. */
const isEndless = (use: TechniqueUse, input: RuleInput): boolean =>
    builtInsOf([use], input).some(
        ({ technique, ladder }) =>
            mayNotConverge.has(technique) && !ladder.some(({ action }) => ends.has(action.kind) || action.kind === 'bandwidth'),
    );
