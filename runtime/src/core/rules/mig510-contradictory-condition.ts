import type { Policy, SourceRange } from '@mig/language';
import { listed, wordsOf } from '../decide/wording.js';
import { type Site, sitesBesidePolicies, sitesOfPolicy } from '../satisfy/conditions.js';
import { type Contradiction, contradiction } from '../satisfy/contradiction.js';
import type { HostReport, HostRule } from './rule.js';

const policy = (bounds: string): string => `policy tidy {
  at 02:00 every Sat
  move vms where ${bounds}
  to hosts where host.zone == "east" prefer least loaded
  using precopy { downtime 300 ms; after 5 min: abort }
  on failure leave and report
}
`;

export const contradictoryCondition: HostRule = {
    id: 'MIG510',
    name: 'contradictory-condition',
    severity: 'warning',
    needs: 'program',
    summary: 'Conditions that have to be met together contradict each other: no VM or host can ever meet them.',
    avoid: policy('vm.memory > 4 GiB and vm.memory < 2 GiB'),
    prefer: policy('vm.memory > 2 GiB and vm.memory < 4 GiB'),
    rationale:
        'A condition that nothing meets does not fail: the policy just never does anything, which shows on the day it was written for. ' +
        'Groups and `except` count as well, so that the two halves may stand far apart.',
    source: 'Cedar and other policy languages analyse policies for conditions that are never met, for the same reason: https://www.cedarpolicy.com/',
    check: ({ program }, report) => {
        for (const policy of program.policies) alikeAndApart(policy, report);
        // A group, and a policy that others are like, is told of where it stands, once.
        const told = new Set<string>();
        const policies = [...program.policies, ...(program.imported ?? [])];
        for (const { found, consequence, said } of [...clashesIn(sitesBesidePolicies(program)), ...policies.flatMap(clashesOf)]) {
            if (told.has(placesOf(found))) continue;
            told.add(placesOf(found));
            const parts = found.between.map(({ comparison, holds }) => (holds ? wordsOf(comparison) : `not ${wordsOf(comparison)}`));
            const range = found.between.at(-1)?.comparison.range;
            if (!range) continue;
            if (said !== undefined) {
                report(range, `${said}: ${consequence()}`, { hint: 'change the condition' });
                continue;
            }
            const count = parts.length === 1 ? 'be met' : parts.length === 2 ? 'both be met' : 'all be met';
            report(range, `${listed(parts)} cannot ${count}, whatever ${whatOf(found)}: ${consequence()}`, {
                hint: parts.length === 1 ? 'change the condition' : 'change one of them, or join them with or',
            });
        }
    },
};

/** What is alike in one thing cannot be on one host and on different ones. */
function alikeAndApart({ name, destination }: Policy, report: HostReport): void {
    const apart = new Set(destination.apart.map(({ by }) => wordsOf(by)));
    for (const { by, range } of destination.with.filter((one) => apart.has(wordsOf(one.by))))
        report(
            range,
            `VMs of which ${wordsOf(by)} is the same are to be on one host and on different ones: of several, ${name} moves one at the most`,
            {
                hint: 'keep one of `with` and `apart`',
            },
        );
}

interface Clash extends Pick<Site, 'consequence'> {
    readonly said: string | undefined;
    readonly found: Contradiction;
}

function clashesIn(sites: Iterable<Site>): readonly Clash[] {
    return [...sites].flatMap(({ demands, consequence, said }) => {
        const found = contradiction(demands);
        return found ? [{ found, consequence, said }] : [];
    });
}

/** Looked for once in each policy: in an editor most stand unchanged. */
function clashesOf(policy: Policy): readonly Clash[] {
    let found = clashes.get(policy);
    if (!found) clashes.set(policy, (found = clashesIn(sitesOfPolicy(policy))));
    return found;
}

const clashes = new WeakMap<Policy, readonly Clash[]>();

function whatOf({ attributes }: Contradiction): string {
    if (attributes.length === 0) return 'the metric is';
    return `${listed(attributes)} ${attributes.length === 1 ? 'is' : 'are'}`;
}

const placesOf = ({ between }: Contradiction): string => between.map(({ comparison }) => placeOf(comparison.range)).join(' ');

const placeOf = ({ source, start }: SourceRange): string => `${source}:${start.line}:${start.character}`;
