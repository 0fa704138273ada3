import type { Rung } from '../program.js';
import type { TextRule } from './rule.js';
import { rungText } from './rungs.js';
import { placeOf, techniquesIn } from './written.js';

/** What `never` forbids, by what a rung does. */
const forbidden: Readonly<Partial<Record<Rung['action']['kind'], 'postcopy' | 'throttle'>>> = {
    'switch-to-postcopy': 'postcopy',
    throttle: 'throttle',
};

export const rungForbidden: TextRule = {
    id: 'MIG308',
    name: 'rung-forbidden',
    severity: 'warning',
    summary: 'A rung that does what the technique says it never does.',
    avoid: `technique careful = precopy {
  never postcopy
  after 5 min: switch to postcopy
  after 10 min: abort
}
policy drain { when host is in maintenance  move vms on host  to hosts  using careful }
`,
    prefer: `technique careful = precopy {
  never postcopy
  after 10 min: abort
}
policy drain { when host is in maintenance  move vms on host  to hosts  using careful }
`,
    rationale:
        "'never' stands, for the safety of the VM: the rung is left out. A ladder whose way out is forbidden has one rung less than its author counted on, and often no other.",
    source: 'Issues and designs of KubeVirt, Nova, oVirt and Proxmox: post-copy only by choice, and refused where it is not wanted.',
    byPart: true,
    check: (input, report) => {
        for (const one of techniquesIn(input)) {
            const { ladder, options } = one.use;
            for (const rung of ladder) {
                const what = forbidden[rung.action.kind];
                if (what === undefined || !options.never?.includes(what)) continue;
                report(placeOf(rung, one), `The rung '${rungText(rung)}' can do nothing: '${one.name}' says never ${what}.`, {
                    hint: `Take out the rung, or never ${what}.`,
                });
            }
        }
    },
};
