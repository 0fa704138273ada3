import type { HostProvisions } from '../model/inventory.js';
import type { VmState } from '../model/snapshot.js';

/**
 * All huge pages of a VM's size on a host, in use or not; of all sizes where the VM asks for the host's usual one. Undefined
 * where the VM needs none, or it is not known what the host has.
 */
export function hugePagesFor({ hugepages }: Pick<VmState, 'hugepages'>, provided: HostProvisions | undefined): number | undefined {
    if (!hugepages || !provided?.numaNodes) return undefined;
    return provided.numaNodes
        .flatMap((node) => node.hugepages)
        .filter(({ pageSize }) => hugepages.pageSize === undefined || hugepages.pageSize === pageSize)
        .reduce((sum: number, { memory }) => sum + memory, 0);
}
