import type { Policy, Requirement, SourceRange, TechniqueUse } from '../program.js';
import { formatQuantity } from '../units.js';
import type { Report, RuleInput } from './rule.js';
import { rungText } from './rungs.js';
import { type BuiltIn, builtInsOf, isInside } from './written.js';

/** Where to point when two clauses of a policy do not go together: at the first that the policy writes itself. */
export function firstOwn(policy: Policy, ...places: readonly SourceRange[]): SourceRange | undefined {
    return places.find((place) => isInside(place, policy.range));
}

/** Reports downtime that a technique may take although the policy promises less. Downtime is part of every blackout. */
export function reportBeyondPromise(input: RuleInput, hard: boolean, report: Report): void {
    for (const policy of input.policies) {
        const promises = policy.requires.filter((one) => one.hard === hard && (one.metric === 'downtime' || one.metric === 'blackout'));
        for (const promise of promises) {
            const use = policy.technique.find((one) => mostDowntime([one], input, promise.value) !== undefined);
            const most = use && mostDowntime([use], input, promise.value);
            const place = use && firstOwn(policy, promise.range, use.range);
            if (!most || !place) continue;
            const promised = formatQuantity(promise.value, 'duration');
            const message = `'${most.words}' of '${most.name}' allows more than '${policy.name}' promises: ${promise.metric} ${promise.operator} ${promised}.`;
            report(place, message, { hint: `Allow ${promised} at the most, or promise ${formatQuantity(most.ms, 'duration')}.` });
        }
    }
}

interface Most {
    readonly ms: number;
    readonly words: string;
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
        ...(option === undefined ? [] : [{ ms: option, words: `downtime ${formatQuantity(option, 'duration')}`, name }]),
        ...use.ladder.flatMap((rung) => (rung.action.kind === 'downtime' ? [{ ms: rung.action.ms, words: rungText(rung), name }] : [])),
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
