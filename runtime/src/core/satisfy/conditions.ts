/**
 * Every place of a program where conditions have to be met together, and what it comes to where they cannot. Ladders and
 * choices of a technique have rules of their own (MIG304, MIG323).
 */
import type { Expression, Policy, Program, Trigger } from '@mig/language';
import type { Demand } from './contradiction.js';

export interface Site {
    readonly demands: readonly Demand[];
    /** What is said instead of the comparisons that clash, where one of them stands nowhere in the text. */
    readonly said?: string;
    /** What never happens where nothing meets them. Asked for only then. */
    readonly consequence: () => string;
}

export function* sitesBesidePolicies({ groups, sequences }: Pick<Program, 'groups' | 'sequences'>): Generator<Site, void> {
    for (const { where, name } of groups) if (where) yield all([where], () => `the group ${name} has no member`);
    for (const { hosts, steps } of sequences) {
        if (hosts) yield all([hosts], () => 'the sequence works on no host');
        for (const step of steps) if (step.kind === 'wait-until') yield all([step.condition], () => 'the step waits in vain');
    }
}

export function* sitesOfPolicy({ name, selection, destination, trigger, exclusions, ordering }: Policy): Generator<Site, void> {
    const { from, where, except, until, quietWhen } = selection;
    if (trigger) yield* sitesOfTrigger(trigger, name);
    const chosen = from.kind === 'hosts' && from.where ? [from.where, ...where] : where;
    const asked = [...chosen.map(isTrue), ...except.map((condition): Demand => ({ condition, mustBe: 'false' }))];
    const demands = asked.length === 0 ? [] : [...namedIn(from).map(isTrue), ...asked];
    if (demands.length > 0) yield { demands, consequence: () => `${name} takes no VM` };
    if (until) yield all([until], () => `${name} takes VMs without end`);
    if (quietWhen) yield all([quietWhen], () => `no VM of ${name} ever starts to move`);
    if (destination.where.length > 0) {
        const consequence = () => `no host is ever a destination of ${name}`;
        yield all(destination.where, consequence);
        // Another's attribute in it, or what is merely unknown, is no matter here: only who asks for it by name.
        const inMaintenance = destination.where.find((where) => impliesMaintenance(where));
        if (inMaintenance)
            yield {
                demands: [{ condition: up(inMaintenance.range), mustBe: 'false' }, isTrue(inMaintenance)],
                said: 'a host that is in maintenance takes no VMs',
                consequence,
            };
    }
    for (const { during } of exclusions) yield all([during], () => 'it excludes nothing');
    for (const { first, then } of ordering) for (const vms of [first, then]) yield all([vms], () => 'it puts nothing in order');
}

/** What naming VMs or a host says of them, as conditions beside those that are written. */
function namedIn(from: Policy['selection']['from']): readonly Expression[] {
    const { range } = from;
    const is = (entity: 'vm' | 'host', names: readonly string[]): Expression => ({
        kind: 'binary',
        type: 'boolean',
        operator: 'in',
        left: { kind: 'attribute', type: 'string', entity, attribute: 'name', key: undefined, range },
        right: { kind: 'literal', type: 'strings', value: names, range },
        range,
    });
    if (from.kind === 'named-vms') return [is('vm', from.vms)];
    return from.kind === 'named-host' ? [is('host', [from.host])] : [];
}

const up = (range: Expression['range']): Expression => ({
    kind: 'attribute',
    type: 'boolean',
    entity: 'host',
    attribute: 'maintenance',
    key: undefined,
    range,
});

/** Whether a condition reads whether its host is in maintenance at all: most do not, and need not be looked into. */
function impliesMaintenance(of: Expression): boolean {
    switch (of.kind) {
        case 'attribute':
            return of.entity === 'host' && of.attribute === 'maintenance';
        case 'not':
        case 'negate':
            return impliesMaintenance(of.operand);
        case 'held':
            return impliesMaintenance(of.condition);
        case 'binary':
            return impliesMaintenance(of.left) || impliesMaintenance(of.right);
        case 'literal':
        case 'metric':
            return false;
    }
}

/** Conditions of a trigger, those that are joined by `and` together. */
function* sitesOfTrigger(trigger: Trigger, policy: string): Generator<Site, void> {
    switch (trigger.kind) {
        case 'schedule':
            return;
        case 'condition':
            yield all([trigger.condition], () => `${policy} never runs by it`);
            if (trigger.until) yield all([trigger.until], () => `${policy}, once it has run, is never released`);
            return;
        case 'all': {
            for (const part of trigger.of) yield* sitesOfTrigger(part, policy);
            const conditions = trigger.of.flatMap((part) => (part.kind === 'condition' ? [part.condition] : []));
            if (conditions.length > 1) yield all(conditions, () => `${policy} never runs by them`);
            return;
        }
        case 'any':
            for (const part of trigger.of) yield* sitesOfTrigger(part, policy);
            return;
        case 'not':
        // What never holds is always true here; whether that is meant cannot be told.
    }
}

const isTrue = (condition: Expression): Demand => ({ condition, mustBe: 'true' });
const all = (conditions: readonly Expression[], consequence: Site['consequence']): Site => ({
    demands: conditions.map(isTrue),
    consequence,
});
