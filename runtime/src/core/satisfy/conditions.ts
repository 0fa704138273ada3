/**
 * Every place of a program where conditions have to be met together, and what it comes to where they cannot. Ladders and
 * choices of a technique have rules of their own (MIG304, MIG323).
 */
import type { Expression, Policy, Program, Trigger } from '@mig/language';
import type { Demand } from './contradiction.js';

export interface Site {
    readonly demands: readonly Demand[];
    /** What never happens where nothing meets them. */
    readonly consequence: string;
}

export function sitesOf(program: Program): readonly Site[] {
    return [
        ...program.groups.map((group) => all(given(group.where), `the group ${group.name} has no member`)),
        ...[...program.policies, ...(program.imported ?? [])].flatMap(sitesOfPolicy),
        ...program.sequences.flatMap((sequence) => [
            all(given(sequence.hosts), 'the sequence works on no host'),
            ...sequence.steps.flatMap((step) => (step.kind === 'wait-until' ? [all([step.condition], 'the step waits in vain')] : [])),
        ]),
    ];
}

function sitesOfPolicy(policy: Policy): readonly Site[] {
    const { name, selection, destination, trigger } = policy;
    const { from } = selection;
    const chosen = [...(from.kind === 'hosts' ? given(from.where) : []), ...selection.where];
    return [
        ...(trigger ? sitesOfTrigger(trigger, name) : []),
        {
            demands: [...chosen.map(isTrue), ...selection.except.map((condition): Demand => ({ condition, mustBe: 'false' }))],
            consequence: `${name} takes no VM`,
        },
        all(given(selection.until), `${name} takes VMs without end`),
        all(given(selection.quietWhen), `no VM of ${name} ever starts to move`),
        all(destination.where, `no host is ever a destination of ${name}`),
        ...policy.exclusions.map((exclusion) => all([exclusion.during], 'it excludes nothing')),
        ...policy.ordering.flatMap(({ first, then }) => [first, then].map((vms) => all([vms], 'it puts nothing in order'))),
    ];
}

/** Conditions of a trigger, those that are joined by `and` together. */
function sitesOfTrigger(trigger: Trigger, policy: string): readonly Site[] {
    switch (trigger.kind) {
        case 'schedule':
            return [];
        case 'condition':
            return [
                all([trigger.condition], `${policy} never runs by it`),
                all(given(trigger.until), `${policy}, once it has run, is never released`),
            ];
        case 'all': {
            const conditions = trigger.of.flatMap((part) => (part.kind === 'condition' ? [part.condition] : []));
            return [...trigger.of.flatMap((part) => sitesOfTrigger(part, policy)), all(conditions, `${policy} never runs by them`)];
        }
        case 'any':
            return trigger.of.flatMap((part) => sitesOfTrigger(part, policy));
        case 'not':
            // What never holds is always true here; whether that is meant cannot be told.
            return [];
    }
}

const isTrue = (condition: Expression): Demand => ({ condition, mustBe: 'true' });
const all = (conditions: readonly Expression[], consequence: string): Site => ({ demands: conditions.map(isTrue), consequence });
const given = (condition: Expression | undefined): readonly Expression[] => (condition ? [condition] : []);
