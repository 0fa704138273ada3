/**
 * Pairs of policies of which one moves a VM back where the other took it from. Nothing is reasoned about: the decisions
 * themselves are asked (trigger, selection, placement), first of the one policy, then of the other on what its moves lead
 * to. They are asked on the hosts as they were seen, and on small clusters of the inventory's hosts with loads that bring
 * policies about which rest now.
 *
 * What bounds the time: each policy is planned once on each cluster, with its first few VMs; the other is asked only of
 * the VMs that were moved; and there is an allowance of steps.
 */
import type { Policy, Program } from '@mig/language';
import { scopeOf } from '../decide/attributes.js';
import { holds } from '../decide/evaluate.js';
import { type Partial, PlacementProblem } from '../decide/placement.js';
import { refusal } from '../decide/preflight.js';
import { searchPlacement } from '../decide/search.js';
import { type Candidate, mostToTake, select } from '../decide/select.js';
import { type Fired, triggered } from '../decide/trigger.js';
import { isFalse, isTrue } from '../decide/truth.js';
import { type World, worldOf } from '../decide/world.js';
import type { HostName, Inventory } from '../model/inventory.js';
import type { HostState, Snapshot, VmState, VmUuid } from '../model/snapshot.js';
import { conjuncts } from './destinations.js';
import { Allowance } from './few.js';
import { mayCoincide, ripe } from './triggers.js';
import { layouts, trial } from './worlds.js';

export interface Undoing {
    readonly first: Policy;
    readonly then: Policy;
    readonly vm: VmState;
    /** From here by the first, and back by the other. */
    readonly from: HostName;
    readonly to: HostName;
    readonly on: Ground;
    /** All that the first moves, in its trial, before the other is asked. */
    readonly moves: readonly { readonly vm: VmState; readonly to: HostName }[];
}

/** Hosts and VMs on which policies are tried. */
export interface Ground {
    readonly snapshot: Snapshot;
    /** Of a trial: what it is like. Undefined: the hosts as they were seen. */
    readonly layout: string | undefined;
}

export interface Undoings {
    readonly found: readonly Undoing[];
    /** Policies that were not tried on one ground or another. */
    readonly left: readonly Policy[];
}

export function undoings(program: Program, inventory: Inventory, snapshot: Snapshot | undefined): Undoings {
    // What runs on demand only undoes nothing by itself, though it may be undone.
    if (program.policies.length < 2 || program.policies.every((policy) => !policy.trigger)) return { found: [], left: [] };
    const left = new Set<Policy>();
    const found: Undoing[] = [];
    const told = new Set<string>();
    for (const ground of groundsOf(program, inventory, snapshot)) {
        for (const one of onGround(program, ground, new Allowance(mostSteps), left)) {
            const pair = [one.first.name, one.then.name].sort().join(' ');
            if (!told.has(pair)) found.push(one);
            told.add(pair);
        }
    }
    return { found, left: program.policies.filter((policy) => left.has(policy)) };
}

/** On each ground. One step is one VM judged, or one host tried for one VM: some ten microseconds. */
const mostSteps = 1_200;
/** Of those that may do anything there: the first, by priority. */
const policiesTried = 100;
/** VMs that a policy is let move for a trial: the first in its own order. */
const vmsTried = 3;
/** Hosts or VMs for which one policy is tried. */
const instancesTried = 2;
/** Of the hosts that were seen. An even number. */
const hostsSeen = 4;
/** Hosts of a trial cluster. */
const hostsTried = 3;

function groundsOf(program: Program, inventory: Inventory, snapshot: Snapshot | undefined): readonly Ground[] {
    const tags: Record<string, string> = {};
    for (const { of, name } of program.mentions) {
        const [key = '', value = ''] = name.split('=');
        if (of === 'tag') tags[key] = value;
    }
    const trials = layouts.map((layout) => ({ snapshot: trial(inventory, layout, hostsTried, tags), layout: layout.name }));
    const seen = snapshot && snapshot.vms.length > 0 ? [{ snapshot: extremes(snapshot), layout: undefined }] : [];
    return [...seen, ...trials].filter((ground) => ground.snapshot.hosts.length > 1);
}

/** Those of a large cluster that are most, and least, in use: they are what policies by load act on. */
function extremes(snapshot: Snapshot): Snapshot {
    const up = snapshot.hosts.filter((host) => host.unreachable === undefined);
    const load = (host: HostState): number => Math.max(host.cpuUsed ?? 0, 1 - host.memoryFree / host.memory);
    const byLoad = [...up].sort((a, b) => load(b) - load(a));
    const hosts = byLoad.length <= hostsSeen ? byLoad : [...byLoad.slice(0, hostsSeen / 2), ...byLoad.slice(-hostsSeen / 2)];
    const names = new Set(hosts.map((host) => host.name));
    return { ...snapshot, policies: [], hosts, vms: snapshot.vms.filter((vm) => names.has(vm.host)) };
}

function* onGround(program: Program, ground: Ground, allowance: Allowance, left: Set<Policy>): Generator<Undoing, void> {
    const start = worldOf(ground.snapshot);
    const able = program.policies.filter((policy) => !rests(policy, ground.snapshot));
    for (const policy of able.slice(policiesTried)) left.add(policy);
    const policies = able.slice(0, policiesTried).map((policy) => ({ policy, plain: ripe(policy) }));
    for (const first of policies) {
        const moved = planned(program, first.plain, start, allowance);
        if (allowance.short) left.add(first.policy);
        if (!moved) continue;
        for (const then of policies) {
            if (then.policy === first.policy || !then.policy.trigger) continue;
            if (
                first.policy.trigger &&
                !mayCoincide(first.policy.trigger, then.policy.trigger, ground.snapshot.timeZone, ground.snapshot.takenAt)
            )
                continue;
            const back = returned(program, then.plain, moved, allowance);
            if (allowance.short) left.add(first.policy);
            if (back) yield { first: first.policy, then: then.policy, ...back, on: ground, moves: moved.moves };
        }
    }
}

/** Whether the policy waits for a host in maintenance, or for one that fails, and there is none: moves of others bring none about. */
function rests({ trigger }: Policy, { hosts }: Snapshot): boolean {
    if (trigger?.kind !== 'condition') return false;
    const states = new Set(
        conjuncts(trigger.condition).flatMap((one) => (one.kind === 'attribute' && one.entity === 'host' ? [one.attribute] : [])),
    );
    if (states.has('maintenance') && !hosts.some((host) => host.maintenance)) return true;
    return states.has('failing') && !hosts.some((host) => host.failing === true);
}

interface Moved {
    readonly moves: readonly { readonly vm: VmState; readonly to: HostName }[];
    readonly world: World;
}

/** What a policy does with its first few VMs; undefined where it moves none. */
function planned(program: Program, policy: Policy, start: World, allowance: Allowance): Moved | undefined {
    let world = start;
    const moves: { readonly vm: VmState; readonly to: HostName }[] = [];
    if (!allowance.take(1)) return undefined;
    for (const fired of firedNow(program, policy, start).slice(0, instancesTried)) {
        if (!allowance.take(start.snapshot.vms.length + 3 * vmsTried * start.hosts.size)) return undefined;
        const { candidates } = select(fired, world, new Map());
        const movable = candidates.filter(({ vm }) => refusal(vm, fired.policy.technique) === undefined);
        const placed = placement(fired, movable.slice(0, vmsTried), movable.length, world);
        world = placed.world;
        for (const { candidate, destination } of placed.placements) moves.push({ vm: candidate.vm, to: destination });
    }
    return moves.length === 0 ? undefined : { moves, world };
}

/** A VM that the policy moves back, of those that were moved. */
function returned(program: Program, policy: Policy, moved: Moved, allowance: Allowance): Pick<Undoing, 'vm' | 'from' | 'to'> | undefined {
    const { world, moves } = moved;
    if (!allowance.take(1)) return undefined;
    const all = firedNow(program, policy, world);
    for (const fired of all) {
        const taken = takes(fired, moves, world, allowance);
        if (taken.length === 0) continue;
        if (!allowance.take(3 * taken.length * world.hosts.size)) return undefined;
        const placed = placement(fired, taken, taken.length, world);
        for (const { candidate, destination } of placed.placements) {
            const move = moves.find(({ vm }) => vm.uuid === candidate.vm.uuid);
            if (
                move &&
                move.vm.host === destination &&
                move.to === candidate.vm.host &&
                isSo(all, candidate.vm, destination, world, allowance)
            )
                return { vm: move.vm, from: move.vm.host, to: move.to };
        }
    }
    return undefined;
}

/** Whether the VM goes there also when all that the policy moves is planned, one instance of it after the other. */
function isSo(all: readonly Fired[], vm: VmState, destination: HostName, start: World, allowance: Allowance): boolean {
    let world = start;
    const owners = new Map<VmUuid, string>();
    for (const fired of all) {
        if (!allowance.take(start.snapshot.vms.length)) return false;
        const movable = select(fired, world, owners).candidates.filter(
            (candidate) => refusal(candidate.vm, fired.policy.technique) === undefined,
        );
        if (!allowance.take(movable.length * world.hosts.size)) return false;
        const { placements, world: next } = placement(fired, movable, movable.length, world);
        const own = placements.find((one) => one.candidate.vm.uuid === vm.uuid);
        if (own) return own.destination === destination;
        for (const { candidate } of placements) owners.set(candidate.vm.uuid, fired.policy.name);
        world = next;
    }
    return false;
}

/** Which of the VMs that were moved the policy would take; where it takes only so many, those that come first. */
function takes(fired: Fired, moves: Moved['moves'], world: World, allowance: Allowance): readonly Candidate[] {
    const uuids = new Set(moves.map(({ vm }) => vm.uuid));
    if (fired.policy.selection.limit) {
        if (!allowance.take(world.snapshot.vms.length)) return [];
        const { candidates } = select(fired, world, new Map());
        return candidates.slice(0, mostToTake(fired.policy, candidates.length)).filter((candidate) => uuids.has(candidate.vm.uuid));
    }
    return moves.flatMap(({ vm, to }): readonly Candidate[] => {
        const there = world.hosts.get(to)?.vms.find((other) => other.uuid === vm.uuid);
        return there && takesVm(fired, there, world) ? [{ vm: there, because: [], gang: undefined }] : [];
    });
}

/** As `select` does, of a single VM. */
function takesVm({ policy, host, vm: bound }: Fired, vm: VmState, world: World): boolean {
    const { from, where, except } = policy.selection;
    const scope = scopeOf(world, { vm });
    const isThere = {
        'bound-host': () => vm.host === host,
        'bound-vm': () => vm.uuid === bound?.uuid,
        all: () => true,
        hosts: () => from.kind === 'hosts' && (!from.where || isTrue(holds(from.where, scopeOf(world, { host: vm.host })))),
        'named-host': () => from.kind === 'named-host' && from.host === vm.host,
        'named-vms': () => from.kind === 'named-vms' && from.vms.includes(vm.name),
    }[from.kind]();
    if (!isThere || refusal(vm, policy.technique) !== undefined) return false;
    return where.every((one) => isTrue(holds(one, scope))) && except.every((one) => isFalse(holds(one, scope)));
}

/** Instances of the policy that its trigger, or a person, would start. */
function firedNow(program: Program, policy: Policy, world: World): readonly Fired[] {
    const demand = policy.trigger ? {} : { policy: policy.name };
    return triggered({ ...program, policies: [policy] }, world, { now: world.snapshot.takenAt, ...demand }).fired;
}

/** As `place` does (decide/place.ts), without the reasons, which cost more than the decision. `of`: how many could be taken. */
function placement(fired: Fired, candidates: readonly Candidate[], of: number, world: World): Partial {
    return searchPlacement(new PlacementProblem(fired, candidates, world, [], mostToTake(fired.policy, of)), candidates, world);
}
