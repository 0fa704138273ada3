import { isInside } from '../places.js';
import type { TextRule } from './rule.js';

export const choiceWithoutOtherwise: TextRule = {
    id: 'MIG324',
    name: 'choice-without-otherwise',
    severity: 'warning',
    summary: 'A choice of technique that says nothing of a VM for which no condition holds, or for which none is known to.',
    avoid: `policy drain {
  when host is in maintenance
  move vms on host
  to hosts
  using choose {
    vm.net.tx > 2 * vm.net.rx: postcopy
    vm.net.rx > 2 * vm.net.tx: precopy
  }
}
`,
    prefer: `policy drain {
  when host is in maintenance
  move vms on host
  to hosts
  using choose {
    vm.net.tx > 2 * vm.net.rx: postcopy
    vm.net.rx > 2 * vm.net.tx: precopy
    otherwise: precopy
  }
}
`,
    rationale:
        'What was not measured is unknown, and an unknown condition does not hold. A VM for which no branch holds has no technique and stays where it is, on the host that was to be emptied.',
    source: 'What was not measured is unknown, and an unknown condition does not hold (docs/language.md). Compilers report a match that is not exhaustive.',
    byPart: true,
    check: ({ policies }, report) => {
        for (const { technique, range } of policies) {
            // What another technique stands behind is that one's affair.
            const last = technique.at(-1);
            if (last?.kind !== 'choose' || !isInside(last.range, range)) continue;
            if (last.branches.some(({ when }) => !when || (when.kind === 'literal' && when.value === true))) continue;
            report(last.range, 'This choice has no technique for a VM for which none of its conditions holds.', {
                hint: 'Add a last branch, such as otherwise: precopy.',
            });
        }
    },
};
