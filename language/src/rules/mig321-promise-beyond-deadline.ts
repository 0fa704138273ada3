import { formatQuantity } from '../units.js';
import type { TextRule } from './rule.js';
import { firstOwn } from './promises.js';

export const promiseBeyondDeadline: TextRule = {
    id: 'MIG321',
    name: 'promise-beyond-deadline',
    severity: 'warning',
    summary: 'A deadline that is shorter than a promised duration or eviction time, and does not waive the promise.',
    avoid: `policy drain {
  when host is in maintenance
  move vms on host
  to hosts
  using precopy
  require duration <= 15 min
  deadline 5 min
}
`,
    prefer: `policy drain {
  when host is in maintenance
  move vms on host
  to hosts
  using precopy
  require duration <= 5 min
  deadline 15 min
}
`,
    rationale:
        'The deadline is for all moves together, the promise for each of them. A move that keeps its promise of 15 minutes misses a deadline of 5: either the two were exchanged, or the promise says nothing.',
    source: 'A deadline may waive named promises (docs/language.md): one that is not waived is meant to hold within it.',
    byPart: true,
    check: ({ policies }, report) => {
        for (const policy of policies) {
            const { deadline, requires } = policy;
            if (!deadline || deadline.waives.includes('require')) continue;
            for (const { metric, value, range } of requires) {
                const place = firstOwn(policy, range, deadline.range);
                if ((metric !== 'duration' && metric !== 'eviction') || value <= deadline.ms || !place) continue;
                const [promised, allowed] = [formatQuantity(value, 'duration'), formatQuantity(deadline.ms, 'duration')];
                report(place, `The promise of ${promised} of ${metric} says nothing: the deadline of '${policy.name}' is ${allowed}.`, {
                    hint: "Promise less than the deadline, or write 'waive require'.",
                });
            }
        }
    },
};
