import { isParam } from '../generated/ast.js';
import type { TextRule } from './rule.js';
import { tellUnused } from './usage.js';

export const unusedParam: TextRule = {
    id: 'MIG130',
    name: 'unused-param',
    severity: 'info',
    summary: 'A param that nothing uses, in a file that runs something by itself and that no other file imports.',
    avoid: `param uplink: rate = 1 Gbit/s
policy drain {
  when host is in maintenance
  move vms on host
  to hosts
  using precopy
  bandwidth { total 2 Gbit/s }
}
`,
    prefer: `param uplink: rate = 1 Gbit/s
policy drain {
  when host is in maintenance
  move vms on host
  to hosts
  using precopy
  bandwidth { total uplink }
}
`,
    rationale: 'Somebody who sets it from outside, as in --set uplink=400Mbit/s, believes that the moves keep to it, and they do not.',
    source: "Linters of policy languages ask the same (Terraform's unused declarations, Bicep's no-unused-params).",
    check: (input, report) => {
        tellUnused(input, isParam, { what: 'the param', hint: 'Use it where its value is meant, or take it out.' }, report);
    },
};
