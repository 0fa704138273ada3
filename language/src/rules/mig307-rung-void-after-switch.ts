import type { Rung } from '../program.js';
import type { TextRule } from './rule.js';
import { endedBy, isVoidIn, rungText } from './rungs.js';
import { placeOf, techniquesIn } from './written.js';

export const rungVoidAfterSwitch: TextRule = {
    id: 'MIG307',
    name: 'rung-void-after-switch',
    severity: 'warning',
    summary: 'An abort, throttle or downtime rung that is due only after the switch to post-copy, or after a pause.',
    avoid: `technique patient = precopy {
  after 2 min: switch to postcopy
  after 10 min: abort
}
policy drain { when host is in maintenance  move vms on host  to hosts  using patient }
`,
    prefer: `technique patient = precopy {
  after 2 min and iteration >= 2: switch to postcopy
  after 10 min: abort
}
policy drain { when host is in maintenance  move vms on host  to hosts  using patient }
`,
    rationale:
        'After the switch the guest runs at its destination, and the memory at the source is out of date: nothing may abort the move then, since that would lose the VM, and there is no limit left for downtime or throttling to act on. Whoever wrote the rung believes that the move is bounded by it, and it is not. After a pause the guest dirties nothing, and converges by itself. Bandwidth and report rungs remain.',
    source: "QEMU's documentation of post-copy: once the destination runs, neither side alone has the whole state of the guest. Issues and designs of KubeVirt, Nova, oVirt and Proxmox: never lose a VM.",
    byPart: true,
    check: (input, report) => {
        for (const one of techniquesIn(input)) {
            const { ladder, technique } = one.use;
            for (const [index, rung] of ladder.entries()) {
                const why = isVoidIn(technique, rung) ? `${technique} begins there` : reason(endedBy(one.use, index));
                if (why === undefined) continue;
                report(placeOf(rung, one), `The rung '${rungText(rung)}' of '${one.name}' is void: ${why}.`, {
                    hint: 'Let it be due before the switch, give the switch a condition, or take one of the two out.',
                });
            }
        }
    },
};

function reason(end: Rung | undefined): string | undefined {
    if (end?.action.kind === 'switch-to-postcopy') return `after '${rungText(end)}' the guest runs at its destination`;
    if (end?.action.kind === 'pause') return `after '${rungText(end)}' the guest stands still`;
    return undefined;
}
