/** Memory that must be had, against memory that there is. */
import type { Policy } from '@mig/language';
import { isActive } from '../decide/world.js';
import type { HostName } from '../model/inventory.js';
import type { Reason } from '../model/plan.js';
import type { VmState } from '../model/snapshot.js';
import {
    allowedHosts,
    counts,
    empties,
    excluded,
    lastingPolicy,
    memoryKept,
    type Outlook,
    mayTake,
    wantedOf,
    wantedVms,
} from './destinations.js';
import type { Allowance } from './few.js';

export interface NeverFits {
    /** The smallest VM that the policy moves. */
    readonly vm: VmState;
    /** Hosts that would take it, were nothing to be kept free, with what is against each; the first has the most room. */
    readonly hosts: readonly { readonly host: HostName; readonly because: Reason }[];
}

/** Headroom that no host has left with any VM of the policy on it, even were it empty otherwise. */
export function headroomTooLarge(policy: Policy, outlook: Outlook, allowance: Allowance): NeverFits | undefined {
    if (!policy.destination.keepFree.some((keep) => keep.resource === 'memory')) return undefined;
    const without = lastingPolicy(policy);
    const keeping = lastingPolicy(policy, 'memory free');
    let smallest: VmState | undefined;
    for (const vm of wantedVms(policy, outlook)) {
        if (!allowance.take(outlook.now.hosts.size)) return undefined;
        if (allowedHosts(vm, keeping, outlook).next().done !== true) return undefined;
        if (allowedHosts(vm, without, outlook).next().done === true) continue;
        if (!smallest || vm.memory < smallest.memory) smallest = vm;
    }
    if (!smallest) return undefined;
    const vm = smallest;
    const roomOf = (host: HostName): number => outlook.cleared.hosts.get(host)?.state.memoryFree ?? 0;
    const hosts = [...allowedHosts(vm, without, outlook)]
        .map((host) => ({ host, because: excluded(vm, host, keeping, outlook) ?? { text: '' } }))
        .sort((a, b) => roomOf(b.host) - roomOf(a.host));
    return { vm, hosts };
}

export interface DrainTooLarge {
    readonly source: HostName;
    readonly vms: readonly VmState[];
    readonly needed: number;
    /** What each of the others can still take, with what it must keep free. */
    readonly others: readonly { readonly host: HostName; readonly room: number }[];
}

/** A host in maintenance whose VMs need more memory than all hosts to which they may go have to give now. */
export function drainTooLarge(policy: Policy, outlook: Outlook, allowance: Allowance): DrainTooLarge | undefined {
    if (!empties(policy)) return undefined;
    const draining = [...outlook.now.hosts.values()].filter(({ state }) => state.maintenance).map(({ state }) => state.name);
    if (draining.length === 0) return undefined;
    const lasting = lastingPolicy(policy);
    for (const source of draining) {
        const vms = [...wantedOf(source, policy, outlook)].filter(isActive);
        if (!allowance.take(vms.length * outlook.now.hosts.size)) return undefined;
        const reachable = new Set(vms.flatMap((vm) => [...allowedHosts(vm, lasting, outlook)]));
        const others = [...outlook.now.hosts.values()]
            .filter(({ state }) => reachable.has(state.name) && counts(state))
            .map(({ state }) => ({ host: state.name, room: Math.max(0, state.memoryFree - memoryKept(policy, state)) }));
        const needed = vms.reduce((sum, vm) => sum + vm.memory, 0);
        const room = others.reduce((sum, other) => sum + other.room, 0);
        if (others.length > 0 && needed > room) return { source, vms, needed, others };
    }
    return undefined;
}

export interface GroupTooLarge {
    readonly vms: readonly VmState[];
    readonly key: string;
    readonly needed: number;
    /** Of the hosts that might take them, the one that would have the most room were it empty. */
    readonly largest: HostName;
    readonly room: number;
}

/** VMs that must be on one host, and need more than any host to which they may all go would have, were it empty. */
export function groupTooLarge(
    vms: readonly VmState[],
    key: string,
    policy: Policy,
    outlook: Outlook,
    allowance: Allowance,
): GroupTooLarge | undefined {
    const lasting = lastingPolicy(policy);
    const needed = vms.filter(isActive).reduce((sum, vm) => sum + vm.memory, 0);
    const sizes = [...outlook.cleared.hosts.values()]
        .map(({ state }) => ({ host: state.name, room: state.memoryFree - memoryKept(policy, state) }))
        .sort((a, b) => b.room - a.room);
    // How large a host is that does not answer is not known.
    if ([...outlook.now.hosts.values()].some(({ state }) => state.unreachable !== undefined)) return undefined;
    if (!allowance.take(vms.length * sizes.length)) return undefined;
    // The largest first: mostly that one will do, and nothing more is asked.
    for (const { host, room } of sizes) {
        if (vms.every((vm) => vm.host === host) || !vms.every((vm) => vm.host === host || mayTake(vm, host, lasting, outlook))) continue;
        return room >= needed ? undefined : { vms, key, needed, largest: host, room };
    }
    return undefined;
}
