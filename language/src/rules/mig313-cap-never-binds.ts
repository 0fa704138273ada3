import type { Cap } from '../program.js';
import { around, capSetsOf, capText, isLess, keyOf, setFromOutside } from './caps.js';
import type { TextRule } from './rule.js';

export const capNeverBinds: TextRule = {
    id: 'MIG313',
    name: 'cap-never-binds',
    severity: 'warning',
    summary: 'Caps that cannot all bind: one is above another that holds for the same bytes, or above what a reserve leaves.',
    avoid: `policy drain {
  when host is in maintenance
  move vms on host
  to hosts
  using precopy
  bandwidth { total 1 Gbit/s; per vm 2 Gbit/s }
}
`,
    prefer: `policy drain {
  when host is in maintenance
  move vms on host
  to hosts
  using precopy
  bandwidth { total 2 Gbit/s; per vm 1 Gbit/s }
}
`,
    rationale:
        'All caps hold at once. One VM cannot send more than all together may, so that the wider cap never has an effect: two figures were exchanged, or bits taken for bytes. What is reckoned from a param is not judged, since the param may be set to something else.',
    source: 'Units differ by layer: bytes/s in QMP, MiB/s in libvirt, bits at the network. Issues and designs of KubeVirt, Nova, oVirt and Proxmox ask for bandwidth that is true.',
    byPart: true,
    check: (input, report) => {
        for (const policy of input.policies) {
            const sets = capSetsOf(policy);
            if (sets.length === 0) continue;
            let outside: ReadonlySet<string> | undefined;
            const fixed = ({ range }: Cap): boolean => !(outside ??= setFromOutside(policy, input)).has(keyOf(range));
            // Outside the windows only: a cap that a window replaces, or is lowered in, has its use elsewhere.
            const caps = sets[0]?.caps ?? [];
            for (const wide of caps.filter((cap) => cap.kind === 'cap')) {
                const sameBytes = ({ kind, scope }: Cap): boolean =>
                    kind === 'cap' && scope !== wide.scope && around[wide.scope].includes(scope);
                const narrow = caps.find((one) => sameBytes(one) && isLess(one, wide) && fixed(one));
                if (narrow && fixed(wide)) {
                    report(
                        wide.range,
                        `The cap '${capText(wide, input)}' never binds: '${capText(narrow, input)}' holds for the same bytes and is lower.`,
                        {
                            hint: 'Lower the one or raise the other; or take out the one that has no effect.',
                        },
                    );
                }
                const kept = caps.find((one) => one.kind === 'reserve' && one.scope === wide.scope && leavesLess(one, wide) && fixed(one));
                if (!kept || !fixed(wide)) continue;
                report(wide.range, `The cap '${capText(wide, input)}' can never be reached: '${capText(kept, input)}' leaves less.`, {
                    hint: 'Lower the one or the other: together they may come to 100% at the most.',
                });
            }
        }
    },
};

function leavesLess(reserve: Cap, cap: Cap): boolean {
    return reserve.limit.kind === 'share' && cap.limit.kind === 'share' && cap.limit.share > 1 - reserve.limit.share + 1e-9;
}
