import { formatQuantity } from '../units.js';
import type { TextRule } from './rule.js';
import { firstLineOf } from './written.js';

export const stepsOutlastWindow: TextRule = {
    id: 'MIG318',
    name: 'steps-outlast-window',
    severity: 'warning',
    summary: 'Steps of a sequence that may take longer than the window in which it has to finish.',
    avoid: `sequence kernels for each host in waves of 2
  start between 22:00 and 23:00 finish inside
{
  drain using precopy
  run "upgrade" within 45 min
  reboot within 20 min
  return moved vms
}
`,
    prefer: `sequence kernels for each host in waves of 2
  start between 22:00 and 05:00 finish inside
{
  drain using precopy
  run "upgrade" within 45 min
  reboot within 20 min
  return moved vms
}
`,
    rationale:
        "With 'finish inside' a host is begun only if it can be brought to its end before the window closes. The bounds of its steps alone, without the moves, come to more than the window has, so that no host can be promised to end in time.",
    source: 'Issues and designs of KubeVirt, Nova, oVirt and Proxmox: a bound on every phase, and maintenance that ends with its window.',
    byPart: true,
    check: (input, report) => {
        for (const { startBetween, finishInside, steps, range, name } of input.sequences) {
            if (!startBetween || !finishInside) continue;
            const { from, to } = startBetween;
            const windowMs = ((to - from + 1440) % 1440 || 1440) * 60_000;
            const boundMs = steps.reduce((sum, step) => sum + ('withinMs' in step ? (step.withinMs ?? 0) : 0), 0);
            if (boundMs <= windowMs) continue;
            const [bounds, window] = [formatQuantity(boundMs, 'duration'), formatQuantity(windowMs, 'duration')];
            report(
                firstLineOf(range, input),
                `The steps of ${name === undefined ? 'this sequence' : `'${name}'`} may take ${bounds} for one host, and its window has ${window}.`,
                {
                    hint: "Widen the window, shorten what stands after 'within', or leave 'finish inside' out.",
                },
            );
        }
    },
};
