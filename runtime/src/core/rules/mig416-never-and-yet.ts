import type { TechniqueOptions } from '@mig/language';
import { facilities, type Facility, facilitiesOf } from '../versions/facilities.js';
import { techniquesOf } from './techniques.js';
import { moversOf } from './movers.js';
import type { HostRule } from './rule.js';

export const neverAndYet: HostRule = {
    id: 'MIG416',
    name: 'never-and-yet',
    severity: 'error',
    needs: 'program',
    summary: 'A technique that needs post-copy or throttling rules it out with `never`.',
    avoid: `policy evacuate {
  when host is in maintenance
  move vms on host
  to hosts
  using hybrid { never postcopy }
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
    source: 'Deployments that rule post-copy out do so because it cannot be called off; a technique copied from elsewhere brings it back in.',
    check: ({ program }, report) => {
        for (const mover of moversOf(program)) {
            for (const { kind, name, options, range } of techniquesOf(mover)) {
                for (const word of options.never ?? []) {
                    // Of rungs the rule rung-forbidden speaks.
                    if (!facilitiesOf(kind, options, []).has(ruledOut[word])) continue;
                    const what = facilities[ruledOut[word]].name;
                    report(range, `never ${word}, and ${name} itself is built on ${what}`, {
                        hint: 'take another technique, or `never` out',
                    });
                }
            }
        }
    },
};

const ruledOut: Readonly<Record<NonNullable<TechniqueOptions['never']>[number], Facility>> = {
    postcopy: 'postcopy',
    throttle: 'auto-converge',
};
