import { isLet } from '../generated/ast.js';
import type { TextRule } from './rule.js';
import { tellUnused } from './usage.js';

export const unusedLet: TextRule = {
    id: 'MIG131',
    name: 'unused-let',
    severity: 'info',
    summary: 'A let that nothing uses, in a file that runs something by itself and that no other file imports.',
    avoid: `let hot = vm.dirty_rate > 100 MiB/s
policy drain { when host is in maintenance  move vms on host  to hosts  using precopy }
`,
    prefer: `let hot = vm.dirty_rate > 100 MiB/s
policy drain { when host is in maintenance  move vms on host where not hot  to hosts  using precopy }
`,
    rationale:
        'A predicate that is named and never asked mostly means a filter that was forgotten: the VMs that it was to keep back are moved.',
    source: "Linters of policy languages ask the same (Terraform's unused declarations, Bicep's no-unused-vars).",
    check: (input, report) => {
        tellUnused(input, isLet, { what: 'the let', hint: 'Use it in a condition, or take it out.' }, report);
    },
};
