import { type EpochMs, epochMs, type Expression, type Policy, type TechniqueOptions, type Trigger } from '@mig/language';
import { Cron } from 'croner';
import { attributesIn } from '../decide/evaluate.js';
import { scheduleHolds } from '../decide/schedule.js';
import { disksNamed } from '../decide/storage.js';

type Condition = Extract<Trigger, { kind: 'condition' }>;
type Schedule = Extract<Trigger, { kind: 'schedule' }>;

/** Every condition of a trigger, wherever it stands. */
export function conditionsOf(trigger: Trigger): readonly Condition[] {
    return leavesOf(trigger).flatMap(({ of }) => (of.kind === 'condition' ? [of] : []));
}

/** Conditions that fire a policy at any time: those that a schedule narrows to its windows are left out. */
export function conditionsAtAnyTime(trigger: Trigger): readonly Condition[] {
    return leavesOf(trigger).flatMap(({ of, narrowed }) => (of.kind === 'condition' && !narrowed ? [of] : []));
}

export function schedulesOf(trigger: Trigger): readonly Schedule[] {
    return leavesOf(trigger).flatMap(({ of }) => (of.kind === 'schedule' ? [of] : []));
}

interface Leaf {
    readonly of: Condition | Schedule;
    /** It has to hold together with a schedule. */
    readonly narrowed: boolean;
}

function leavesOf(trigger: Trigger): readonly Leaf[] {
    switch (trigger.kind) {
        case 'condition':
        case 'schedule':
            return [{ of: trigger, narrowed: false }];
        case 'not':
            return leavesOf(trigger.of);
        case 'any':
            return trigger.of.flatMap(leavesOf);
        case 'all': {
            const leaves = trigger.of.flatMap(leavesOf);
            return leaves.some(({ of }) => of.kind === 'schedule') ? leaves.map(({ of }) => ({ of, narrowed: true })) : leaves;
        }
    }
}

/** Figures that moves change: a condition on them comes and goes with what the policy itself does. */
const changedByMoves: ReadonlySet<string> = new Set([
    'cpu',
    'cpu.committed',
    'cpu.imbalance',
    'memory.free',
    'memory.used',
    'memory.committed',
    'memory.working_set',
    'memory.imbalance',
    'vms',
    'net.tx',
    'net.rx',
    'disk.read',
    'disk.write',
    'dirty_rate',
    'working_set',
    'power',
]);

/** The figures of load that a condition reads. */
export function loadIn(condition: Expression): ReturnType<typeof attributesIn> {
    return attributesIn(condition).filter((name) => changedByMoves.has(name.attribute));
}

/**
 * A policy as it would be at a time when its schedules hold and what it waits for has lasted: what is left to judge are
 * its conditions, on the figures as they are. It moves by plain pre-copy, so that what can be carried out today does not
 * count, nor the room for disks that go along: a destination is one or not by its constraints.
 */
export function ripe(policy: Policy): Policy {
    const known = ripened.get(policy);
    if (known) return known;
    const made = ripen(policy);
    ripened.set(policy, made);
    return made;
}

const ripened = new WeakMap<Policy, Policy>();

function ripen(policy: Policy): Policy {
    const { trigger, selection, destination } = policy;
    const from =
        selection.from.kind === 'hosts' && selection.from.where
            ? { ...selection.from, where: lasted(selection.from.where) }
            : selection.from;
    const disks = [...disksNamed(policy.technique)];
    const options: TechniqueOptions = disks.length === 0 ? {} : { storage: [{ mode: 'shared', disks }] };
    return {
        ...policy,
        trigger: trigger && ripeTrigger(trigger, true),
        selection: {
            ...selection,
            from,
            where: selection.where.map(lasted),
            except: selection.except.map(lasted),
            until: selection.until && lasted(selection.until),
        },
        destination: { ...destination, where: destination.where.map(lasted) },
        technique: [{ kind: 'technique', technique: 'precopy', name: undefined, options, ladder: [], range: policy.range }],
        cooldownMs: undefined,
    };
}

function ripeTrigger(trigger: Trigger, wanted: boolean): Trigger {
    switch (trigger.kind) {
        case 'schedule':
            return { kind: wanted ? 'all' : 'any', of: [], range: trigger.range };
        case 'condition':
            return { ...trigger, condition: lasted(trigger.condition) };
        case 'not':
            return { ...trigger, of: ripeTrigger(trigger.of, !wanted) };
        case 'any':
        case 'all':
            return { ...trigger, of: trigger.of.map((part) => ripeTrigger(part, wanted)) };
    }
}

/** The condition without `for …`. */
function lasted(condition: Expression): Expression {
    switch (condition.kind) {
        case 'held':
            return lasted(condition.condition);
        case 'not':
        case 'negate':
            return { ...condition, operand: lasted(condition.operand) };
        case 'binary':
            return { ...condition, left: lasted(condition.left), right: lasted(condition.right) };
        case 'literal':
        case 'attribute':
        case 'metric':
            return condition;
    }
}

/** How many times of each schedule are gone through: a fortnight of nights, or seven times of day twice. */
const timesLookedAt = 14;

/**
 * Whether two policies that run by the clock alone may run at the same time; a policy with a condition may run at any
 * time. Looks at the next few times of each: what meets less often than that is not found.
 */
export function mayCoincide(one: Trigger, other: Trigger, timeZone: string, from: EpochMs): boolean {
    if (conditionsOf(one).length > 0 || conditionsOf(other).length > 0) return true;
    const meets = (a: Schedule, b: Schedule): boolean => timesOf(a, timeZone, from).some((time) => openAt(b, timeZone, time));
    return schedulesOf(one).some((a) => schedulesOf(other).some((b) => meets(a, b) || meets(b, a)));
}

function openAt(schedule: Schedule, timeZone: string, time: EpochMs): boolean {
    const truth = scheduleHolds(schedule, timeZone, time);
    return truth.known && truth.value;
}

/** The next times of a schedule, without those on days that its calendars leave out. */
export function timesOf(schedule: Schedule, inventoryZone: string, from: EpochMs): readonly EpochMs[] {
    const { cron, timeZone } = schedule;
    try {
        const runs = new Cron(cron, { timezone: timeZone ?? inventoryZone, mode: '5-part' }).nextRuns(timesLookedAt, new Date(from));
        const times = runs.map((run) => epochMs(run.getTime()));
        return schedule.days ? times.filter((time) => openAt(schedule, inventoryZone, time)) : times;
    } catch {
        // An expression or a zone that cannot be read has no times; the compiler has said so.
        return [];
    }
}
