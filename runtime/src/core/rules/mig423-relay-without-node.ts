import { isBelow } from '../versions/compare.js';
import { provisionLacking } from './lack.js';
import { evacuate, hostsFile } from './example.js';
import { moversOf } from './movers.js';
import { provisionsOf } from './provided.js';
import { reachOf } from './reach.js';
import { relayed } from './relayed.js';
import type { HostRule } from './rule.js';
import { some } from './words.js';

/** The oldest Node.js that a relay runs on. */
const oldest = '20.0.0';

export const relayWithoutNode: HostRule = {
    id: 'MIG423',
    name: 'relay-without-node',
    severity: 'error',
    needs: 'inventory',
    summary: 'A technique needs a relay on each host that takes part, and a host has no Node.js to run one, or one that is too old.',
    avoid: evacuate({ using: 'scatter-gather via 1 host' }),
    prefer: evacuate({ inventory: 'with-node.yaml', using: 'scatter-gather via 1 host' }),
    files: {
        'hosts.yaml': hostsFile({ a: { says: ['node: 22.11.0'] }, b: { says: ['node: 18.19.0'] }, c: { says: ['node: none'] } }),
        'with-node.yaml': hostsFile({ a: { says: ['node: 22.11.0'] }, b: { says: ['node: 22.11.0'] }, c: { says: ['node: 22.11.0'] } }),
    },
    rationale:
        'Pages that are scattered, or sent once for many VMs, go through a relay beside each QEMU. It is copied to a host when it is needed, ' +
        'and runs with the Node.js that the host has: what is missing there is missed in the middle of an eviction.',
    source: 'A relay runs on what mig-run itself needs, Node.js 20 or later (package.json); Debian 12 and Ubuntu 24.04 ship Node.js 18.',
    lacks: (input) => {
        const movers = moversOf(input.program).filter((mover) => relayed(mover).length > 0);
        const what = new Set(movers.flatMap((mover) => relayed(mover).map((each) => each.what)));
        return provisionLacking([...what].join(', '), 'the version of Node.js', 'node', movers, input);
    },
    byPart: true,
    check: (input, report) => {
        const lacking = [...provisionsOf(input)].flatMap(([host, { node }]) =>
            node !== undefined && (node === 'none' || isBelow(node, oldest)) ? [{ host, node }] : [],
        );
        if (lacking.length === 0) return;
        const reach = reachOf(input);
        for (const mover of moversOf(input.program)) {
            for (const { what, range, when, via } of relayed(mover)) {
                const met = lacking.filter(
                    ({ host }) => via.includes(host) || reach.canLeave(host, mover, when) || reach.canArrive(host, mover, when),
                );
                if (met.length === 0) continue;
                const hosts = met.map(({ host, node }) => `${host} (${node === 'none' ? 'none' : `it has ${node}`})`);
                report(range, `${what} needs a relay, which needs Node.js ${oldest.split('.')[0] ?? ''} or later: ${some(hosts)}`, {
                    hint: 'install it there, or keep these hosts out of the policy',
                });
            }
        }
    },
};
