import { formatQuantity } from '../units.js';
import { replaceBy } from '../compile/context.js';
import { comparisonOf, conditionsIn } from './conditions.js';
import type { TextRule } from './rule.js';

const memories: ReadonlySet<string> = new Set(['vm.memory', 'host.memory', 'source.memory']);
/** Operators for which memory of the same figure in binary units falls on the other side. */
const apart: ReadonlySet<string> = new Set(['==', '!=', '<=', '>']);

export const decimalMemory: TextRule = {
    id: 'MIG221',
    name: 'decimal-memory',
    severity: 'warning',
    summary: 'Memory compared with a size in decimal units, so that memory of just that figure falls on the other side.',
    avoid: `policy drain {
  when host is in maintenance
  move vms on host where vm.memory <= 8 GB
  to hosts
  using precopy
}
`,
    prefer: `policy drain {
  when host is in maintenance
  move vms on host where vm.memory <= 8 GiB
  to hosts
  using precopy
}
`,
    rationale:
        'Memory comes in powers of two: a VM that everyone calls "8 GB" has 8 GiB, which is 8.59 GB, and is not at most 8 GB. Exactly the VMs that were meant are left behind.',
    source: 'libvirt, domain XML: memory is given in KiB unless a unit is named, and KB is 1000 bytes where KiB is 1024.',
    byPart: true,
    check: (input, report) => {
        for (const { expression } of conditionsIn(input)) {
            const compared = comparisonOf(expression);
            if (!compared || !apart.has(compared.operator)) continue;
            const { attribute, value } = compared;
            const name = `${attribute.entity}.${attribute.attribute}`;
            if (!memories.has(name) || value.kind !== 'literal' || typeof value.value !== 'number') continue;
            const written = input.document.textDocument.getText(value.range);
            const decimal = /^(\d+(?:\.\d+)?)\s*([kMGT])B$/.exec(written);
            if (!decimal) continue;
            const binary = `${decimal[1] ?? ''} ${decimal[2] === 'k' ? 'K' : (decimal[2] ?? '')}iB`;
            const exact = formatQuantity(value.value, 'size');
            report(value.range, `${written} is ${exact}: ${name} of ${binary} is more than that.`, {
                hint: `Did you mean ${binary}?`,
                fixes: [replaceBy(value.range, binary)],
            });
        }
    },
};
