import { bytes, ratio } from '@mig/language';
import type { HostName } from '../model/inventory.js';
import type { HostState, Snapshot, VmState } from '../model/snapshot.js';

/**
 * A Snapshot as decisions see it: VMs gathered by host, and the moves that were decided so far carried out.
 * Never changed in place: each move gives a new World, so that a search can go back.
 */
export interface World {
    /** As observed: time, histories, CPU verdicts and policy states do not change with planned moves. */
    readonly snapshot: Snapshot;
    /** By name, in the order of names. */
    readonly hosts: ReadonlyMap<HostName, Place>;
}

/** A host and what runs on it, both as they would be at this step of the plan. */
export interface Place {
    readonly state: HostState;
    /** In the order of names. */
    readonly vms: readonly VmState[];
}

export function worldOf(snapshot: Snapshot): World {
    const hosts = new Map<HostName, Place>();
    for (const state of [...snapshot.hosts].sort(byName)) hosts.set(state.name, { state, vms: [] });
    const vms = new Map<HostName, VmState[]>();
    for (const vm of [...snapshot.vms].sort(byName)) {
        const there = vms.get(vm.host);
        if (there) there.push(vm);
        else vms.set(vm.host, [vm]);
    }
    for (const [name, there] of vms) {
        const place = hosts.get(name);
        if (place) hosts.set(name, { ...place, vms: there });
    }
    return { snapshot, hosts };
}

/** The World once `vm` has left its host and runs on `destination`: memory, CPU time and traffic go with it. */
export function afterMove(world: World, vm: VmState, destination: HostName): World {
    return arrive(depart(world, vm), vm, destination);
}

/** The World once `vm` has left its host. */
export function depart(world: World, vm: VmState): World {
    const place = world.hosts.get(vm.host);
    if (!place) return world;
    const hosts = new Map(world.hosts);
    hosts.set(vm.host, { state: loaded(place.state, vm, -1), vms: place.vms.filter((other) => other.uuid !== vm.uuid) });
    return { ...world, hosts };
}

/** The World with `vm` on `destination` too, as it is from the moment that memory is set aside for it there. */
export function arrive(world: World, vm: VmState, destination: HostName): World {
    const place = world.hosts.get(destination);
    if (!place) return world;
    const hosts = new Map(world.hosts);
    hosts.set(destination, { state: loaded(place.state, vm, 1), vms: [...place.vms, { ...vm, host: destination }].sort(byName) });
    return { ...world, hosts };
}

/** Every VM, by host and then by name. */
export function vmsOf(world: World): readonly VmState[] {
    return [...world.hosts.values()].flatMap((place) => place.vms);
}

/** CPU time that a VM takes of a host, as a share of all the host's CPUs. Undefined where it was not measured. */
export function cpuShareOn(vm: VmState, host: HostState): number | undefined {
    if (vm.cpu === undefined || host.cpus === 0) return undefined;
    return (vm.cpu * vm.vcpus) / host.cpus;
}

/** Whether it has a guest in memory. */
export function isActive(vm: VmState): boolean {
    return vm.state !== 'shut off' && vm.state !== 'crashed';
}

/** By name, then by UUID: the order that makes a plan the same every time. */
export function byName(a: { readonly name: string; readonly uuid: string }, b: { readonly name: string; readonly uuid: string }): number {
    return compareText(a.name, b.name) || compareText(a.uuid, b.uuid);
}

export function compareText(a: string, b: string): number {
    return a < b ? -1 : a > b ? 1 : 0;
}

/** A host with the load of a VM added (1) or taken off (-1). */
export function loaded(host: HostState, vm: VmState, sign: 1 | -1): HostState {
    if (!isActive(vm)) return host;
    const share = cpuShareOn(vm, host);
    const cpuUsed = host.cpuUsed === undefined || share === undefined ? host.cpuUsed : ratio(Math.max(0, host.cpuUsed + sign * share));
    return { ...host, memoryFree: bytes(host.memoryFree - sign * vm.memory), cpuUsed };
}
