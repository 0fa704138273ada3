/** Gangs (`together by …`) for which there is no room: on any one host, or, where all start or none, anywhere. */
import type { Expression, Policy, SourceRange } from '@mig/language';
import { scopeOf, spelled } from '../decide/attributes.js';
import { attributesIn, evaluate } from '../decide/evaluate.js';
import { valueText } from '../decide/wording.js';
import { isActive, vmsOf, type World } from '../decide/world.js';
import type { HostName } from '../model/inventory.js';
import type { Reason } from '../model/plan.js';
import type { VmState } from '../model/snapshot.js';
import { allowedHosts, excluded, lastingPolicy, memoryKept, type Outlook, wantedVms } from './destinations.js';
import type { Allowance } from './few.js';

export interface Alike {
    /** The value that they share, in words. */
    readonly key: string;
    readonly vms: readonly VmState[];
}

/** VMs of the policy by what they share; for one that is run host by host, those of each host apart. */
export function alikeVms(policy: Policy, by: Expression, outlook: Outlook): readonly Alike[] {
    const { from, limit, until } = policy.selection;
    // One that takes some of its VMs only may well take fewer of them.
    if (limit || until || !attributesIn(by).every((name) => name.entity === 'vm')) return [];
    const found = new Map<string, { readonly key: string; readonly vms: VmState[] }>();
    for (const vm of wantedVms(policy, outlook)) {
        const outcome = evaluate(by, scopeOf(outlook.now, { vm }));
        if (!outcome.known) continue;
        const key = valueText(outcome.value, by.type);
        const place = from.kind === 'bound-host' ? `${vm.host} ${key}` : key;
        const alike = found.get(place);
        if (alike) alike.vms.push(vm);
        else found.set(place, { key, vms: [vm] });
    }
    return [...found.values()];
}

export interface GangTooLarge {
    readonly range: SourceRange;
    readonly by: Expression;
    readonly key: string;
    readonly vms: readonly VmState[];
    /** Memory of all of them. */
    readonly needed: number;
    /** Where any of them may go, with what it would have were it empty, and has now; the one with the most room first. */
    readonly hosts: readonly { readonly host: HostName; readonly room: number; readonly free: number }[];
    readonly why:
        | { readonly kind: 'no one host has room' }
        /** All or none, and however they are spread over the hosts, some have no room. */
        | { readonly kind: 'no room for all' }
        /** All or none, and one of them has no host. */
        | {
              readonly kind: 'one has no host';
              readonly vm: VmState;
              readonly excluded: readonly { readonly host: HostName; readonly because: Reason }[];
          };
}

/** The gangs of a policy for which there is no room, even were every host up and empty. */
export function gangsTooLarge(policy: Policy, outlook: Outlook, allowance: Allowance): readonly GangTooLarge[] {
    const { together } = policy.selection;
    if (!together) return [];
    const { by, allOrNone, range } = together;
    if (!allOrNone && hasRoomForAny(policy, by, outlook)) return [];
    if (!allowance.take(outlook.now.snapshot.vms.length)) return [];
    const lasting = lastingPolicy(policy, 'memory free');
    return alikeVms(policy, by, outlook).flatMap(({ key, vms: all }): readonly GangTooLarge[] => {
        const vms = all.filter(isActive);
        if (vms.length < 2 || !allowance.take(vms.length * outlook.now.hosts.size)) return [];
        const places = new Map(vms.map((vm) => [vm, [...allowedHosts(vm, lasting, outlook)]]));
        const names = new Set([...places.values()].flat());
        const hosts = roomsOf(names, policy, outlook);
        // How large a host is that does not answer is not known.
        if (!hosts) return [];
        const needed = vms.reduce((sum, vm) => sum + vm.memory, 0);
        const why = whyNot({ vms, places, hosts, needed, allOrNone }, lasting, outlook);
        return why ? [{ range, by, key, vms, needed, hosts, why }] : [];
    });
}

/** Whether the largest gang has room on the smallest host; asked once of each policy, which in an editor mostly stand unchanged. */
function hasRoomForAny(policy: Policy, by: Expression, outlook: Outlook): boolean {
    let known = roomy.get(outlook);
    if (!known) roomy.set(outlook, (known = new WeakMap<Policy, boolean>()));
    let has = known.get(policy);
    if (has === undefined) known.set(policy, (has = largestGang(policy, by, outlook) <= leastRoom(policy, outlook)));
    return has;
}

const roomy = new WeakMap<Outlook, WeakMap<Policy, boolean>>();

/** Memory of the largest gang that there could be, whichever VMs the policy takes. */
const largestGang = ({ selection: { from } }: Policy, by: Expression, { now }: Outlook): number =>
    greatest(by, from.kind === 'bound-host', 'memory', now);

/** The most VMs of a gang that there could be, over all hosts or on one of them, whichever VMs the policy takes. */
export const widestGang = (by: Expression, where: 'in all' | 'on a host', { now }: Outlook): number =>
    greatest(by, where === 'on a host', 'count', now);

/** Asked of the same VMs again and again. */
function greatest(by: Expression, byHost: boolean, of: 'memory' | 'count', now: World): number {
    if (by.kind !== 'attribute' || by.entity !== 'vm') return Infinity;
    const key = `${of} ${byHost} ${spelled(by)}`;
    const known = greatestIn.get(now) ?? new Map<string, number>();
    greatestIn.set(now, known);
    let most = known.get(key);
    if (most === undefined) {
        const sums = new Map<string, number>();
        for (const vm of vmsOf(now)) {
            const outcome = evaluate(by, scopeOf(now, { vm }));
            if (!outcome.known || !isActive(vm)) continue;
            const gang = `${byHost ? vm.host : ''} ${JSON.stringify(outcome.value)}`;
            sums.set(gang, (sums.get(gang) ?? 0) + (of === 'memory' ? vm.memory : 1));
        }
        most = Math.max(0, ...sums.values());
        known.set(key, most);
    }
    return most;
}

const greatestIn = new WeakMap<World, Map<string, number>>();

/** What the smallest host would have to give. */
function leastRoom(policy: Policy, { cleared }: Outlook): number {
    return Math.min(...Array.from(cleared.hosts.values(), ({ state }) => state.memoryFree - memoryKept(policy, state)));
}

interface Gang extends Pick<GangTooLarge, 'vms' | 'hosts' | 'needed'> {
    readonly places: ReadonlyMap<VmState, readonly HostName[]>;
    readonly allOrNone: boolean;
}

function whyNot(gang: Gang, lasting: Policy, outlook: Outlook): GangTooLarge['why'] | undefined {
    const { vms, places, hosts, needed, allOrNone } = gang;
    const stuck = vms.find((vm) => places.get(vm)?.length === 0);
    if (stuck && allOrNone) {
        const against = [...outlook.now.hosts.keys()].flatMap((host) => {
            const because = host === stuck.host ? undefined : excluded(stuck, host, lasting, outlook);
            return because ? [{ host, because }] : [];
        });
        return { kind: 'one has no host', vm: stuck, excluded: against };
    }
    // A VM that no host takes in any case is not kept from one by its gang.
    if (stuck) return undefined;
    if (allOrNone && !canBeSpread(gang)) return { kind: 'no room for all' };
    return needed > (hosts[0]?.room ?? 0) ? { kind: 'no one host has room' } : undefined;
}

function roomsOf(names: ReadonlySet<HostName>, policy: Policy, { now, cleared }: Outlook): GangTooLarge['hosts'] | undefined {
    const hosts = [...names].flatMap((host) => {
        const [state, empty] = [now.hosts.get(host)?.state, cleared.hosts.get(host)?.state];
        if (!state || !empty || state.unreachable !== undefined) return [];
        return [{ host, room: Math.max(0, empty.memoryFree - memoryKept(policy, empty)), free: state.memoryFree }];
    });
    return hosts.length < names.size ? undefined : hosts.sort((a, b) => b.room - a.room);
}

/** Ways of spreading that are tried at the most: beyond it they count as able to be spread. */
const mostTried = 2_000;

/** Whether all VMs have room at once, each on a host on which it may be. The larger ones are placed first. */
function canBeSpread({ vms, places, hosts, needed }: Gang): boolean {
    if (needed > hosts.reduce((sum, { room }) => sum + room, 0)) return false;
    const bySize = [...vms].sort((a, b) => b.memory - a.memory);
    const left = new Map(hosts.map(({ host, room }) => [host, room]));
    let tried = 0;
    const spread = (nth: number): boolean => {
        const vm = bySize[nth];
        if (!vm || ++tried > mostTried) return true;
        const rooms = new Set<number>();
        return (places.get(vm) ?? []).some((host) => {
            const room = left.get(host) ?? 0;
            if (room < vm.memory) return false;
            // Of hosts with the same room one will do for VMs that may be on all of them.
            const same = rooms.has(room) && bySize.slice(nth).every((other) => places.get(other)?.length === hosts.length);
            if (same) return false;
            rooms.add(room);
            left.set(host, room - vm.memory);
            const fits = spread(nth + 1);
            left.set(host, room);
            return fits;
        });
    };
    return spread(0);
}
