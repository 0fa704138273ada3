import { isTechnique } from '../generated/ast.js';
import type { TextRule } from './rule.js';
import { tellUnused } from './usage.js';

export const unusedTechnique: TextRule = {
    id: 'MIG133',
    name: 'unused-technique',
    severity: 'info',
    summary: 'A technique that nothing uses, in a file that runs something by itself and that no other file imports.',
    avoid: `/** Never run for ever. */
technique patient = precopy { downtime 300 ms  after 10 min: abort }
policy drain { when host is in maintenance  move vms on host  to hosts  using precopy }
`,
    prefer: `/** Never run for ever. */
technique patient = precopy { downtime 300 ms  after 10 min: abort }
policy drain { when host is in maintenance  move vms on host  to hosts  using patient }
`,
    rationale:
        'The ladder and the limits that were thought out in it are in force nowhere: the policy uses another technique, without them.',
    source: "Linters of policy languages ask the same (Terraform's unused declarations, Bicep's no-unused-vars).",
    check: (input, report) => {
        tellUnused(input, isTechnique, { what: 'the technique', hint: "Write its name after 'using', or take it out." }, report);
    },
};
