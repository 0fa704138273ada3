import { around, capSetsOf, capText, isLess } from './caps.js';
import type { TextRule } from './rule.js';

export const floorOverCap: TextRule = {
    id: 'MIG312',
    name: 'floor-over-cap',
    severity: 'error',
    summary: 'A floor that is above a cap which holds for the same bytes: no VM could ever start.',
    avoid: `policy drain {
  when host is in maintenance
  move vms on host
  to hosts
  using precopy
  bandwidth { total 1 Gbit/s; per vm at least 2 Gbit/s }
}
`,
    prefer: `policy drain {
  when host is in maintenance
  move vms on host
  to hosts
  using precopy
  bandwidth { total 8 Gbit/s; per vm at least 2 Gbit/s }
}
`,
    rationale:
        'A VM does not start while its floor cannot be met. A floor above the cap can never be met, so that the policy waits for ever and moves nothing; in a window that lowers the cap it waits for as long as the window is open.',
    source: 'A VM does not start while its floor cannot be met (docs/language.md); the shares are reckoned in runtime/src/core/decide/bandwidth.ts.',
    byPart: true,
    check: (input, report) => {
        for (const policy of input.policies) {
            const said = new Set<object>();
            for (const { caps, during } of capSetsOf(policy)) {
                for (const floor of caps.filter((cap) => cap.kind === 'floor' && !said.has(cap))) {
                    const cap = caps.find((one) => one.kind === 'cap' && around[floor.scope].includes(one.scope) && isLess(one, floor));
                    if (!cap) continue;
                    said.add(floor);
                    const when = during === undefined ? '' : ` ${during}`;
                    report(
                        floor.range,
                        `The floor '${capText(floor, input)}' is above the cap '${capText(cap, input)}'${when}: no VM could start.`,
                        {
                            hint: `Lower the floor, or raise the cap to ${capText(floor, input).split(' at least ').at(-1) ?? 'it'} at the least.`,
                        },
                    );
                }
            }
        }
    },
};
