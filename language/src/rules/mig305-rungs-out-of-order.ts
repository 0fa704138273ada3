import { isInside } from '../places.js';
import type { Fix } from '../finding.js';
import type { Rung } from '../program.js';
import type { RuleInput, TextRule } from './rule.js';
import { endedBy, isEarlier, neverFires, rungText } from './rungs.js';
import { placeOf, techniquesIn } from './written.js';

export const rungsOutOfOrder: TextRule = {
    id: 'MIG305',
    name: 'rungs-out-of-order',
    severity: 'warning',
    summary: 'A rung that is due before one that stands above it.',
    avoid: `technique patient = precopy {
  when stalled for 5 iterations: throttle 20% step 10% up to 80%
  when stalled for 3 iterations: downtime 450 ms
  after 10 min: abort
}
policy drain { when host is in maintenance  move vms on host  to hosts  using patient }
`,
    prefer: `technique patient = precopy {
  when stalled for 3 iterations: downtime 450 ms
  when stalled for 5 iterations: throttle 20% step 10% up to 80%
  after 10 min: abort
}
policy drain { when host is in maintenance  move vms on host  to hosts  using patient }
`,
    rationale:
        'A ladder is read from top to bottom, and so are the rungs judged that are due at one boundary. One that stands below a later one is done first all the same: the guest is stopped for longer before it is throttled, where the text says the reverse. Mostly two figures were exchanged.',
    source: 'The ladders of oVirt and KubeVirt climb from the mildest step to the last; how one is judged: runtime/src/core/decide/ladder.ts.',
    byPart: true,
    check: (input, report) => {
        for (const one of techniquesIn(input)) {
            const { ladder } = one.use;
            const highest = new Map<Rung['on']['kind'], Rung>();
            for (const [index, rung] of ladder.entries()) {
                // Of one that can never fire that is what is said (MIG304).
                if (neverFires(rung) || endedBy(one.use, index)?.action.kind === 'abort') continue;
                const above = highest.get(rung.on.kind);
                if (!above || isEarlier(above, rung)) highest.set(rung.on.kind, rung);
                // Where it makes the one above it void, that is what is said (MIG304, MIG307).
                if (!above || !isEarlier(rung, above) || endedBy(one.use, ladder.indexOf(above)) === ladder[index]) continue;
                report(
                    placeOf(rung, one),
                    `The rung '${rungText(rung)}' of '${one.name}' stands below '${rungText(above)}', and is due before it.`,
                    {
                        hint: 'Write rungs in the order in which they are due.',
                        fixes: [rung, above].every((each) => isInside(each.range, one.owner)) ? [exchange(above, rung, input)] : [],
                    },
                );
            }
        }
    },
};

function exchange(a: Rung, b: Rung, { document }: RuleInput): Fix {
    const text = (rung: Rung): string => document.textDocument.getText(rung.range);
    const edits = [
        { range: a.range, newText: text(b) },
        { range: b.range, newText: text(a) },
    ];
    return { title: 'Exchange the two', edits };
}
