import { formatQuantity } from '../units.js';
import type { TextRule } from './rule.js';
import { placeOf, techniquesIn } from './written.js';

/** QEMU's downtime-limit, and its multifd-channels. */
const longestDowntimeMs = 2_000_000;
const mostStreams = 255;
/** QEMU's vcpu-dirty-limit, which counts in MiB/s. */
const leastDirtyLimit = 1024 ** 2;

export const optionRefused: TextRule = {
    id: 'MIG316',
    name: 'option-refused',
    severity: 'error',
    summary: 'A figure that every QEMU refuses: a downtime over 2000 s, more than 255 streams, or a dirty limit below 1 MiB/s.',
    avoid: `technique wide = precopy { streams 400  after 10 min: abort }
policy drain { when host is in maintenance  move vms on host  to hosts  using wide }
`,
    prefer: `technique wide = precopy { streams 8  after 10 min: abort }
policy drain { when host is in maintenance  move vms on host  to hosts  using wide }
`,
    rationale: 'The move fails when the option is set, on every host and for every VM.',
    source: 'Seen on QEMU 7.2.22: a downtime-limit over 2,000,000 ms and multifd-channels outside 1 to 255 are refused when they are set. QEMU 10.0: "Parameter \'vcpu_dirty_limit\' must be greater than 1 MB/s".',
    byPart: true,
    check: (input, report) => {
        for (const one of techniquesIn(input)) {
            const { options, ladder, range } = one.use;
            const downtimes = [
                { ms: options.downtimeMs ?? 0, at: range },
                ...ladder.map((rung) => ({ ms: rung.action.kind === 'downtime' ? rung.action.ms : 0, at: placeOf(rung, one) })),
            ];
            for (const { ms, at } of downtimes.filter((each) => each.ms > longestDowntimeMs)) {
                report(at, `A downtime limit of ${formatQuantity(ms, 'duration')} is refused by QEMU.`, {
                    hint: 'Write 2000 s at the most.',
                });
            }
            if ((options.dirtyLimit ?? Infinity) < leastDirtyLimit)
                report(
                    range,
                    `'${one.name}' has a dirty limit of ${formatQuantity(options.dirtyLimit ?? 0, 'rate')}, which QEMU refuses.`,
                    {
                        hint: 'Write 1 MiB/s at the least.',
                    },
                );
            if ((options.streams ?? 0) <= mostStreams) continue;
            report(range, `'${one.name}' asks for ${options.streams ?? 0} streams, which QEMU refuses.`, {
                hint: 'Write 255 at the most; more than 8 seldom gain.',
            });
        }
    },
};
