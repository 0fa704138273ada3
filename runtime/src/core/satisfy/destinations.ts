/**
 * Which hosts could ever take a VM that a policy moves: by what lasts, with every host up, answering and empty. What comes
 * and goes (load, maintenance, where other VMs are) speaks for a host here, so that "none" is a strong word.
 */
import { bytes, type Expression, type Policy } from '@mig/language';
import { scopeOf } from '../decide/attributes.js';
import { exclusion, type Pending } from '../decide/constraints.js';
import { attributesIn, holds } from '../decide/evaluate.js';
import { refusal } from '../decide/preflight.js';
import { isFalse, isTrue } from '../decide/truth.js';
import { loaded, type World, worldOf } from '../decide/world.js';
import type { HostName } from '../model/inventory.js';
import type { Reason } from '../model/plan.js';
import type { HostState, Snapshot, VmState } from '../model/snapshot.js';
import { conditionsOf, ripe } from './triggers.js';

/** A Snapshot as it is, and as it would be with nothing in the way. */
export interface Outlook {
    readonly now: World;
    /** Every host up and empty. VMs stand nowhere; a question names the one that it is about. */
    readonly cleared: World;
}

export function outlookOf(snapshot: Snapshot): Outlook {
    let outlook = outlooks.get(snapshot);
    if (!outlook) {
        const now = worldOf(snapshot);
        const hosts = [...now.hosts].map(([name, { state, vms }]) => [name, { state: cleared(state, vms), vms: [] }] as const);
        outlook = { now, cleared: { snapshot, hosts: new Map(hosts) } };
        outlooks.set(snapshot, outlook);
    }
    return outlook;
}

const outlooks = new WeakMap<Snapshot, Outlook>();

function cleared(state: HostState, vms: readonly VmState[]): HostState {
    const empty = vms.reduce((host, vm) => loaded(host, vm, -1), state);
    return { ...empty, maintenance: false, failing: undefined, memoryFree: bytes(Math.min(empty.memoryFree, state.memory)) };
}

/** The policy with those constraints only that are the same whatever moves: of hosts, networks and CPUs, and of sizes. */
export function lastingPolicy(policy: Policy, keeping: 'nothing free' | 'memory free' = 'nothing free'): Policy {
    const plain = ripe(policy);
    const { destination } = plain;
    const where = destination.where.flatMap(conjuncts).filter(isLasting);
    const keepFree = keeping === 'nothing free' ? [] : destination.keepFree.filter((keep) => keep.resource === 'memory');
    return { ...plain, destination: { ...destination, where, keepFree, apart: [], with: [] } };
}

/** Why a host could never take the VM; undefined where it might. */
export function excluded(vm: VmState, destination: HostName, lasting: Policy, outlook: Outlook): Reason | undefined {
    if (mayTake(vm, destination, lasting, outlook)) return undefined;
    return exclusion({ policy: lasting, vm, destination, world: outlook.cleared, pending: everyone });
}

/** The same without a reason: words cost more than the answer, and most answers need none. */
export function mayTake(vm: VmState, destination: HostName, lasting: Policy, outlook: Outlook): boolean {
    const there = outlook.now.hosts.get(destination)?.state;
    // Of a host that does not answer, too little is known.
    if (there?.unreachable !== undefined) return true;
    if (destination === vm.host) return false;
    const { where, networks } = lasting.destination;
    const scope = scopeOf(outlook.cleared, { vm, host: destination, source: vm.host });
    if (!where.every((one) => isTrue(holds(one, scope)))) return false;
    // Nothing is known of the networks of a host that names none.
    const named = there?.networks.length === 0 ? [] : networks;
    const rest: Policy = { ...lasting, destination: { ...lasting.destination, where: [], networks: named } };
    return exclusion({ policy: rest, vm, destination, world: outlook.cleared, pending: everyone }) === undefined;
}

/** Hosts that might take the VM, in the order of names. */
export function* allowedHosts(vm: VmState, lasting: Policy, outlook: Outlook): Generator<HostName, void> {
    for (const host of outlook.now.hosts.keys()) if (mayTake(vm, host, lasting, outlook)) yield host;
}

/** Every VM counts as still to be placed. */
const everyone: Pending = { has: () => true };

/**
 * VMs that a policy would take, whatever its trigger says now, each on a host from which it may: one by one, so that who
 * asks for the first pays for the first.
 */
export function* wantedVms(policy: Policy, outlook: Outlook): Generator<VmState, void> {
    for (const host of outlook.now.hosts.keys()) yield* wantedOf(host, policy, outlook);
}

/** Those of one host. */
export function* wantedOf(host: HostName, policy: Policy, outlook: Outlook): Generator<VmState, void> {
    const plain = ripe(policy);
    const { from, where, except } = plain.selection;
    if (!mayLeave(host, plain, outlook.now)) return;
    for (const vm of outlook.now.hosts.get(host)?.vms ?? []) {
        if ((from.kind === 'named-vms' && !from.vms.includes(vm.name)) || refusal(vm, policy.technique) !== undefined) continue;
        const scope = scopeOf(outlook.now, { vm });
        if (where.every((one) => isTrue(holds(one, scope))) && except.every((one) => isFalse(holds(one, scope)))) yield vm;
    }
}

/** Whether each VM that it takes has to leave its host: the policy empties the hosts that its trigger names. */
export function empties({ trigger, selection }: Policy): boolean {
    const { from, limit, until } = selection;
    if (from.kind !== 'bound-host' || limit || until || !trigger) return false;
    return conditionsOf(trigger).some(({ condition }) =>
        attributesIn(condition).some(
            ({ entity, attribute }) => entity === 'host' && (attribute === 'maintenance' || attribute === 'failing'),
        ),
    );
}

/** Memory that the policy keeps free on a host; huge pages are a store of their own. */
export function memoryKept({ destination }: Policy, host: HostState): number {
    const amounts = destination.keepFree.filter((keep) => keep.resource === 'memory' && !keep.hugepages).map(({ amount }) => amount);
    return Math.max(0, ...amounts.map((amount) => (amount.kind === 'share' ? amount.share * host.memory : amount.bytes)));
}

/** Whether a host counts as capacity: those that are being emptied, failing or silent do not. */
export function counts(host: HostState): boolean {
    return host.unreachable === undefined && !host.maintenance && host.failing !== true;
}

function mayLeave(host: HostName, { trigger, selection: { from } }: Policy, world: World): boolean {
    if (world.hosts.get(host)?.state.unreachable !== undefined) return false;
    switch (from.kind) {
        case 'all':
        case 'named-vms':
        case 'bound-vm':
            return true;
        case 'named-host':
            return from.host === host;
        case 'hosts':
            return !from.where || isTrue(holds(from.where, scopeOf(world, { host })));
        case 'bound-host': {
            // A load may come; a host of another zone does not become one of this.
            const only = trigger?.kind === 'condition' ? conjuncts(trigger.condition).filter(isLasting) : [];
            return only.every((one) => !isFalse(holds(one, scopeOf(world, { host }))));
        }
    }
}

/** Conditions that are joined by `and`. */
export function conjuncts(of: Expression): readonly Expression[] {
    return of.kind === 'binary' && of.operator === 'and' ? [...conjuncts(of.left), ...conjuncts(of.right)] : [of];
}

/** Whether the condition comes out the same however VMs move, and whatever they do. */
export function isLasting(of: Expression): boolean {
    if (readsMetric(of)) return false;
    return attributesIn(of).every(({ entity, attribute }) => {
        if (entity === 'vm') return lastingOfVms.has(attribute);
        return (entity === 'host' || entity === 'source') && lastingOfHosts.has(attribute);
    });
}

const lastingOfHosts: ReadonlySet<string> = new Set(['name', 'zone', 'rack', 'tags', 'tag', 'cpus', 'memory', 'libvirt', 'qemu']);
const lastingOfVms: ReadonlySet<string> = new Set(['name', 'uuid', 'memory', 'vcpus', 'tags', 'tag']);

function readsMetric(of: Expression): boolean {
    switch (of.kind) {
        case 'metric':
            return true;
        case 'literal':
        case 'attribute':
            return false;
        case 'not':
        case 'negate':
            return readsMetric(of.operand);
        case 'held':
            return readsMetric(of.condition);
        case 'binary':
            return readsMetric(of.left) || readsMetric(of.right);
    }
}
