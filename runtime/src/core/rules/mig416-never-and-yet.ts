import type { TechniqueOptions } from '@mig/language';
import { facilities, type Facility, facilitiesOf } from '../versions/facilities.js';
import { techniquesOf } from './techniques.js';
import { moversOf } from './movers.js';
import { evacuate } from './example.js';
import type { HostRule } from './rule.js';

export const neverAndYet: HostRule = {
    id: 'MIG416',
    name: 'never-and-yet',
    severity: 'error',
    needs: 'program',
    summary: 'A technique that needs post-copy or throttling rules it out with `never`.',
    avoid: evacuate({ inventory: 'none', using: 'hybrid { never postcopy }' }),
    prefer: evacuate({ inventory: 'none', using: 'precopy {\n  never postcopy\n  after 10 min: abort\n}' }),
    rationale: 'One of the two is not meant, and which one decides whether a VM can be lost.',
    source: 'Deployments that rule post-copy out do so because it cannot be called off; a technique copied from elsewhere brings it back in.',
    byPart: true,
    check: ({ program }, report) => {
        for (const mover of moversOf(program)) {
            for (const { kind, name, options, range } of techniquesOf(mover)) {
                for (const word of options.never ?? []) {
                    // Of rungs the rule rung-forbidden speaks.
                    if (!facilitiesOf(kind, options, []).has(ruledOut[word])) continue;
                    const what = facilities[ruledOut[word]].name;
                    const itself = facilitiesOf(kind, {}, []).has(ruledOut[word]);
                    report(range, `never ${word}, and ${name} itself ${itself ? 'is built on' : 'asks for'} ${what}`, {
                        hint: itself ? 'take another technique, or `never` out' : `take \`${word}\` out, or \`never\``,
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
