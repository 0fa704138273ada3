import type { Rung, TechniqueOptions } from '@mig/language';
import { type Facility, facilitiesOf } from '../versions/facilities.js';
import { techniquesOf } from './techniques.js';
import type { HostRule } from './rule.js';

export const neverAndYet: HostRule = {
    id: 'MIG416',
    name: 'never-and-yet',
    severity: 'error',
    needs: 'program',
    summary: 'A technique rules out post-copy or throttling with `never`, and asks for it all the same.',
    avoid: `policy evacuate {
  when host is in maintenance
  move vms on host
  to hosts
  using precopy {
    never postcopy
    after 2 min: switch to postcopy
    after 10 min: abort
  }
  on failure leave and report
}
`,
    prefer: `policy evacuate {
  when host is in maintenance
  move vms on host
  to hosts
  using precopy {
    never postcopy
    after 10 min: abort
  }
  on failure leave and report
}
`,
    rationale: 'One of the two is not meant, and which one decides whether a VM can be lost.',
    source: 'Deployments that rule post-copy out do so because it cannot be called off; a ladder copied from elsewhere brings it back in.',
    check: ({ program }, report) => {
        for (const policy of program.policies) {
            for (const { kind, name, options, ladder, range } of techniquesOf(policy)) {
                for (const word of options.never ?? []) {
                    const { facility, action, what } = ruledOut[word];
                    if (!facilitiesOf(kind, options, ladder).has(facility)) continue;
                    const rung = ladder.find((each) => each.action.kind === action);
                    const where = rung ? 'a rung of its ladder' : `${name} itself`;
                    report(rung?.range ?? range, `never ${word}, and ${where} asks for ${what}`, { hint: `take out one of the two` });
                }
            }
        }
    },
};

type Word = NonNullable<TechniqueOptions['never']>[number];

const ruledOut: Readonly<Record<Word, { readonly facility: Facility; readonly action: Rung['action']['kind']; readonly what: string }>> = {
    postcopy: { facility: 'postcopy', action: 'switch-to-postcopy', what: 'post-copy' },
    throttle: { facility: 'auto-converge', action: 'throttle', what: 'throttling' },
};
