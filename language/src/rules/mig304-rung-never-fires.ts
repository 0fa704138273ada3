import type { TextRule } from './rule.js';
import { endedBy, neverFires, rungText } from './rungs.js';
import { placeOf, techniquesIn } from './written.js';

export const rungNeverFires: TextRule = {
    id: 'MIG304',
    name: 'rung-never-fires',
    severity: 'warning',
    summary: 'A rung that can never fire: another one has always aborted the move before, or its condition contradicts its moment.',
    avoid: `technique patient = precopy {
  when stalled for 3 iterations: downtime 450 ms
  after 5 min: abort
  after 10 min: switch to postcopy
}
policy drain { when host is in maintenance  move vms on host  to hosts  using patient }
`,
    prefer: `technique patient = precopy {
  when stalled for 3 iterations: downtime 450 ms
  after 5 min: switch to postcopy
}
policy drain { when host is in maintenance  move vms on host  to hosts  using patient }
`,
    rationale:
        'A rung is written as the way out for a VM that does not converge. Where it can never fire the VM stays on its host, and whoever wrote the ladder believes that it has been seen to. A rung is judged at iteration boundaries and at its clock time: `after 10 min` is never reached below an unconditional `after 5 min: abort`, nor is a stall of 5 iterations where one of 3 aborts.',
    source: "How a ladder is judged: runtime/src/core/decide/ladder.ts. Its stall detector has the form of KubeVirt's, so that a stall of 5 iterations is always one of 3 before.",
    byPart: true,
    check: (input, report) => {
        for (const one of techniquesIn(input)) {
            for (const [index, rung] of one.use.ladder.entries()) {
                if (neverFires(rung)) {
                    report(
                        placeOf(rung, one),
                        `The rung '${rungText(rung)}' of '${one.name}' can never fire: its condition is never true when it is due.`,
                        {
                            hint: 'Change its moment or its condition, or take it out.',
                        },
                    );
                    continue;
                }
                const end = endedBy(one.use, index);
                if (end?.action.kind !== 'abort') continue;
                report(
                    placeOf(rung, one),
                    `The rung '${rungText(rung)}' of '${one.name}' can never fire: '${rungText(end)}' has ended the move before.`,
                    {
                        hint: 'Let it be due earlier, or the abort later; or take one of the two out.',
                    },
                );
            }
        }
    },
};
