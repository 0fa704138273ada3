/**
 * Every place of a program where conditions have to be met together, and what it comes to where they cannot. Ladders and
 * choices of a technique have rules of their own (MIG304, MIG323).
 */
import type { Expression, Policy, Program, Trigger } from '@mig/language';
import type { Demand } from './contradiction.js';

export interface Site {
    readonly demands: readonly Demand[];
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
    const demands = [...chosen.map(isTrue), ...except.map((condition): Demand => ({ condition, mustBe: 'false' }))];
    if (demands.length > 0) yield { demands, consequence: () => `${name} takes no VM` };
    if (until) yield all([until], () => `${name} takes VMs without end`);
    if (quietWhen) yield all([quietWhen], () => `no VM of ${name} ever starts to move`);
    if (destination.where.length > 0) yield all(destination.where, () => `no host is ever a destination of ${name}`);
    for (const { during } of exclusions) yield all([during], () => 'it excludes nothing');
    for (const { first, then } of ordering) for (const vms of [first, then]) yield all([vms], () => 'it puts nothing in order');
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
