import type { HostName } from '../model/inventory.js';
import type { Reason } from '../model/plan.js';
import type { Snapshot, VmState } from '../model/snapshot.js';
import { verdictOf } from './constraints.js';
import { listed } from './wording.js';

/** A VM and where it goes. */
export interface Going {
    readonly vm: VmState;
    readonly destination: HostName;
}

/** What nobody could tell of moves that are planned all the same: the hypervisor refuses them, if need be, before anything moves. */
export function doubts(moves: readonly Going[], snapshot: Snapshot): readonly Reason[] {
    const simulated = new Set(snapshot.hosts.filter((host) => host.driver === 'simulated').map((host) => host.name));
    const unasked = new Map<HostName, string[]>();
    for (const { vm, destination } of moves) {
        if (simulated.has(destination) || verdictOf(snapshot, vm.uuid, destination)) continue;
        unasked.set(destination, [...(unasked.get(destination) ?? []), vm.name]);
    }
    const cpus = [...unasked].map(([host, vms]) => `nobody could say whether the CPU of ${host} suits ${listed(vms)}`);
    const disks = moves.flatMap(({ vm, destination }) =>
        vm.disks
            .filter((disk) => disk.shared === undefined)
            .map((disk) => `it cannot be told whether ${destination} sees the disk ${disk.target} of ${vm.name}`),
    );
    return [...cpus, ...disks].map((text) => ({ text }));
}
