import { isCalendar } from '../generated/ast.js';
import type { TextRule } from './rule.js';
import { tellUnused } from './usage.js';

export const unusedCalendar: TextRule = {
    id: 'MIG139',
    name: 'unused-calendar',
    severity: 'info',
    summary: 'A calendar that nothing keeps to, in a file that runs something by itself and that no other file imports.',
    avoid: `calendar freeze = [2026-12-24..2027-01-01]
policy pack { every day at 22:00  move vms  to hosts  using precopy }
`,
    prefer: `calendar freeze = [2026-12-24..2027-01-01]
policy pack { every day at 22:00 except freeze  move vms  to hosts  using precopy }
`,
    rationale: 'Days on which nothing was to be moved are days like any other to every policy that does not name them.',
    source: "Linters of policy languages ask the same of what is declared (Terraform's unused declarations, Bicep's no-unused-vars).",
    check: (input, report) => {
        tellUnused(
            input,
            isCalendar,
            { what: 'the calendar', uses: 'keeps to', hint: "Name it after 'except' or 'on' in a schedule or window, or take it out." },
            report,
        );
    },
};
