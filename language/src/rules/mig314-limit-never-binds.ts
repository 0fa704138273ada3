import { isInside } from '../places.js';
import type { Concurrency, Limit } from '../program.js';
import type { TextRule } from './rule.js';

type Scope = keyof Concurrency;

const words: Readonly<Record<Scope, string>> = {
    perHost: 'per host',
    intoHost: 'into each host',
    outOfHost: 'out of each host',
    perLink: 'per link',
    inAll: 'in all',
};

/** The limits that also count every move which a limit counts. */
const around: Readonly<Record<Scope, readonly Scope[]>> = {
    perHost: ['inAll'],
    intoHost: ['perHost', 'inAll'],
    outOfHost: ['perHost', 'inAll'],
    perLink: ['perHost', 'inAll'],
    inAll: [],
};

export const limitNeverBinds: TextRule = {
    id: 'MIG314',
    name: 'limit-never-binds',
    severity: 'warning',
    summary: 'Limits of moves that cannot all bind: one is above another that counts the same moves.',
    avoid: `policy drain {
  when host is in maintenance
  move vms on host
  to hosts
  using precopy
  at most 8 at once per host, 4 in all
}
`,
    prefer: `policy drain {
  when host is in maintenance
  move vms on host
  to hosts
  using precopy
  at most 4 at once per host, 8 in all
}
`,
    rationale:
        'Every limit counts the moves under way, so that the wider one never has an effect. Mostly the two were exchanged: then half as many moves run as were meant, or twice as many on one host.',
    source: 'Issues and designs of KubeVirt, Nova, oVirt and Proxmox: hard limits per host, in, out, link and cluster, as KubeVirt has them for a node and for the cluster.',
    byPart: true,
    check: ({ policies }, report) => {
        for (const { concurrency, range } of policies) {
            for (const scope of Object.keys(words) as readonly Scope[]) {
                const wide = concurrency[scope];
                if (!wide || !isInside(wide.range, range)) continue;
                const narrow = around[scope].map((one) => [one, concurrency[one]] as const).find(isLower(wide));
                if (!narrow?.[1]) continue;
                const message = `The limit of ${wide.count} ${words[scope]} never binds: at most ${narrow[1].count} may move at once ${words[narrow[0]]}.`;
                report(wide.range, message, { hint: 'Exchange the two, or take out the one that has no effect.' });
            }
        }
    },
};

const isLower =
    (wide: Limit) =>
    ([, limit]: readonly [Scope, Limit | undefined]): boolean =>
        limit !== undefined && limit.count < wide.count;
