import { type BinaryOperator, type Expression, epochMs, formatQuantity, findAttribute } from '@mig/language';
import type { Sample } from '../model/snapshot.js';
import { type AttributeName, historyKey, ofWhom, readAttribute, type Scope, spelled } from './attributes.js';
import { allOf, anyOf, isFalse, known, no, notOf, type Outcome, type Truth, unknown, unknownsOf, type Value } from './truth.js';

/**
 * Evaluates an expression with three-valued logic. Quantities are in their base units (ms, bytes, bytes/s, ratio, W, J),
 * so that operators need not know what they measure: the compiler has checked the units.
 */
export function evaluate(expression: Expression, scope: Scope): Outcome {
    switch (expression.kind) {
        case 'literal':
            return known(expression.value);
        case 'attribute':
            return scope.at === undefined ? readAttribute(expression, scope) : earlierValue(expression, scope, scope.at);
        case 'not':
            return notOf(holds(expression.operand, scope));
        case 'negate': {
            const operand = evaluate(expression.operand, scope);
            return operand.known ? arithmetic(operand.value, (n) => -n) : operand;
        }
        case 'binary':
            return binary(expression.operator, expression.left, expression.right, scope);
        case 'held':
            return held(expression.condition, expression.forMs, scope);
        case 'metric':
            return unknown(`the metric "${expression.query}" was not asked`);
    }
}

/** Evaluates a condition. What is not true or false by type is unknown, and says so. */
export function holds(condition: Expression, scope: Scope): Truth {
    const outcome = evaluate(condition, scope);
    if (!outcome.known) return outcome;
    return typeof outcome.value === 'boolean' ? known(outcome.value) : unknown(`${String(outcome.value)} is neither true nor false`);
}

/** Every attribute that stands in an expression, as often as it does. */
export function attributesIn(expression: Expression): readonly Extract<Expression, { kind: 'attribute' }>[] {
    switch (expression.kind) {
        case 'literal':
        case 'metric':
            return [];
        case 'attribute':
            return [expression];
        case 'not':
        case 'negate':
            return attributesIn(expression.operand);
        case 'binary':
            return [...attributesIn(expression.left), ...attributesIn(expression.right)];
        case 'held':
            return attributesIn(expression.condition);
    }
}

function binary(operator: BinaryOperator, left: Expression, right: Expression, scope: Scope): Outcome {
    if (operator === 'and') return allOf([holds(left, scope), holds(right, scope)]);
    if (operator === 'or') return anyOf([holds(left, scope), holds(right, scope)]);
    const a = evaluate(left, scope);
    const b = evaluate(right, scope);
    if (!a.known || !b.known) return unknownsOf([a, b]) ?? unknown();
    return operators[operator](a.value, b.value);
}

const operators: Readonly<Record<Exclude<BinaryOperator, 'and' | 'or'>, (a: Value, b: Value) => Outcome>> = {
    '==': (a, b) => known(same(a, b)),
    '!=': (a, b) => known(!same(a, b)),
    '<': (a, b) => ordered(a, b, (order) => order < 0),
    '<=': (a, b) => ordered(a, b, (order) => order <= 0),
    '>': (a, b) => ordered(a, b, (order) => order > 0),
    '>=': (a, b) => ordered(a, b, (order) => order >= 0),
    '+': (a, b) => (typeof a === 'string' && typeof b === 'string' ? known(a + b) : arithmetic(a, (n, m) => n + m, b)),
    '-': (a, b) => arithmetic(a, (n, m) => n - m, b),
    '*': (a, b) => arithmetic(a, (n, m) => n * m, b),
    '/': (a, b) => (b === 0 ? unknown('a division by zero') : arithmetic(a, (n, m) => n / m, b)),
    contains: (a, b) => membership(b, a),
    in: (a, b) => membership(a, b),
};

function same(a: Value, b: Value): boolean {
    if (typeof a !== 'object' || typeof b !== 'object') return a === b;
    return a.length === b.length && a.every((word) => b.includes(word));
}

function ordered(a: Value, b: Value, test: (order: number) => boolean): Outcome {
    if (typeof a === 'number' && typeof b === 'number') return known(test(a - b));
    if (typeof a === 'string' && typeof b === 'string') return known(test(compareVersions(a, b)));
    return unknown(`${String(a)} and ${String(b)} have no order`);
}

/** Runs of digits count as numbers, so that version 10.1 comes after 9.2. */
function compareVersions(a: string, b: string): number {
    const parts = (text: string): readonly string[] => text.match(/\d+|\D+/g) ?? [];
    const [left, right] = [parts(a), parts(b)];
    for (let i = 0; i < Math.max(left.length, right.length); i++) {
        const [x, y] = [left[i], right[i]];
        if (x === undefined) return -1;
        if (y === undefined) return 1;
        const numeric = /^\d/.test(x) && /^\d/.test(y) ? Number(x) - Number(y) : 0;
        const order = numeric || (x < y ? -1 : x > y ? 1 : 0);
        if (order !== 0) return order;
    }
    return 0;
}

function membership(word: Value, of: Value): Outcome {
    if (typeof of === 'object') return known(of.includes(String(word)));
    if (typeof of === 'string' && typeof word === 'string') return known(of.includes(word));
    return unknown(`${String(of)} is not a set`);
}

function arithmetic(a: Value, operation: (a: number, b: number) => number, b: Value = 0): Outcome {
    if (typeof a !== 'number' || typeof b !== 'number') return unknown(`${String(a)} and ${String(b)} cannot be reckoned with`);
    return known(operation(a, b));
}

/**
 * `condition for 5 min`: true now, and at every sample since then. The last value before the window counts for its start,
 * so a history that begins later leaves it unknown; one false sample settles it all the same.
 */
function held(condition: Expression, forMs: number, scope: Scope): Truth {
    const end = scope.at ?? scope.world.snapshot.takenAt;
    const start = end - forMs;
    const present = holds(condition, scope);
    if (isFalse(present)) return no;
    const times = new Set<number>([start]);
    for (const name of attributesIn(condition)) {
        for (const { at } of samplesOf(name, scope) ?? []) if (at > start && at < end) times.add(at);
    }
    const past = [...times].sort((a, b) => a - b).map((at) => holds(condition, { ...scope, at: epochMs(at) }));
    return allOf([...past, present]);
}

function earlierValue(name: AttributeName, scope: Scope, at: number): Outcome {
    const attribute = findAttribute(name.entity, name.attribute);
    const samples = samplesOf(name, scope);
    const before = samples?.findLast((sample) => sample.at <= at);
    if (before) return known(before.value);
    if (attribute && unchanging.has(attribute.name)) return readAttribute(name, scope);
    const first = samples?.[0];
    const reach = first ? `goes back ${formatQuantity(scope.world.snapshot.takenAt - first.at, 'duration')}` : 'has not been kept';
    const needed = formatQuantity(scope.world.snapshot.takenAt - at, 'duration');
    return unknown(`the history of ${spelled(name)}${ofWhom(name, scope)} ${reach}, and ${needed} are needed`);
}

function samplesOf(name: AttributeName, scope: Scope): readonly Sample[] | undefined {
    const key = historyKey(name, scope);
    return key === undefined ? undefined : scope.world.snapshot.history[key];
}

/** What does not change while a host or VM is the same one: its present value stands for its past. */
const unchanging: ReadonlySet<string> = new Set(['name', 'uuid', 'zone', 'rack', 'cpus', 'tag', 'tags', 'hosts']);
