import { type Destination, formatQuantity } from '@mig/language';
import type { HostProvisions, NumaNode } from '../model/inventory.js';
import { provisionLacking } from './lack.js';
import { evacuate, hostsFile } from './example.js';
import { provisionsOf } from './provided.js';
import { reachOf } from './reach.js';
import type { HostRule } from './rule.js';
import { some } from './words.js';

type Headroom = Destination['keepFree'][number];

export const memoryFoundNowhere: HostRule = {
    id: 'MIG425',
    name: 'memory-found-nowhere',
    severity: 'error',
    needs: 'inventory',
    summary: 'Huge pages, or memory on each NUMA node, are to be kept free that no host has which the policy may go to.',
    avoid: evacuate({ to: 'hosts keep 16 GiB of hugepages of 1 GiB free' }),
    prefer: evacuate({ to: 'hosts keep 16 GiB of hugepages of 2 MiB free' }),
    files: {
        'hosts.yaml': hostsFile({
            a: { says: ['numa: [{ memory: 64 GiB, hugepages: [{ page: 2 MiB, memory: 32 GiB }] }]'] },
            b: { says: ['numa: [{ memory: 64 GiB, hugepages: [{ page: 2 MiB, memory: 32 GiB }] }]'] },
        }),
    },
    rationale:
        'Huge pages are set aside when a host boots, and a NUMA node is only a part of it: a host with much memory free may have none of ' +
        'either. Where no host has so much even when it is empty, no VM is ever moved.',
    source: "Linux's documentation of hugetlbpage: pages are set aside and counted by size and by node.",
    lacks: (input) => {
        const asking = input.program.policies.filter(({ destination }) => destination.keepFree.some(isByPageOrNode));
        return provisionLacking('headroom of huge pages or by NUMA node', 'NUMA nodes', 'numaNodes', asking, input);
    },
    byPart: true,
    check: (input, report) => {
        const provided = provisionsOf(input);
        const reach = reachOf(input);
        for (const policy of input.program.policies) {
            for (const keep of policy.destination.keepFree.filter(isByPageOrNode)) {
                const places = reach.hosts.filter(({ host }) => reach.canArrive(host, policy)).map(({ host }) => host);
                const shortages = places.map((host) => shortage(keep, provided.get(host)));
                // A host of which it is not known may have it.
                if (places.length === 0 || shortages.some((short) => short === undefined)) continue;
                const each = places.map((host, i) => `${host} ${shortages[i] ?? ''}`);
                report(
                    keep.range,
                    `no host that ${policy.name} may go to has what it is to keep free, even when it is empty: ${some(each)}`,
                    {
                        hint: 'keep less free, or set aside more on the hosts (hugepages= on the kernel command line)',
                    },
                );
            }
        }
    },
};

const isByPageOrNode = ({ hugepages, perNumaNode }: Headroom): boolean => hugepages !== undefined || perNumaNode === true;

/** What a host is short of, in words; undefined where it may do, or nothing is known of it. */
function shortage({ amount, hugepages, perNumaNode }: Headroom, provided: HostProvisions | undefined): string | undefined {
    const nodes = provided?.numaNodes;
    if (!nodes) return undefined;
    const has = nodes.map((node) => (hugepages ? pagesOn(node, hugepages.pageBytes) : node.memory));
    const least = perNumaNode ? Math.min(...has) : has.reduce((sum, one) => sum + one, 0);
    const of = hugepages?.pageBytes === undefined ? '' : ` of ${size(hugepages.pageBytes)}`;
    const what = `${hugepages ? `huge pages${of}` : 'memory'}${perNumaNode && nodes.length > 1 ? ' on its smallest NUMA node' : ''}`;
    if (least === 0) return `has no ${what}`;
    return amount.kind === 'size' && least < amount.bytes ? `has ${size(least)} of ${what}` : undefined;
}

function pagesOn({ hugepages }: NumaNode, pageBytes: number | undefined): number {
    return hugepages
        .filter(({ pageSize }) => pageBytes === undefined || pageSize === pageBytes)
        .reduce((sum, { memory }) => sum + memory, 0);
}

const size = (bytes: number): string => formatQuantity(bytes, 'size');
