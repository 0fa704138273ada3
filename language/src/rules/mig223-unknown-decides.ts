import { replaceBy } from '../compile/context.js';
import { comparisonOf, conditionsIn } from './conditions.js';
import type { TextRule } from './rule.js';

export const unknownDecides: TextRule = {
    id: 'MIG223',
    name: 'unknown-decides',
    severity: 'warning',
    summary: 'A tag that must not have a value is asked for it, so that whatever has no such tag is left out as well.',
    avoid: `policy drain {
  when host is in maintenance
  move vms on host except vm.tag.role == "db"
  to hosts
  using precopy
}
`,
    prefer: `policy drain {
  when host is in maintenance
  move vms on host except vm.tags contains "role=db"
  to hosts
  using precopy
}
`,
    rationale:
        'The value of a tag that is not there is unknown, and a VM is taken only if every `except` is false: unknown is not false. A VM without the tag stays where it is, on a host that was to be emptied. `tags` is a set that is always known.',
    source: 'The attribute catalogue (docs/attributes.md): tag is unknown where there is no such tag, tags is an empty set. Three-valued logic: docs/language.md.',
    byPart: true,
    check: (input, report) => {
        for (const { expression, negated, chooses } of conditionsIn(input)) {
            const compared = chooses ? comparisonOf(expression) : undefined;
            if (compared?.attribute.attribute !== 'tag' || compared.attribute.key === undefined) continue;
            const { attribute, operator, value } = compared;
            const isAgainst = negated ? operator === '==' : operator === '!=';
            if (!isAgainst || value.kind !== 'literal' || typeof value.value !== 'string') continue;
            const has = `${attribute.entity}.tags contains "${attribute.key}=${value.value}"`;
            const instead = negated ? has : `not ${has}`;
            const who = attribute.entity === 'vm' ? 'A VM' : 'A host';
            report(
                expression.range,
                `${who} without a tag '${attribute.key}' is left out as well: what ${attribute.entity}.tag.${attribute.key} is, is unknown then.`,
                { hint: `Write ${instead}.`, fixes: [replaceBy(expression.range, instead)] },
            );
        }
    },
};
