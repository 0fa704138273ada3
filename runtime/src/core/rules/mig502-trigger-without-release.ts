import type { Expression, Fix, Policy, SourceRange } from '@mig/language';
import { spelled } from '../decide/attributes.js';
import { attributesIn } from '../decide/evaluate.js';
import { listed, wordsOf } from '../decide/wording.js';
import { contradiction } from '../satisfy/contradiction.js';
import { conditionsAtAnyTime, loadIn } from '../satisfy/triggers.js';
import type { HostRule } from './rule.js';

const policy = (release = '', pause = ''): string => `policy relieve {
  when host.memory.used > 90% for 1 min${release}
  move vms on host order by vm.memory ascending limit 2
  to hosts prefer most free memory
  using precopy { downtime 300 ms; after 5 min: abort }
  on failure leave and report
${pause}}
`;

export const triggerWithoutRelease: HostRule = {
    id: 'MIG502',
    name: 'trigger-without-release',
    severity: 'warning',
    needs: 'program',
    summary:
        'A policy fires by load, which its own moves change, and has neither a release (`until`) that is apart from what fires it, nor a cooldown.',
    avoid: policy(),
    prefer: policy(' until host.memory.used < 75%', '  cooldown 10 min\n'),
    rationale:
        'Load sways around its threshold. Without a second threshold or a pause the policy fires at each crossing, and a VM that ' +
        'brings its load along fires it again where it arrives. How long the condition must have held only delays the first move.',
    source: 'Reports on ProxLB, oVirt and VMware DRS of VMs that move to and fro: hysteresis and cooldown are among what operators ask for most.',
    byPart: true,
    check: ({ program }, report) => {
        for (const policy of program.policies) {
            if (!policy.trigger || policy.cooldownMs !== undefined) continue;
            for (const { condition, until, range } of conditionsAtAnyTime(policy.trigger)) {
                const load = [...new Set(loadIn(condition).map(spelled))];
                if (load.length === 0 || stopsShort(policy, condition)) continue;
                if (until) {
                    if (isTooNear(until, condition))
                        report(
                            until.range,
                            `${policy.name} fires whenever ${wordsOf(condition)}, and ${wordsOf(until)} may release it while that still holds: then it fires again at once`,
                            {
                                hint: 'let until name a state in which the policy would not fire',
                            },
                        );
                    continue;
                }
                const message = `${policy.name} fires whenever ${wordsOf(condition)}, and moves change ${listed(load)}: it has no release and no cooldown`;
                report(range, message, {
                    hint: 'add until and a state that is well apart, or a cooldown',
                    fixes: [cooldown(policy.range)],
                });
            }
        }
    },
};

/**
 * Whether a release goes together with what fires the policy, though it reads nothing else: the two thresholds lie the wrong
 * way round. Of one that always holds then another rule speaks (MIG511).
 */
function isTooNear(until: Expression, fires: Expression): boolean {
    const read = new Set(attributesIn(fires).map(spelled));
    if (!attributesIn(until).every((name) => read.has(spelled(name)))) return false;
    const both = (mustBe: 'true' | 'not true') =>
        contradiction([
            { condition: fires, mustBe: 'true' },
            { condition: until, mustBe },
        ]);
    return both('true') === undefined && both('not true') === undefined;
}

/** It takes VMs until a state in which it would not fire: that is the other end of a hysteresis too. */
function stopsShort({ selection: { until } }: Policy, fires: Parameters<typeof loadIn>[0]): boolean {
    if (!until) return false;
    return (
        contradiction([
            { condition: fires, mustBe: 'true' },
            { condition: until, mustBe: 'true' },
        ]) !== undefined
    );
}

/** Before the brace that closes the policy. */
function cooldown({ source, start, end }: SourceRange): Fix {
    const at = { line: end.line, character: Math.max(0, end.character - 1) };
    const newText = start.line === end.line ? ' cooldown 10 min ' : `${' '.repeat(2)}cooldown 10 min\n${' '.repeat(at.character)}`;
    return { title: 'Add a cooldown of 10 min', edits: [{ range: { source, start: at, end: at }, newText }] };
}
