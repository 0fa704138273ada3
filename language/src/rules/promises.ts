import { isInside } from '../places.js';
import type { Policy, Requirement, SourceRange, TechniqueUse } from '../program.js';
import { formatQuantity } from '../units.js';
import type { Report, RuleInput } from './rule.js';
import { rungText } from './rungs.js';
import { type BuiltIn, builtInsOf } from './written.js';

/** Where to point when two clauses of a policy do not go together: at the first that the policy writes itself. */
export function firstOwn(policy: Policy, ...places: readonly SourceRange[]): SourceRange | undefined {
    return places.find((place) => isInside(place, policy.range));
}

/** Reports downtime that a technique may take although the policy promises less. Downtime is part of every blackout. */
export function reportBeyondPromise(input: RuleInput, hard: boolean, report: Report): void {
    for (const policy of input.policies) {
        const promises = policy.requires.filter((one) => one.hard === hard && (one.metric === 'downtime' || one.metric === 'blackout'));
        for (const promise of promises) {
            const [beyond] = policy.technique.flatMap((use) => {
                const most = mostDowntime([use], input, promise.value);
                return most ? [{ use, most }] : [];
            });
            const place = beyond && firstOwn(policy, promise.range, beyond.use.range);
            if (!place) continue;
            const { ms, words, name } = beyond.most;
            const promised = formatQuantity(promise.value, 'duration');
            const message = `'${words()}' of '${name}' allows more than '${policy.name}' promises: ${promise.metric} ${promise.operator} ${promised}.`;
            report(place, message, { hint: `Allow ${promised} at the most, or promise ${formatQuantity(ms, 'duration')}.` });
        }
    }
}

interface Most {
    readonly ms: number;
    /** Asked for where it is too much, which is rare. */
    readonly words: () => string;
    readonly name: string;
}

function mostDowntime(uses: readonly TechniqueUse[], input: RuleInput, promised: Requirement['value']): Most | undefined {
    const asked = builtInsOf(uses, input).flatMap(downtimes);
    const highest = asked.reduce<Most | undefined>((most, one) => (most && most.ms >= one.ms ? most : one), undefined);
    return highest && highest.ms > promised ? highest : undefined;
}

function downtimes(use: BuiltIn): readonly Most[] {
    const name = use.name ?? use.technique;
    const option = use.options.downtimeMs;
    return [
        ...(option === undefined ? [] : [{ ms: option, words: () => `downtime ${formatQuantity(option, 'duration')}`, name }]),
        ...use.ladder.flatMap((rung) =>
            rung.action.kind === 'downtime' ? [{ ms: rung.action.ms, words: () => rungText(rung), name }] : [],
        ),
    ];
}

/** For the pages of rules on promises: a ladder that goes up to a downtime, and a policy that promises one. */
export const ladderAndPromise = (rung: string, promise: string): string => `technique patient = precopy {
  downtime 300 ms
  when stalled for 3 iterations: downtime ${rung}
  after 10 min: abort
}
policy drain {
  when host is in maintenance
  move vms on host
  to hosts
  using patient
  require ${promise}
}
`;
