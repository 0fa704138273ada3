import type { Expression, Policy, Trigger } from '@mig/language';
import { attributesIn } from '../decide/evaluate.js';
import { wordsOf } from '../decide/wording.js';
import { contradiction } from '../satisfy/contradiction.js';
import { conditionsOf } from '../satisfy/triggers.js';
import type { HostRule } from './rule.js';

const policy = (release: string): string => `policy relieve {
  when host.memory.used > 90% for 1 min until ${release}
  move vms on host order by vm.memory ascending
  to hosts prefer most free memory
  using precopy { downtime 300 ms; after 5 min: abort }
  on failure leave and report
  cooldown 10 min
}
`;

export const releasedAtOnce: HostRule = {
    id: 'MIG511',
    name: 'released-at-once',
    severity: 'warning',
    needs: 'program',
    summary: 'The condition after `until` holds already whenever the one after `when` does: it releases, or stops, nothing.',
    avoid: policy('host.memory.used > 75%'),
    prefer: policy('host.memory.used < 75%'),
    rationale:
        'A release is the other end of a hysteresis: it must be a state that the moves lead to. One that is true from the start lets ' +
        'the policy fire again at once, or, after `move vms`, lets it stop before the first VM.',
    source: 'Schmitt triggers and thermostats; ProxLB and VMware DRS users report VMs that go to and fro without one.',
    byPart: true,
    check: ({ program }, report) => {
        for (const policy of program.policies) {
            for (const { condition, until } of policy.trigger ? conditionsOf(policy.trigger) : []) {
                if (until && follows(until, condition))
                    report(
                        until.range,
                        `${wordsOf(until)} holds whenever ${wordsOf(condition)} does: ${policy.name} is released as soon as it has run`,
                        {
                            hint: 'name the state that the moves are to lead to, such as a lower share',
                        },
                    );
            }
            const stop = policy.selection.until;
            const fires = stop && firesOn(policy);
            if (stop && fires && follows(stop, fires.condition))
                report(
                    stop.range,
                    `${wordsOf(stop)} holds whenever ${wordsOf(fires.condition)} does: ${policy.name} runs and takes no VM`,
                    {
                        hint: 'name the state that the moves are to lead to, such as a lower share',
                    },
                );
        }
    },
};

/** The condition that is met when the policy starts, of the same host, VM or cluster that its `until` is asked of. */
function firesOn({ trigger, selection }: Policy): Extract<Trigger, { kind: 'condition' }> | undefined {
    if (trigger?.kind !== 'condition' || !selection.until) return undefined;
    const entities = new Set(attributesIn(selection.until).map((name) => name.entity));
    const sameHost = trigger.binds === 'host' && selection.from.kind === 'bound-host';
    const sameVm = trigger.binds === 'vm' && selection.from.kind === 'bound-vm';
    const same = [...entities].every((entity) => entity === 'cluster' || (entity === 'host' && sameHost) || (entity === 'vm' && sameVm));
    return same ? trigger : undefined;
}

/** Whether one condition holds wherever the other does. */
function follows(one: Expression, from: Expression): boolean {
    return (
        !contradiction([{ condition: from, mustBe: 'true' }]) && // of what never holds, MIG510 speaks
        contradiction([
            { condition: from, mustBe: 'true' },
            { condition: one, mustBe: 'not true' },
        ]) !== undefined
    );
}
