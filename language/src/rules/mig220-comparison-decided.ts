import type { Expression } from '../program.js';
import { formatQuantity } from '../units.js';
import { isDimension } from '../compile/types.js';
import { constant } from '../compile/values.js';
import { type Comparison, comparisonOf, conditionsIn } from './conditions.js';
import { outcomeOf } from './intervals.js';
import type { RuleInput, TextRule } from './rule.js';

/** Shares of what is promised to VMs may come to more than there is; all other shares are of a whole. */
const overcommitted: ReadonlySet<string> = new Set(['cpu.committed', 'memory.committed']);

export const comparisonDecided: TextRule = {
    id: 'MIG220',
    name: 'comparison-decided',
    severity: 'warning',
    summary: 'A comparison that is true, or false, whatever the attribute is.',
    avoid: `policy relieve {
  when host.memory.used > 150% for 5 min until host.memory.used < 75%
  move vms on host
  to hosts
  using precopy
  cooldown 10 min
}
`,
    prefer: `policy relieve {
  when host.memory.used > 90% for 5 min until host.memory.used < 75%
  move vms on host
  to hosts
  using precopy
  cooldown 10 min
}
`,
    rationale:
        'No size, rate, time or count is negative, and no share of a whole is more than 100%. A trigger beyond that never fires, and a filter takes everything or nothing, without a word from the run.',
    source: 'The ranges of the attribute catalogue (docs/attributes.md): sizes, rates, times and counts begin at 0, shares of a whole end at 100%.',
    byPart: true,
    check: (input, report) => {
        for (const { expression } of conditionsIn(input)) {
            const fixed = outcomeOfFixed(expression, input);
            if (fixed !== undefined) {
                report(expression.range, `This is always ${String(fixed)}: it asks nothing of a VM or host.`, {
                    hint: 'Compare with an attribute, or take it out.',
                });
                continue;
            }
            const same = sameOnBothSides(expression);
            if (same !== undefined) {
                report(expression.range, `This is always true: on both sides stands ${same}.`, {
                    hint: 'Write what it was to be compared with.',
                });
                continue;
            }
            const compared = comparisonOf(expression);
            const outcome = compared && decided(compared);
            if (!compared || outcome === undefined) continue;
            const { entity, attribute } = compared.attribute;
            const { low, high } = rangeOf(compared.attribute);
            const bounds = high === undefined ? `is never less than ${textOf(low, compared.value)}` : 'is between 0% and 100%';
            report(expression.range, `This is always ${String(outcome)}: ${entity}.${attribute} ${bounds}.`, {
                hint: outcome ? 'Take it out, or write the figure that was meant.' : 'Write a figure that the attribute can have.',
            });
        }
    },
};

/** The attribute that is compared with itself, so that it always holds. Of what never holds another rule speaks (MIG510). */
function sameOnBothSides(of: Expression): string | undefined {
    if (of.kind !== 'binary' || !['==', '<=', '>='].includes(of.operator)) return undefined;
    const { left, right } = of;
    if (left.kind !== 'attribute' || right.kind !== 'attribute') return undefined;
    const isSame = left.entity === right.entity && left.attribute === right.attribute && left.key === right.key;
    return isSame ? `${left.entity}.${left.attribute}${left.key === undefined ? '' : `.${left.key}`}` : undefined;
}

/** What a comparison of two values comes to that are both written out. One that names a param is a switch. */
function outcomeOfFixed(of: Expression, { document }: RuleInput): boolean | undefined {
    if (of.kind !== 'binary') return undefined;
    const isWritten = (side: Expression): boolean =>
        /^[\d"[(-]/.test(document.textDocument.getText(side.range)) && !hasParam(side, document);
    const right = constant(of.right);
    // Nothing is in an empty list.
    if (of.operator === 'in' && Array.isArray(right) && right.length === 0 && isWritten(of.right)) return false;
    const left = constant(of.left);
    return left !== undefined && right !== undefined && isWritten(of.left) && isWritten(of.right)
        ? outcomeOf(of.operator, left, right)
        : undefined;
}

function hasParam(of: Expression, document: RuleInput['document']): boolean {
    if (of.kind === 'binary') return hasParam(of.left, document) || hasParam(of.right, document);
    if (of.kind === 'negate') return hasParam(of.operand, document);
    return /^[A-Za-z_]/.test(document.textDocument.getText(of.range));
}

function rangeOf(of: Comparison['attribute']): { readonly low: number; readonly high: number | undefined } {
    return { low: 0, high: of.type === 'ratio' && !overcommitted.has(of.attribute) ? 1 : undefined };
}

/** What a comparison comes to for every value that the attribute can have; undefined where it depends on the value. */
function decided({ attribute, operator, value }: Comparison): boolean | undefined {
    if (attribute.type !== 'number' && !isDimension(attribute.type)) return undefined;
    const limit = constant(value);
    if (typeof limit !== 'number') return undefined;
    const { low, high = Number.POSITIVE_INFINITY } = rangeOf(attribute);
    switch (operator) {
        case '<':
            return limit <= low ? false : limit > high ? true : undefined;
        case '<=':
            return limit < low ? false : limit >= high ? true : undefined;
        case '>':
            return limit < low ? true : limit >= high ? false : undefined;
        case '>=':
            return limit <= low ? true : limit > high ? false : undefined;
        case '==':
            return limit < low || limit > high ? false : undefined;
        case '!=':
            return limit < low || limit > high ? true : undefined;
    }
}

const textOf = (value: number, like: Expression): string => (isDimension(like.type) ? formatQuantity(value, like.type) : String(value));
