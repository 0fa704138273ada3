import { isInside } from '../places.js';
import type { Policy, Rung, SourceRange } from '../program.js';
import { formatQuantity } from '../units.js';
import { firstOwn } from './promises.js';
import type { TextRule } from './rule.js';
import { rungText } from './rungs.js';
import { builtInsOf } from './written.js';

/** What brings a move to its end sooner. An abort after the deadline is a backstop, and makes sense there. */
const helps: ReadonlySet<Rung['action']['kind']> = new Set<Rung['action']['kind']>(['downtime', 'throttle', 'switch-to-postcopy', 'pause']);

export const rungAfterDeadline: TextRule = {
    id: 'MIG319',
    name: 'rung-after-deadline',
    severity: 'warning',
    summary: 'A rung that is to help a move to its end, and is due only when the deadline or the promised duration is over.',
    avoid: `technique patient = precopy {
  after 10 min: switch to postcopy
}
policy drain {
  when host is in maintenance
  move vms on host
  to hosts
  using patient
  deadline 5 min
}
`,
    prefer: `technique patient = precopy {
  after 2 min: switch to postcopy
}
policy drain {
  when host is in maintenance
  move vms on host
  to hosts
  using patient
  deadline 5 min
}
`,
    rationale:
        'When the deadline comes, the VM that the rung was written for has done nothing but send its memory again and again. The host is not empty in time, and half a minute more or less of patience would have been enough.',
    source: "Issues and designs of KubeVirt, Nova, oVirt and Proxmox: convergence without a person, and draining with a deadline (Nova's live_migration_completion_timeout and its action, abort or force_complete).",
    byPart: true,
    check: (input, report) => {
        for (const policy of input.policies) {
            const bound = boundOf(policy);
            if (!bound) continue;
            for (const use of policy.technique) {
                const place = firstOwn(policy, bound.range, use.range);
                const late =
                    place &&
                    builtInsOf([use], input)
                        .flatMap((one) => one.ladder)
                        .find((rung) => isLate(rung, bound.ms));
                if (!late) continue;
                report(
                    isInside(late.range, policy.range) ? late.range : place,
                    `The rung '${rungText(late)}' comes too late: ${bound.words} of '${policy.name}' is ${formatQuantity(bound.ms, 'duration')}.`,
                    {
                        hint: `Let it be due before ${formatQuantity(bound.ms, 'duration')}, or allow more time.`,
                    },
                );
                break;
            }
        }
    },
};

interface TimeBound {
    readonly ms: number;
    readonly words: string;
    readonly range: SourceRange;
}

/** The shortest time in which a move has to end. */
function boundOf({ deadline, requires }: Policy): TimeBound | undefined {
    const bounds: readonly TimeBound[] = [
        ...(deadline ? [{ ms: deadline.ms, words: 'the deadline', range: deadline.range }] : []),
        ...requires
            .filter(({ metric }) => metric === 'duration' && !(deadline?.waives.includes('require') ?? false))
            .map(({ value, range }) => ({ ms: value, words: 'the promised duration', range })),
    ];
    return bounds.toSorted((a, b) => a.ms - b.ms)[0];
}

function isLate({ on, action }: Rung, ms: number): boolean {
    return on.kind === 'after' && on.ms >= ms && helps.has(action.kind);
}
