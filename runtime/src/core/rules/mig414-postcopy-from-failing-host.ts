import type { Expression, Trigger } from '@mig/language';
import { askedBy, techniquesOf } from './techniques.js';
import { evacuate } from './example.js';
import type { HostRule } from './rule.js';

export const postcopyFromFailingHost: HostRule = {
    id: 'MIG414',
    name: 'postcopy-from-failing-host',
    severity: 'warning',
    needs: 'program',
    summary: 'Post-copy, hybrid or scatter-gather is used to leave a host because it fails.',
    avoid: evacuate({ inventory: 'none', when: 'host is failing', using: 'hybrid' }),
    prefer: evacuate({ inventory: 'none', when: 'host is failing' }),
    rationale:
        'After the switch the VM lives on two hosts at once: should the failing one or its network go before the last page has been sent, the VM is lost. With pre-copy it only stays where it is.',
    source: "QEMU's documentation of post-copy: when either host or the network fails after the switch, the guest cannot go on.",
    byPart: true,
    check: ({ program }, report) => {
        for (const policy of program.policies) {
            if (!policy.trigger || !firesOnFailure(policy.trigger)) continue;
            for (const technique of techniquesOf(policy)) {
                if (!askedBy(technique).has('postcopy')) continue;
                const { name, range } = technique;
                report(
                    range,
                    `${policy.name} leaves a failing host by ${name}, and loses the VM if the host fails before the last page is sent`,
                    {
                        hint: 'use pre-copy; where the risk is meant, say so with `// mig-disable-next-line MIG414 -- ` and the reason',
                    },
                );
            }
        }
    },
};

function firesOnFailure(trigger: Trigger): boolean {
    switch (trigger.kind) {
        case 'condition':
            return saysFailing(trigger.condition, true);
        case 'any':
        case 'all':
            return trigger.of.some(firesOnFailure);
        case 'schedule':
        case 'not':
            return false;
    }
}

/** Whether a condition asks for a host that fails, or is not healthy. */
function saysFailing(expression: Expression, wanted: boolean): boolean {
    switch (expression.kind) {
        case 'attribute':
            return expression.entity !== 'vm' && expression.attribute === (wanted ? 'failing' : 'healthy');
        case 'not':
            return saysFailing(expression.operand, !wanted);
        case 'held':
            return saysFailing(expression.condition, wanted);
        case 'binary':
            return (
                (expression.operator === 'and' || expression.operator === 'or') &&
                (saysFailing(expression.left, wanted) || saysFailing(expression.right, wanted))
            );
        case 'literal':
        case 'metric':
        case 'negate':
            return false;
    }
}
