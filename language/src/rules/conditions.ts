/** The conditions that a file itself writes, each part of them once, however many policies inherit it. */
import type { Expression, Trigger } from '../program.js';
import type { RuleInput } from './rule.js';

export interface Part {
    readonly expression: Expression;
    /** Whether it has to be false for the VM or host to be taken: it stands in an `except` or after a `not`. */
    readonly negated: boolean;
    /** Whether it decides which VMs or hosts are taken, and not when a policy runs. */
    readonly chooses: boolean;
}

/** Several rules ask for the same. */
export function conditionsIn(input: RuleInput): readonly Part[] {
    let parts = known.get(input);
    if (!parts) known.set(input, (parts = partsIn(input)));
    return parts;
}

const known = new WeakMap<RuleInput, readonly Part[]>();

function partsIn({ document, policies, context }: RuleInput): readonly Part[] {
    const { source } = context.range(document.parseResult.value);
    const found = new Map<string, Part>();
    // Policies share what they inherit, and the definitions of groups.
    const visited = [0, 1, 2, 3].map(() => new Set<Expression>());
    const visit = (expression: Expression, negated: boolean, chooses: boolean): void => {
        const before = visited[(negated ? 2 : 0) + (chooses ? 1 : 0)];
        if (before?.has(expression) === true) return;
        before?.add(expression);
        const { range } = expression;
        const key = `${expression.kind} ${negated} ${chooses} ${range.start.line}:${range.start.character} ${range.end.line}:${range.end.character}`;
        if (range.source === source) {
            if (found.has(key)) return;
            found.set(key, { expression, negated, chooses });
        }
        if (expression.kind === 'not') visit(expression.operand, !negated, chooses);
        if (expression.kind === 'held') visit(expression.condition, negated, chooses);
        if (expression.kind !== 'binary' || (expression.operator !== 'and' && expression.operator !== 'or')) return;
        visit(expression.left, negated, chooses);
        visit(expression.right, negated, chooses);
    };
    for (const policy of policies) {
        const { where, except, from, until, quietWhen } = policy.selection;
        for (const one of [...where, ...policy.destination.where]) visit(one, false, true);
        for (const one of except) visit(one, true, true);
        if (from.kind === 'hosts' && from.where) visit(from.where, false, true);
        for (const one of [until, quietWhen, ...conditionsOf(policy.trigger)]) if (one) visit(one, false, false);
    }
    return [...found.values()];
}

function conditionsOf(trigger: Trigger | undefined): readonly (Expression | undefined)[] {
    switch (trigger?.kind) {
        case undefined:
        case 'schedule':
            return [];
        case 'any':
        case 'all':
            return trigger.of.flatMap(conditionsOf);
        case 'not':
            return conditionsOf(trigger.of);
        case 'condition':
            return [trigger.condition, trigger.until];
    }
}

/** A comparison of an attribute with something that is known before the run, with the attribute on the left. */
export interface Comparison {
    readonly attribute: Extract<Expression, { kind: 'attribute' }>;
    readonly operator: '==' | '!=' | '<' | '<=' | '>' | '>=';
    readonly value: Expression;
}

export function comparisonOf(expression: Expression): Comparison | undefined {
    if (expression.kind !== 'binary') return undefined;
    const { operator, left, right } = expression;
    const turned = operator in turns ? turns[operator as keyof typeof turns] : undefined;
    if (turned === undefined) return undefined;
    if (left.kind === 'attribute') return { attribute: left, operator: operator as Comparison['operator'], value: right };
    return right.kind === 'attribute' ? { attribute: right, operator: turned, value: left } : undefined;
}

const turns = { '==': '==', '!=': '!=', '<': '>', '<=': '>=', '>': '<', '>=': '<=' } as const;
