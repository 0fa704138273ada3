import { formatQuantity, type TechniqueOptions } from '@mig/language';
import { techniquesOf } from './techniques.js';
import type { HostRule } from './rule.js';

export const optionOutOfRange: HostRule = {
    id: 'MIG419',
    name: 'option-out-of-range',
    severity: 'error',
    needs: 'program',
    summary: 'An option has a value that QEMU refuses.',
    avoid: `policy evacuate {
  when host is in maintenance
  move vms on host
  to hosts
  using precopy { streams 300  after 5 min: abort }
  on failure leave and report
}
`,
    prefer: `policy evacuate {
  when host is in maintenance
  move vms on host
  to hosts
  using precopy { streams 8  after 5 min: abort }
  on failure leave and report
}
`,
    rationale: 'The setting is refused when the move is about to begin, and the move with it.',
    source: 'Tried on QEMU 7.2.22: multifd-channels 1 to 255, downtime-limit up to 2,000 s, cpu-throttle-initial and max-cpu-throttle 1 to 99.',
    check: ({ program }, report) => {
        for (const policy of program.policies) {
            for (const { options, ladder, range } of techniquesOf(policy)) {
                for (const { what, most } of beyond(options))
                    report(range, `${what}: QEMU takes ${most} at the most`, { hint: `write ${most} or less` });
                for (const rung of ladder) {
                    const { action } = rung;
                    const asked =
                        action.kind === 'downtime'
                            ? { downtimeMs: action.ms }
                            : action.kind === 'throttle'
                              ? { throttle: action.throttle }
                              : {};
                    for (const { what, most } of beyond(asked))
                        report(rung.range, `${what}: QEMU takes ${most} at the most`, { hint: `write ${most} or less` });
                }
            }
        }
    },
};

const limits = { streams: 255, downtimeMs: 2_000_000, throttle: 0.99 } as const;

interface Beyond {
    readonly what: string;
    readonly most: string;
}

function beyond({ streams = 0, downtimeMs = 0, throttle }: TechniqueOptions): readonly Beyond[] {
    const found: Beyond[] = [];
    if (streams > limits.streams) found.push({ what: `${streams} streams`, most: String(limits.streams) });
    if (downtimeMs > limits.downtimeMs)
        found.push({
            what: `a downtime of ${formatQuantity(downtimeMs, 'duration')}`,
            most: formatQuantity(limits.downtimeMs, 'duration'),
        });
    const share = Math.max(throttle?.initial ?? 0, throttle?.max ?? 0);
    if (share > limits.throttle)
        found.push({ what: `a throttle of ${formatQuantity(share, 'ratio')}`, most: formatQuantity(limits.throttle, 'ratio') });
    return found;
}
