/** VMs that a policy moves and no host could ever take. */
import type { Expression, Policy } from '@mig/language';
import { scopeOf } from '../decide/attributes.js';
import { attributesIn, holds } from '../decide/evaluate.js';
import { isTrue } from '../decide/truth.js';
import { verdictText } from '../decide/wording.js';
import type { World } from '../decide/world.js';
import type { HostName, Inventory } from '../model/inventory.js';
import type { Reason } from '../model/plan.js';
import type { VmState } from '../model/snapshot.js';
import { conjuncts, empties, excluded, lastingPolicy, mayTake, type Outlook, outlookOf, wantedOf } from './destinations.js';
import type { Allowance } from './few.js';
import { inventorySnapshot } from './worlds.js';

export interface Stranded {
    /** The first VM for which it is so. */
    readonly vm: VmState;
    /** Hosts none of whose VMs can go anywhere. */
    readonly sources: readonly HostName[];
    /** Whether it is so of every VM that the policy moves. */
    readonly all: boolean;
    readonly excluded: readonly { readonly host: HostName; readonly because: Reason }[];
}

/**
 * Undefined where at least one VM could go somewhere; for a policy that empties hosts, where one of each host could.
 * Ends at the first such VM, so that it is the rare policy that is stranded which costs time.
 */
export function strandedVms(policy: Policy, outlook: Outlook, allowance: Allowance): Stranded | undefined {
    const lasting = lastingPolicy(policy);
    const hosts = [...outlook.now.hosts.keys()];
    const everyHost = empties(policy);
    const free = new Set<HostName>();
    const stuck = new Map<HostName, VmState>();
    for (const source of hosts) {
        for (const vm of wantedOf(source, policy, outlook)) {
            if (!allowance.take(hosts.length)) return undefined;
            if (!hosts.some((host) => mayTake(vm, host, lasting, outlook))) {
                if (!stuck.has(source)) stuck.set(source, vm);
                continue;
            }
            if (!everyHost) return undefined;
            free.add(source);
            stuck.delete(source);
            break;
        }
    }
    // Where all is brought to one host, that one is not meant to be emptied by the same policy.
    if (free.size > 0) for (const host of namedBy(policy)) stuck.delete(host);
    const [vm] = stuck.values();
    if (!vm) return undefined;
    const reasons = hosts.flatMap((host) => {
        const because = host === vm.host ? undefined : excluded(vm, host, lasting, outlook);
        return because ? [{ host, because }] : [];
    });
    // Where no clause of the policy has a part in it, it is a matter of the VM and the hosts (MIG4xx).
    if (!reasons.some(({ because }) => because.range)) return undefined;
    return { vm, sources: [...stuck.keys()], all: free.size === 0, excluded: reasons };
}

/** Hosts that a policy names as its destination: `to host "spare"`. */
function namedBy({ destination }: Policy): readonly HostName[] {
    return destination.where.flatMap(conjuncts).flatMap((of) => {
        if (of.kind !== 'binary' || of.operator !== '==') return [];
        const { left, right } = of;
        const isName = left.kind === 'attribute' && left.entity === 'host' && left.attribute === 'name';
        return isName && right.kind === 'literal' && typeof right.value === 'string' ? [right.value] : [];
    });
}

/** Why each host of the inventory is none to go to, by constraints that speak of places alone; undefined where one may be. */
export function closedPlaces(policy: Policy, inventory: Inventory): Stranded['excluded'] | undefined {
    let known = placesKnown.get(inventory);
    if (!known) placesKnown.set(inventory, (known = new WeakMap<Policy, Closed>()));
    let closed = known.get(policy);
    if (!closed) known.set(policy, (closed = { places: lookForClosedPlaces(policy, inventory) }));
    return closed.places;
}

interface Closed {
    readonly places: Stranded['excluded'] | undefined;
}

/** In an editor most policies stand unchanged. */
const placesKnown = new WeakMap<Inventory, WeakMap<Policy, Closed>>();

function lookForClosedPlaces(policy: Policy, inventory: Inventory): Stranded['excluded'] | undefined {
    const constraints = policy.destination.where
        .flatMap(conjuncts)
        .filter((where) => attributesIn(where).every(({ entity, attribute }) => entity === 'host' && ofPlace.has(attribute)));
    if (constraints.length === 0) return undefined;
    const { now: world } = outlookOf(inventorySnapshot(inventory));
    const closed = (host: HostName) => constraints.find((where) => !isTrue(holds(where, scopeOf(world, { host }))));
    const left = onlySource(policy, inventory, world);
    // Mostly the first few hosts show that some are open: only where none is, reasons are asked for.
    if (inventory.hosts.some(({ name }) => name !== left && !closed(name))) return undefined;
    const all = inventory.hosts.flatMap(({ name }) => {
        if (name === left && !closed(name)) return [{ host: name, because: { text: 'it is the host that is left' } }];
        const scope = scopeOf(world, { host: name });
        const against = closed(name);
        return against ? [{ host: name, because: { text: verdictText(against, holds(against, scope), scope), range: against.range } }] : [];
    });
    return all.length === 0 ? undefined : all;
}

/** The host that all VMs of the policy leave, where places alone tell that there is one only. */
function onlySource({ selection: { from } }: Policy, { hosts }: Inventory, world: World): HostName | undefined {
    if (from.kind === 'named-host') return from.host;
    const where = from.kind === 'hosts' ? from.where : undefined;
    if (!where) return undefined;
    const byPlace = conjuncts(where).filter(isOfPlace);
    const sources = hosts.filter(({ name }) => byPlace.every((one) => isTrue(holds(one, scopeOf(world, { host: name })))));
    return byPlace.length > 0 && sources.length === 1 ? sources[0]?.name : undefined;
}

/** Whether it speaks of where a host is and what it is called, and of nothing else. */
function isOfPlace(condition: Expression): boolean {
    const read = attributesIn(condition);
    return read.length > 0 && read.every(({ entity, attribute }) => entity === 'host' && ofPlace.has(attribute));
}

const ofPlace: ReadonlySet<string> = new Set(['name', 'zone', 'rack', 'tag', 'tags']);
