import type { HostName } from '../model/inventory.js';
import type { HostState, VmState } from '../model/snapshot.js';
import type { World } from './world.js';

/** Who is to be moved, and between which hosts: what a technique is chosen for. */
export interface Situation {
    readonly world: World;
    readonly vm: VmState;
    readonly source: HostState;
    readonly destination: HostState;
}

/** Undefined where a host is not known. */
export function situationOf(world: World, vm: VmState, destination: HostName): Situation | undefined {
    const [from, to] = [world.hosts.get(vm.host)?.state, world.hosts.get(destination)?.state];
    return from && to ? { world, vm, source: from, destination: to } : undefined;
}
