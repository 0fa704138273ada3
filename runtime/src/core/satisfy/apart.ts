/** Anti-affinity that cannot be met: more VMs of one key than hosts that they may be on. */
import type { Expression, Policy, SourceRange } from '@mig/language';
import { scopeOf } from '../decide/attributes.js';
import { attributesIn, evaluate } from '../decide/evaluate.js';
import { valueText } from '../decide/wording.js';
import { vmsOf, type World } from '../decide/world.js';
import type { HostName } from '../model/inventory.js';
import type { VmState, VmUuid } from '../model/snapshot.js';
import { allowedHosts, counts, empties, lastingPolicy, type Outlook, wantedVms } from './destinations.js';
import type { Allowance } from './few.js';
import { tooFewPlaces } from './matching.js';

export interface NotApart {
    readonly by: Expression;
    readonly range: SourceRange;
    /** The value that they share, in words. */
    readonly key: string;
    /** VMs that need a host each. */
    readonly vms: readonly VmState[];
    /** All hosts that any of them may be on: fewer than the VMs are. */
    readonly hosts: readonly HostName[];
    /** The host that they have to leave; undefined where they may also stay where they are. */
    readonly leaving: HostName | undefined;
    /** So it is whichever of their hosts is emptied, and wherever the others are: `leaving` is one of them, to show it by. */
    readonly whichever: boolean;
    /** VMs of the same key that are on hosts which would do otherwise. */
    readonly inTheWay: readonly VmState[];
}

/** For each `apart by` of the policy the first key that has too few hosts. */
export function notApart(policy: Policy, outlook: Outlook, allowance: Allowance): readonly NotApart[] {
    const { limit, until } = policy.selection;
    // One that takes some of its VMs only may well find some that can be kept apart.
    if (limit || until || policy.destination.apart.length === 0) return [];
    const wanted = new Map<VmUuid, VmState>();
    if (!allowance.take(outlook.now.snapshot.vms.length)) return [];
    for (const vm of wantedVms(policy, outlook)) wanted.set(vm.uuid, vm);
    return policy.destination.apart.flatMap(({ by, range }) => {
        if (!attributesIn(by).every((name) => name.entity === 'vm')) return [];
        for (const [key, vms] of alike(by, outlook.now)) {
            const movers = vms.filter((vm) => wanted.has(vm.uuid));
            if (movers.length === 0 || vms.length < 2) continue;
            if (!allowance.take(vms.length)) return [];
            const found = empties(policy) ? leavingOne(policy, vms, movers, outlook, allowance) : staying(policy, vms, wanted, outlook);
            if (found) return [{ by, range, key, ...found }];
        }
        return [];
    });
}

type Found = Omit<NotApart, 'by' | 'range' | 'key'>;

/** The hosts in maintenance, as the others stand now. */
function leavingOne(
    policy: Policy,
    vms: readonly VmState[],
    movers: readonly VmState[],
    outlook: Outlook,
    allowance: Allowance,
): Found | undefined {
    const lasting = lastingPolicy(policy);
    const draining = [...outlook.now.hosts.values()].flatMap(({ state }) => (state.maintenance ? [state.name] : []));
    if (draining.length === 0) return leavingAny(vms, movers, lasting, outlook, allowance);
    for (const source of draining) {
        if (!allowance.take(outlook.now.hosts.size)) return undefined;
        const found = leaving(source, vms, movers, lasting, outlook);
        if (found) return found;
    }
    return undefined;
}

function leaving(
    source: HostName,
    vms: readonly VmState[],
    movers: readonly VmState[],
    lasting: Policy,
    outlook: Outlook,
): Found | undefined {
    const those = movers.filter((vm) => vm.host === source);
    const inTheWay = vms.filter((vm) => vm.host !== source && isUp(vm.host, outlook.now));
    const taken = new Set(inTheWay.map((vm) => vm.host));
    const places = function* (vm: VmState): Generator<HostName, void> {
        for (const host of allowedHosts(vm, lasting, outlook)) if (!taken.has(host) && isUp(host, outlook.now)) yield host;
    };
    const few = tooFewPlaces(those, places);
    const would = new Set(few?.things.flatMap((vm) => [...allowedHosts(vm, lasting, outlook)]));
    // A VM that no host takes in any case is not kept from one by its like.
    if (!few || would.size === 0) return undefined;
    return { vms: few.things, hosts: few.places, leaving: source, whichever: false, inTheWay: inTheWay.filter((vm) => would.has(vm.host)) };
}

/**
 * Where no host is in maintenance, where VMs are now says little of the day when one is: told is what stops the emptying of
 * every host on which one of them is, and what no other placement would mend.
 */
function leavingAny(
    vms: readonly VmState[],
    movers: readonly VmState[],
    lasting: Policy,
    outlook: Outlook,
    allowance: Allowance,
): Found | undefined {
    if (!allowance.take(vms.length * outlook.now.hosts.size)) return undefined;
    const moving = new Set(movers.map((vm) => vm.uuid));
    const places = new Map(vms.map((vm) => [vm, [...(moving.has(vm.uuid) ? allowedHosts(vm, lasting, outlook) : []), vm.host]]));
    let shown: Found | undefined;
    for (const source of new Set(movers.map((vm) => vm.host))) {
        if (!allowance.take(outlook.now.hosts.size)) return undefined;
        if (!leaving(source, vms, movers, lasting, outlook)) return undefined;
        const those = vms.filter((vm) => vm.host !== source || (places.get(vm)?.length ?? 0) > 1);
        const few = tooFewPlaces(those, (vm) => (places.get(vm) ?? []).filter((host) => host !== source));
        if (!few) return undefined;
        shown ??= { vms: few.things, hosts: few.places, leaving: source, whichever: true, inTheWay: [] };
    }
    return shown;
}

function staying(policy: Policy, vms: readonly VmState[], wanted: ReadonlyMap<VmUuid, VmState>, outlook: Outlook): Found | undefined {
    const lasting = lastingPolicy(policy);
    const few = tooFewPlaces(vms, (vm) =>
        wanted.has(vm.uuid) ? [...new Set([vm.host, ...allowedHosts(vm, lasting, outlook)])] : [vm.host],
    );
    if (!few?.things.some((vm) => wanted.has(vm.uuid))) return undefined;
    return { vms: few.things, hosts: few.places, leaving: undefined, whichever: false, inTheWay: [] };
}

const isUp = (host: HostName, world: World): boolean => {
    const state = world.hosts.get(host)?.state;
    return state !== undefined && counts(state);
};

function alike(by: Expression, world: World): ReadonlyMap<string, readonly VmState[]> {
    const groups = new Map<string, VmState[]>();
    for (const vm of vmsOf(world)) {
        const outcome = evaluate(by, scopeOf(world, { vm }));
        if (!outcome.known) continue;
        const key = valueText(outcome.value, by.type);
        const group = groups.get(key);
        if (group) group.push(vm);
        else groups.set(key, [vm]);
    }
    return groups;
}
