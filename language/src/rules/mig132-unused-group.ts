import { isGroup } from '../generated/ast.js';
import type { TextRule } from './rule.js';
import { tellUnused } from './usage.js';

export const unusedGroup: TextRule = {
    id: 'MIG132',
    name: 'unused-group',
    severity: 'info',
    summary: 'A group that nothing uses, in a file that runs something by itself and that no other file imports.',
    avoid: `group web = vms where vm.tags contains "web"
policy drain { when host is in maintenance  move vms on host  to hosts  using precopy }
`,
    prefer: `group web = vms where vm.tags contains "web"
policy drain { when host is in maintenance  move vms in web on host  to hosts  using precopy }
`,
    rationale: 'A policy that was written for a group and does not name it moves every VM.',
    source: "Linters of policy languages ask the same (Terraform's unused declarations, Bicep's no-unused-vars).",
    check: (input, report) => {
        tellUnused(input, isGroup, { what: 'the group', hint: "Name it after 'in', or take it out." }, report);
    },
};
