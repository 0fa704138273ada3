import type { SourceRange, Throttle } from '../program.js';
import { formatQuantity } from '../units.js';
import type { Report, TextRule } from './rule.js';
import { placeOf, techniquesIn } from './written.js';

/** QEMU's cpu-throttle-initial and max-cpu-throttle. */
const least = 0.01;
const most = 0.99;

export const throttleOutOfBounds: TextRule = {
    id: 'MIG315',
    name: 'throttle-out-of-bounds',
    severity: 'error',
    summary: 'A throttle that begins above its top, or that QEMU refuses: it takes 1% to 99%.',
    avoid: `technique patient = precopy {
  when stalled for 3 iterations: throttle 50% step 10% up to 20%
  after 10 min: abort
}
policy drain { when host is in maintenance  move vms on host  to hosts  using patient }
`,
    prefer: `technique patient = precopy {
  when stalled for 3 iterations: throttle 20% step 10% up to 50%
  after 10 min: abort
}
policy drain { when host is in maintenance  move vms on host  to hosts  using patient }
`,
    rationale:
        'QEMU takes no throttle of 0 or 100%: the step of the ladder fails when it is needed, in the middle of the move. One that begins above its top cannot rise.',
    source: 'Seen on QEMU 7.2.22: a cpu-throttle-initial outside 1 to 99 is refused when it is set.',
    byPart: true,
    check: (input, report) => {
        for (const one of techniquesIn(input)) {
            const { options, ladder } = one.use;
            if (options.throttle) judge(options.throttle, one.use.range, report);
            for (const rung of ladder) if (rung.action.kind === 'throttle') judge(rung.action.throttle, placeOf(rung, one), report);
        }
    },
};

function judge({ initial, max }: Throttle, range: SourceRange, report: Report): void {
    const percent = (share: number): string => formatQuantity(share, 'ratio');
    const refused = [initial, max ?? initial].find((share) => share < least || share > most);
    if (refused !== undefined) {
        report(range, `A throttle of ${percent(refused)} is refused by QEMU.`, { hint: 'Write 1% to 99%.' });
    } else if (max !== undefined && initial > max) {
        report(range, `This throttle begins at ${percent(initial)}, above its top of ${percent(max)}.`, { hint: 'Exchange the two.' });
    }
}
