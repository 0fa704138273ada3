import { formatQuantity } from '@mig/language';
import type { HostProvisions } from '../model/inventory.js';

/** What a host provides for moves, each fact in a few words; what is not known is left out. */
export function provisionsText(provided: HostProvisions = {}): readonly string[] {
    const { numaNodes, lockManager, tlsCertificates, node, lockableMemory, devices, profiles } = provided;
    const pools = new Map<number, number>();
    for (const { pageSize, memory } of (numaNodes ?? []).flatMap((each) => each.hugepages))
        pools.set(pageSize, (pools.get(pageSize) ?? 0) + memory);
    return [
        ...(numaNodes && numaNodes.length > 1 ? [`${numaNodes.length} NUMA nodes`] : []),
        ...[...pools].map(([pageSize, memory]) => `${size(memory)} in huge pages of ${size(pageSize)}`),
        ...(lockManager === undefined ? [] : [lockManager === 'none' ? 'no lock manager' : `lock manager ${lockManager}`]),
        ...(tlsCertificates === undefined ? [] : [certificates[tlsCertificates]]),
        ...(node === undefined ? [] : [node === 'none' ? 'no Node.js' : `Node.js ${node}`]),
        ...(lockableMemory === undefined || lockableMemory === 'unlimited' ? [] : [`${size(lockableMemory)} can be locked`]),
        ...(devices ?? []).map((name) => `device ${name}`),
        ...(profiles ?? []).map((name) => `profile ${name}`),
    ];
}

const certificates: Readonly<Record<NonNullable<HostProvisions['tlsCertificates']>, string>> = {
    none: 'no TLS certificates',
    sending: 'TLS certificates to send with',
    both: 'TLS certificates',
};

const size = (bytes: number): string => formatQuantity(bytes, 'size');
