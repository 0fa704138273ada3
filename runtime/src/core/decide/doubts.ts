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

/**
 * What nobody could tell of moves that are planned all the same: the hypervisor refuses them, if need be, before anything moves.
 * And what a person may not expect of the way to the hosts.
 */
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
    return [...cpus, ...disks, ...unusualWays(moves, snapshot)].map((text) => ({ text }));
}

/** Hosts whose hypervisor is not reached as it usually is: who set the SSH servers up may not have meant it. */
function unusualWays(moves: readonly Going[], snapshot: Snapshot): readonly string[] {
    const taking = new Set(moves.flatMap(({ vm, destination }) => [vm.host, destination]));
    return (['virt-ssh-helper', 'nc'] as const).flatMap((by) => {
        const hosts = snapshot.hosts.filter((host) => host.reachedBy === by && taking.has(host.name)).map((host) => host.name);
        if (hosts.length === 0) return [];
        return [`libvirt on ${listed(hosts)} is reached by ${by}: SSH forwards to no unix sockets there (AllowStreamLocalForwarding)`];
    });
}
