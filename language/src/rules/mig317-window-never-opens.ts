import { isInside } from '../places.js';
import type { Trigger } from '../program.js';
import { neverOpen } from './openings.js';
import type { TextRule } from './rule.js';
import { firstLineOf } from './written.js';

export const windowNeverOpens: TextRule = {
    id: 'MIG317',
    name: 'window-never-opens',
    severity: 'warning',
    summary: 'A schedule that never comes: windows that exclude each other, a date that no year has, or a window without length.',
    avoid: `policy rebalance {
  at 02:00 every Sat and between 08:00 and 18:00 on Mon..Fri
  move vms limit 10
  to hosts prefer even load when gain > 5%
  using precopy
}
`,
    prefer: `policy rebalance {
  at 02:00 every Sat or between 08:00 and 18:00 on Mon..Fri
  move vms limit 10
  to hosts prefer even load when gain > 5%
  using precopy
}
`,
    rationale:
        'The policy never runs by itself, and nothing says so: no run fails, and the hosts are not rebalanced, drained or switched off. Windows that are joined by and must be open at the same minute.',
    source: 'A schedule holds from its time for its window, one hour unless said (docs/language.md); cron accepts dates that no year has.',
    byPart: true,
    check: (input, report) => {
        const { policies, sequences } = input;
        for (const { trigger, range, bandwidth } of policies) {
            for (const part of trigger && isInside(trigger.range, range) ? neverOpen(trigger) : []) {
                const { why, hint } = reasonOf(part);
                report(part.range, `This schedule never opens: ${why}.`, { hint });
            }
            for (const window of bandwidth && isInside(bandwidth.range, range) ? bandwidth.windows : []) {
                if (window.from === window.to)
                    report(window.range, 'This window ends when it begins: it is open for no time.', {
                        hint: 'Give it two different times; 00:00 and 24:00 are a whole day.',
                    });
            }
        }
        for (const { startBetween, range } of sequences) {
            if (startBetween === undefined || startBetween.from !== startBetween.to) continue;
            report(firstLineOf(range, input), "The window of 'start between' ends when it begins: it is open for no time.", {
                hint: 'Give it two different times, or leave it out.',
            });
        }
    },
};

function reasonOf(part: Trigger): { readonly why: string; readonly hint: string } {
    if (part.kind === 'all') return { why: 'its windows are never open at the same time', hint: "Join them with 'or', or let them meet." };
    if (part.kind === 'schedule' && part.windowMs === 0)
        return { why: 'it ends when it begins', hint: 'Give it two different times; 00:00 and 24:00 are a whole day.' };
    if (part.kind === 'schedule' && part.days)
        return { why: 'all of its days are excepted', hint: 'Leave out what is excepted, or name other days.' };
    return { why: 'no such day ever comes', hint: 'Give a day that its month has.' };
}
