import type { Rung } from '../program.js';
import { formatQuantity } from '../units.js';
import type { TextRule } from './rule.js';
import { momentOf, rungText } from './rungs.js';
import { placeOf, techniquesIn } from './written.js';

export const rungTakesBack: TextRule = {
    id: 'MIG306',
    name: 'rung-takes-back',
    severity: 'warning',
    summary: 'A downtime or throttle rung that asks for no more than what was in force before it.',
    avoid: `technique patient = precopy {
  downtime 500 ms
  when stalled for 3 iterations: downtime 300 ms
  after 10 min: abort
}
policy drain { when host is in maintenance  move vms on host  to hosts  using patient }
`,
    prefer: `technique patient = precopy {
  downtime 300 ms
  when stalled for 3 iterations: downtime 500 ms
  after 10 min: abort
}
policy drain { when host is in maintenance  move vms on host  to hosts  using patient }
`,
    rationale:
        'A rung is climbed because the move has not converged. One that allows less downtime than before, or throttles less, makes it less likely to: the move that has stalled at 500 ms does not end at 300 ms.',
    source: 'The ladders in the field only ever allow more: oVirt 100, 150, 200, 300, 400, 500 ms at stalled iterations; KubeVirt 150 to 900 ms in 7 steps.',
    byPart: true,
    check: (input, report) => {
        for (const one of techniquesIn(input)) {
            const { ladder, options } = one.use;
            // The most that was in force, by what is asked and by the kind of moment: only moments of one kind have an order.
            const most = new Map<string, { readonly figure: number; readonly words: string }>();
            for (const rung of inOrder(ladder)) {
                const asked = askedBy(rung);
                if (!asked) continue;
                const start = asked.what === 'downtime' ? options.downtimeMs : options.throttle?.initial;
                const key = `${asked.what} ${rung.on.kind}`;
                const before =
                    most.get(key) ??
                    (start === undefined ? undefined : { figure: start, words: `${asked.what} ${formatQuantity(start, asked.unit)}` });
                if (before && asked.figure <= before.figure) {
                    const verb = asked.figure === before.figure ? 'changes nothing after' : 'takes back';
                    report(placeOf(rung, one), `The rung '${rungText(rung)}' of '${one.name}' ${verb} '${before.words}'.`, {
                        hint: `Ask for more than ${formatQuantity(before.figure, asked.unit)}, or take it out.`,
                    });
                } else if (rung.and === undefined && rung.on.kind !== 'condition') {
                    most.set(key, { figure: asked.figure, words: rungText(rung) });
                }
            }
        }
    },
};

/** By the moment at which they are due, within each kind of moment. */
function inOrder(ladder: readonly Rung[]): readonly Rung[] {
    return ladder.toSorted((a, b) => (momentOf(a) ?? 0) - (momentOf(b) ?? 0));
}

function askedBy({
    action,
}: Rung): { readonly what: 'downtime' | 'throttle'; readonly figure: number; readonly unit: 'duration' | 'ratio' } | undefined {
    if (action.kind === 'downtime') return { what: 'downtime', figure: action.ms, unit: 'duration' };
    if (action.kind === 'throttle') return { what: 'throttle', figure: action.throttle.initial, unit: 'ratio' };
    return undefined;
}
