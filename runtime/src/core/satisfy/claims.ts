/** VMs that two policies of equal priority take at the same time: which of them has it is left to the order of the file. */
import type { EpochMs, Policy, Program } from '@mig/language';
import { select } from '../decide/select.js';
import { type Fired, triggered } from '../decide/trigger.js';
import { type World, worldOf } from '../decide/world.js';
import type { HostName } from '../model/inventory.js';
import type { Snapshot, VmState, VmUuid } from '../model/snapshot.js';
import { empties } from './destinations.js';
import type { Allowance } from './few.js';
import { conditionsOf, schedulesOf, timesOf } from './triggers.js';

export interface Claim {
    readonly vm: VmState;
    /** In the order of the file: the one that has it, and the one that does not. */
    readonly first: Policy;
    readonly other: Policy;
    readonly moment: Moment;
}

/** When both run. */
export type Moment =
    | { readonly kind: 'now' }
    | { readonly kind: 'at'; readonly at: EpochMs }
    /** Were this host in maintenance. */
    | { readonly kind: 'maintenance'; readonly host: HostName };

export interface Claims {
    readonly found: readonly Claim[];
    /** Policies that were not looked at, at one time or another. */
    readonly left: readonly Policy[];
}

/**
 * Each pair of policies at most once, with the first VM. Triggers are judged as they stand: now; at the next times of
 * policies that run by the clock alone; and with a host in maintenance, where none is and policies would empty it.
 */
export function claims(program: Program, snapshot: Snapshot, allowance: Allowance): Claims {
    const triggeredOnes = program.policies.filter((policy) => policy.trigger);
    const priorities = triggeredOnes.map((policy) => policy.priority);
    if (new Set(priorities).size === priorities.length) return { found: [], left: [] };
    const left = new Set<Policy>();
    const found = new Map<string, Claim>();
    for (const trial of moments(triggeredOnes, snapshot)) {
        for (const claim of claimsAt(program, trial, allowance, left)) {
            const pair = `${claim.first.name} ${claim.other.name}`;
            if (!found.has(pair)) found.set(pair, claim);
        }
    }
    return { found: [...found.values()], left: program.policies.filter((policy) => left.has(policy)) };
}

interface Trial {
    readonly policies: readonly Policy[];
    readonly world: World;
    readonly moment: Moment;
}

/** Times of the clock that are gone through, over all policies. */
const mostTimes = 6;

function moments(policies: readonly Policy[], snapshot: Snapshot): readonly Trial[] {
    const byClock = policies.filter(({ trigger }) => trigger && conditionsOf(trigger).length === 0);
    const times =
        byClock.length < 2
            ? []
            : byClock
                  .flatMap(({ trigger }) => (trigger ? schedulesOf(trigger) : []).slice(0, 1))
                  .slice(0, mostTimes)
                  .flatMap((schedule) => timesOf(schedule, snapshot.timeZone, snapshot.takenAt).slice(0, 1));
    const emptying = policies.filter(empties);
    const source = snapshot.hosts.some((host) => host.maintenance) || emptying.length < 2 ? undefined : snapshot.vms[0]?.host;
    const trials: readonly Omit<Trial, 'world'>[] = [
        { policies, moment: { kind: 'now' } },
        ...times.map((at) => ({ policies: byClock, moment: { kind: 'at', at } }) as const),
        ...(source === undefined ? [] : [{ policies: emptying, moment: { kind: 'maintenance', host: source } } as const]),
    ];
    return trials.map((trial) => ({ ...trial, world: worldAt(trial.moment, snapshot) }));
}

/** The world at a moment, made once for a snapshot. A cooldown only puts off when policies meet. */
function worldAt(moment: Moment, snapshot: Snapshot): World {
    const known = worldsOf.get(snapshot) ?? new Map<string, World>();
    worldsOf.set(snapshot, known);
    const key = JSON.stringify(moment);
    let world = known.get(key);
    if (!world) {
        const takenAt = moment.kind === 'at' ? moment.at : snapshot.takenAt;
        const isLeft = (host: HostName): boolean => moment.kind === 'maintenance' && host === moment.host;
        const hosts = snapshot.hosts.map((host) => (isLeft(host.name) ? { ...host, maintenance: true } : host));
        known.set(key, (world = worldOf({ ...snapshot, policies: [], takenAt, hosts })));
    }
    return world;
}

const worldsOf = new WeakMap<Snapshot, Map<string, World>>();

/** Where a policy runs, found once for as long as it and the world are the same objects. */
function firedOf(policy: Policy, program: Program, world: World): readonly Fired[] {
    const known = firedIn.get(world) ?? new WeakMap<Policy, readonly Fired[]>();
    firedIn.set(world, known);
    let fired = known.get(policy);
    if (!fired) known.set(policy, (fired = triggered({ ...program, policies: [policy] }, world, { now: world.snapshot.takenAt }).fired));
    return fired;
}

const firedIn = new WeakMap<World, WeakMap<Policy, readonly Fired[]>>();

/** What a policy takes, found once for as long as it and the world are the same objects. */
function taken(one: Fired, world: World): readonly VmState[] {
    const known = takenIn.get(world) ?? new WeakMap<Policy, Map<string, readonly VmState[]>>();
    takenIn.set(world, known);
    const byBound = known.get(one.policy) ?? new Map<string, readonly VmState[]>();
    known.set(one.policy, byBound);
    const bound = `${one.host ?? ''} ${one.vm?.uuid ?? ''}`;
    let vms = byBound.get(bound);
    if (!vms) byBound.set(bound, (vms = select(one, world, new Map()).candidates.map(({ vm }) => vm)));
    return vms;
}

const takenIn = new WeakMap<World, WeakMap<Policy, Map<string, readonly VmState[]>>>();

function* claimsAt(program: Program, { policies, world, moment }: Trial, allowance: Allowance, left: Set<Policy>): Generator<Claim, void> {
    const on = world.snapshot;
    if (!allowance.take(policies.length)) {
        for (const policy of policies) left.add(policy);
        return;
    }
    const fired = policies.flatMap((policy) => firedOf(policy, program, world));
    const owners = new Map<VmUuid, Policy>();
    for (const one of fired) {
        if (!allowance.take(on.vms.length)) {
            left.add(one.policy);
            continue;
        }
        for (const vm of taken(one, world)) {
            const owner = owners.get(vm.uuid);
            // One that comes before both by its priority settles it.
            if (!owner) owners.set(vm.uuid, one.policy);
            else if (owner !== one.policy && owner.priority === one.policy.priority) yield { vm, first: owner, other: one.policy, moment };
        }
    }
}
