import { formatQuantity } from '@mig/language';
import { hugePagesFor } from '../decide/huge-pages.js';
import type { VmState } from '../model/snapshot.js';
import { evacuate, hostsFile } from './example.js';
import { lookLacking } from './lack.js';
import { provisionsOf } from './provided.js';
import type { HostRule } from './rule.js';
import { saysImmovable, takenBy } from './taken.js';
import { some } from './words.js';

export const vmPagesFoundNowhere: HostRule = {
    id: 'MIG426',
    name: 'vm-pages-found-nowhere',
    severity: 'warning',
    needs: 'snapshot',
    summary: 'A policy takes a VM whose memory is in huge pages, and no host that it may go to has so many of that size.',
    avoid: evacuate(),
    prefer: evacuate({ move: 'vms on host except vm.tags contains "huge-pages"' }),
    files: {
        'hosts.yaml': hostsFile({
            a: { vms: '{ name: db, memory: 4 GiB, tags: [huge-pages] }' },
            b: { says: ['numa: [{ memory: 64 GiB, hugepages: [{ page: 2 MiB, memory: 2 GiB }] }]'] },
        }),
    },
    exampleSnapshot: (snapshot) => ({ ...snapshot, vms: snapshot.vms.map((vm) => ({ ...vm, hugepages: { pageSize: undefined } })) }),
    rationale:
        'The destination sets the same kind of memory aside before the first byte is sent. Memory that is free counts for nothing there: ' +
        'huge pages are a pool of their own, made when the host boots. Such a VM is left behind.',
    source: "libvirt's memoryBacking/hugepages: a guest does not start where the pool of its page size is too small.",
    lacks: (input) => lookLacking('huge pages', undefined, input),
    byPart: true,
    check: (input, report) => {
        const provided = provisionsOf(input);
        for (const { policy, vms, reach } of takenBy(input, ({ hugepages }) => hugepages !== undefined)) {
            if (saysImmovable(policy)) continue;
            const met = vms.flatMap((vm) => {
                const candidates = reach.hosts.map(({ host }) => host).filter((host) => reach.canGo(vm.host, host, policy));
                const pools = candidates.map((host) => ({ host, pool: hugePagesFor(vm, provided.get(host)) }));
                // A host of which it is not known may have them.
                const short = pools.flatMap(({ host, pool }) => (pool !== undefined && pool < vm.memory ? [{ host, pool }] : []));
                return candidates.length === 0 || short.length < candidates.length ? [] : [{ vm, short }];
            });
            const [first] = met;
            if (!first) continue;
            const why = first.short.map(({ host, pool }) => `${host} has ${pool === 0 ? 'none' : size(pool)}`);
            const names = some(met.map(({ vm }) => described(vm)));
            report(policy.selection.range, `${policy.name} takes ${names}, and no host that it may go to has so many (${some(why)})`, {
                hint: 'set aside more on a host (hugepages= on its kernel command line), except the VM, or say what becomes of such VMs with `immovable: …`',
            });
        }
    },
};

function described({ name, host, memory, hugepages }: VmState): string {
    const pages = hugepages?.pageSize === undefined ? 'huge pages' : `huge pages of ${size(hugepages.pageSize)}`;
    return `${name} on ${host} (${size(memory)} in ${pages})`;
}

const size = (bytes: number): string => formatQuantity(bytes, 'size');
