import { isInside } from '../places.js';
import { replaceBy } from '../compile/context.js';
import type { Bandwidth, Cap } from '../program.js';
import { formatQuantity } from '../units.js';
import type { RuleInput, TextRule } from './rule.js';

const bytesUnit = /^(\d+(?:\.\d+)?)\s*([kKMG])i?B\/s$/;

export const bytesForBits: TextRule = {
    id: 'MIG222',
    name: 'bytes-for-bits',
    severity: 'warning',
    summary: 'A cap in bytes per second above one for all in bits per second, that would be below it in bits.',
    avoid: `policy drain {
  when host is in maintenance
  move vms on host
  to hosts
  using precopy
  bandwidth { total 1 Gbit/s; per vm 500 MB/s }
}
`,
    prefer: `policy drain {
  when host is in maintenance
  move vms on host
  to hosts
  using precopy
  bandwidth { total 1 Gbit/s; per vm 500 Mbit/s }
}
`,
    rationale:
        'Links are sold in bits, and disks and memory are counted in bytes: eight times as much. A cap that was meant to hold a VM to half of what there is holds it to nothing, and the first VM takes the whole link.',
    source: 'Units differ by layer: QMP takes bytes/s, libvirt MiB/s, and switches bit/s; a factor of eight is the commonest slip between them.',
    byPart: true,
    check: (input, report) => {
        for (const { bandwidth, range } of input.policies) {
            if (!bandwidth || !isInside(bandwidth.range, range)) continue;
            const total = totalOf(bandwidth);
            if (!total || !/bit\/s/.test(textOf(total, input))) continue;
            for (const cap of bandwidth.caps) {
                const text = textOf(cap, input);
                const [, figure, prefix] = bytesUnit.exec(/\d.*$/s.exec(text)?.[0].trim() ?? '') ?? [];
                if (cap === total || cap.limit.kind !== 'rate' || figure === undefined || prefix === undefined) continue;
                const { rate } = cap.limit;
                if (rate <= rateOf(total) || rate / 8 > rateOf(total)) continue;
                const bits = `${figure} ${prefix === 'K' ? 'k' : prefix}bit/s`;
                const all = formatQuantity(rateOf(total), 'rate');
                report(cap.range, `'${text}' is ${formatQuantity(rate, 'rate')}, more than the ${all} that all together may take.`, {
                    hint: `Did you mean ${bits}?`,
                    fixes: [replaceBy(cap.range, text.replace(/\d.*$/s, bits))],
                });
            }
        }
    },
};

const totalOf = ({ caps }: Bandwidth): Cap | undefined =>
    caps.find(({ scope, kind, limit }) => scope === 'total' && kind === 'cap' && limit.kind === 'rate');

const rateOf = ({ limit }: Cap): number => (limit.kind === 'rate' ? limit.rate : 0);

const textOf = ({ range }: Cap, { document }: RuleInput): string => document.textDocument.getText(range);
