import { type EpochMs, formatQuantity, type Policy, type Program, type Trigger } from '@mig/language';
import type { HostName } from '../model/inventory.js';
import type { Reason } from '../model/plan.js';
import type { PolicyState, VmState } from '../model/snapshot.js';
import { type Scope, scopeOf } from './attributes.js';
import { holds } from './evaluate.js';
import { type Excepted, scheduleHolds } from './schedule.js';
import { allOf, anyOf, isFalse, isTrue, known, notOf, type Truth } from './truth.js';
import { verdictText, wordsOf } from './wording.js';
import { vmsOf, type World } from './world.js';

/** A policy that runs, with what its trigger bound. */
export interface Fired {
    readonly policy: Policy;
    readonly host: HostName | undefined;
    readonly vm: VmState | undefined;
    readonly because: readonly Reason[];
}

/** A policy, or an instance of it, that does not run, and why. */
export interface HeldBack {
    readonly policy: string;
    /** The host or VM. */
    readonly bound: string | undefined;
    readonly because: Reason;
    /** Whether it might have fired, had everything been known. */
    readonly unknown: boolean;
}

export interface Demand {
    readonly now: EpochMs;
    /** Only this policy, whatever its trigger and its cooldown. */
    readonly policy?: string | undefined;
    /** The host that a policy run on demand is bound to. */
    readonly host?: HostName | undefined;
}

export interface Triggered {
    readonly fired: readonly Fired[];
    readonly heldBack: readonly HeldBack[];
    /** What has to be remembered of policies for the next time: of those that fired, and those that were released. */
    readonly states: readonly PolicyState[];
}

/** The instances of policies that run now, by priority, then in the order of names; and those that do not, with reasons. */
export function triggered(program: Program, world: World, demand: Demand): Triggered {
    const fired: Fired[] = [];
    const heldBack: HeldBack[] = [];
    const states: PolicyState[] = [];
    for (const policy of program.policies) {
        if (demand.policy !== undefined && demand.policy !== policy.name) continue;
        const one = demand.policy === undefined ? byTrigger(policy, world, demand.now) : onDemand(policy, world, demand);
        fired.push(...one.fired);
        heldBack.push(...one.heldBack);
        states.push(...one.states);
    }
    return { fired, heldBack, states };
}

type Binding = 'host' | 'vm' | undefined;

/** What a trigger binds. */
function boundBy(trigger: Trigger): Binding {
    const all = bindings(trigger);
    return all.includes('vm') ? 'vm' : all[0];
}

/** What a selection needs bound; a bound VM brings its host. */
function neededBy({ selection: { from } }: Policy): Binding {
    return from.kind === 'bound-vm' ? 'vm' : from.kind === 'bound-host' ? 'host' : undefined;
}

function byTrigger(policy: Policy, world: World, now: EpochMs): Triggered {
    const trigger = policy.trigger;
    if (!trigger) {
        const because: Reason = { text: `${policy.name} has no trigger: it runs on demand only`, range: policy.nameRange };
        return { fired: [], heldBack: [{ policy: policy.name, bound: undefined, because, unknown: false }], states: [] };
    }
    const needed = neededBy(policy);
    const binding = boundBy(trigger);
    if (needed !== undefined && binding !== needed && binding !== 'vm') {
        const because: Reason = {
            text: `it moves the ${needed === 'host' ? 'VMs of a host' : 'VM'} that its trigger names, and the trigger names none`,
            range: trigger.range,
        };
        return { fired: [], heldBack: [{ policy: policy.name, bound: undefined, because, unknown: false }], states: [] };
    }
    const fired: Fired[] = [];
    const heldBack: HeldBack[] = [];
    const states: PolicyState[] = [];
    for (const scope of bindingScopes(binding, world)) {
        const bound = boundName(scope);
        const verdict = judge(trigger, policy, scope, now);
        const cooling = cooldownLeft(policy, bound, world, now);
        if (!isTrue(verdict.truth)) {
            const because = verdict.because[0] ?? { text: 'its trigger does not hold', range: trigger.range };
            heldBack.push({ policy: policy.name, bound, because, unknown: !verdict.truth.known });
            const before = stateOf(policy, bound, world);
            if (before?.holding === true && isFalse(verdict.truth)) states.push({ ...before, holding: false });
        } else if (cooling) {
            heldBack.push({ policy: policy.name, bound, because: cooling, unknown: false });
        } else {
            fired.push({ policy, host: scope.host, vm: scope.vm, because: verdict.because });
            states.push({ policy: policy.name, bound, lastFired: now, holding: true });
        }
    }
    return { fired, heldBack, states };
}

/** `--policy NAME`: the trigger is not asked; a policy that needs a host is bound to the one named, or to each in maintenance. */
function onDemand(policy: Policy, world: World, demand: Demand): Triggered {
    const asked: Reason = { text: `${policy.name} was asked for`, range: policy.nameRange };
    const binding = neededBy(policy) ?? (policy.trigger && boundBy(policy.trigger));
    const scopes = bindingScopes(binding, world).filter(({ host }) => {
        if (binding === undefined) return true;
        return demand.host === undefined ? inMaintenance(world, host) : host === demand.host;
    });
    const fired = scopes.map(({ host, vm }): Fired => {
        const why: Reason = { text: `${host ?? ''} ${inMaintenance(world, host) ? 'is in maintenance' : 'was named'}` };
        return { policy, host, vm, because: host === undefined ? [asked] : [asked, why] };
    });
    const states = scopes.map((scope): PolicyState => {
        const bound = boundName(scope);
        return { policy: policy.name, bound, lastFired: demand.now, holding: stateOf(policy, bound, world)?.holding ?? false };
    });
    const missing: Reason = { text: `${policy.name} needs a host, and none is in maintenance or named`, range: policy.nameRange };
    const heldBack = fired.length > 0 ? [] : [{ policy: policy.name, bound: demand.host, because: missing, unknown: false }];
    return { fired, heldBack, states };
}

function bindingScopes(binding: Binding, world: World): readonly Scope[] {
    switch (binding) {
        case 'vm':
            return vmsOf(world).map((vm) => scopeOf(world, { vm, host: vm.host }));
        case 'host':
            return [...world.hosts.keys()].map((host) => scopeOf(world, { host }));
        case undefined:
            return [scopeOf(world)];
    }
}

interface Verdict {
    readonly truth: Truth;
    /** What made it so, with the clause. */
    readonly because: readonly Reason[];
}

function judge(trigger: Trigger, policy: Policy, scope: Scope, now: EpochMs): Verdict {
    switch (trigger.kind) {
        case 'condition':
            return condition(trigger, policy, scope);
        case 'schedule':
            return schedule(trigger, scope, now);
        case 'not': {
            const inner = judge(trigger.of, policy, scope, now);
            return { ...inner, truth: notOf(inner.truth) };
        }
        case 'all':
        case 'any': {
            const parts = trigger.of.map((part) => judge(part, policy, scope, now));
            const truth = (trigger.kind === 'all' ? allOf : anyOf)(parts.map((part) => part.truth));
            return { truth, because: decisive(parts, truth).flatMap((part) => part.because) };
        }
    }
}

/** The parts that came out as the whole did: they are why. */
function decisive(parts: readonly Verdict[], whole: Truth): readonly Verdict[] {
    return parts.filter((part) => part.truth.known === whole.known && isTrue(part.truth) === isTrue(whole));
}

function condition(trigger: Extract<Trigger, { kind: 'condition' }>, policy: Policy, scope: Scope): Verdict {
    const { until } = trigger;
    const bound = boundName(scope);
    const about = bound === undefined ? '' : `${bound}: `;
    if (until && stateOf(policy, bound, scope.world)?.holding === true) {
        const released = holds(until, scope);
        const text = isFalse(released) ? `fired before, and holds until ${wordsOf(until)}` : verdictText(until, released, scope);
        return { truth: notOf(released), because: [{ text: `${about}${text}`, range: until.range }] };
    }
    const truth = holds(trigger.condition, scope);
    return { truth, because: [{ text: `${about}${verdictText(trigger.condition, truth, scope)}`, range: trigger.range }] };
}

function schedule(trigger: Extract<Trigger, { kind: 'schedule' }>, scope: Scope, now: EpochMs): Verdict {
    const truth = scheduleHolds(trigger, scope.world.snapshot.timeZone, now);
    const window = formatQuantity(trigger.windowMs, 'duration');
    if (!truth.known) return { truth, because: [{ text: truth.because.join('; '), range: trigger.range }] };
    const text = truth.since === undefined ? closedText(window, truth.excepted) : openText(window, now - truth.since);
    return { truth: known(truth.value), because: [{ text, range: trigger.range }] };
}

function closedText(window: string, excepted: Excepted | undefined): string {
    const why = excepted && `: ${excepted.date} is a day of the calendar '${excepted.calendar}'`;
    return `the schedule's window of ${window} is closed${why ?? ''}`;
}

function openText(window: string, sinceMs: number): string {
    if (sinceMs < 1000) return `the schedule's window of ${window} has just opened`;
    return `the schedule's window of ${window} has been open for ${formatQuantity(sinceMs, 'duration')}`;
}

function cooldownLeft(policy: Policy, bound: string | undefined, world: World, now: EpochMs): Reason | undefined {
    const last = stateOf(policy, bound, world)?.lastFired;
    if (policy.cooldownMs === undefined || last === undefined) return undefined;
    const left = last + policy.cooldownMs - now;
    if (left <= 0) return undefined;
    return { text: `${policy.name} cools down for another ${formatQuantity(left, 'duration')}`, range: policy.range };
}

/** By which name the state of an instance is kept. */
const boundName = (scope: Pick<Scope, 'vm' | 'host'>): string | undefined => scope.vm?.name ?? scope.host;

function stateOf(policy: Policy, bound: string | undefined, world: World): PolicyState | undefined {
    return world.snapshot.policies.find((state) => state.policy === policy.name && state.bound === bound);
}

function bindings(trigger: Trigger): readonly ('host' | 'vm')[] {
    switch (trigger.kind) {
        case 'condition':
            return trigger.binds === undefined ? [] : [trigger.binds];
        case 'schedule':
            return [];
        case 'not':
            return bindings(trigger.of);
        case 'all':
        case 'any':
            return trigger.of.flatMap(bindings);
    }
}

function inMaintenance(world: World, host: HostName | undefined): boolean {
    return host !== undefined && world.hosts.get(host)?.state.maintenance === true;
}
