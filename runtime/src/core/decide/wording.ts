import { type BinaryOperator, type Dimension, type Expression, formatQuantity, type ValueType } from '@mig/language';
import { type Scope, spelled } from './attributes.js';
import { attributesIn, evaluate } from './evaluate.js';
import type { Truth, Value } from './truth.js';

/** An expression as a person would write it. */
export function wordsOf(expression: Expression): string {
    switch (expression.kind) {
        case 'literal':
            return valueText(expression.value, expression.type);
        case 'attribute':
            return states[expression.attribute] === undefined
                ? spelled(expression)
                : `${expression.entity} is ${states[expression.attribute] ?? ''}`;
        case 'not':
            return `not ${operand(expression.operand, tightest)}`;
        case 'negate':
            return `-${operand(expression.operand, tightest)}`;
        case 'binary':
            return inOrder(expression);
        case 'held':
            return `${operand(expression.condition, precedence['and'] + 1)} for ${formatQuantity(expression.forMs, 'duration')}`;
        case 'metric':
            return `metric "${expression.query}"`;
    }
}

/** `host.memory.used > 90% (host.memory.used is 93%)`: an expression with the figures that it was judged by. */
export function withFigures(expression: Expression, scope: Scope): string {
    const figures = new Map<string, string>();
    for (const name of attributesIn(expression)) {
        const outcome = evaluate(name, scope);
        if (outcome.known && states[name.attribute] === undefined) figures.set(spelled(name), valueText(outcome.value, name.type));
    }
    const words = wordsOf(expression);
    if (expression.kind === 'attribute')
        return states[expression.attribute] === undefined ? `${words} is ${[...figures.values()].join('')}` : words;
    return figures.size === 0 ? words : `${words} (${[...figures].map(([name, value]) => `${name} is ${value}`).join(', ')})`;
}

/** Why a condition came out as it did: with its figures, or with what was unknown. */
export function verdictText(expression: Expression, truth: Truth, scope: Scope): string {
    if (!truth.known) return `${wordsOf(expression)} is unknown: ${truth.because.join('; ')}`;
    return truth.value ? withFigures(expression, scope) : `not so: ${withFigures(expression, scope)}`;
}

/** A value in the unit that reads best. */
export function valueText(value: Value, type: ValueType): string {
    if (typeof value === 'number') {
        if (type === 'time-of-day') return `${pad(Math.floor(value / 60))}:${pad(value % 60)}`;
        return isDimension(type) ? formatQuantity(value, type) : String(Number(value.toPrecision(6)));
    }
    if (typeof value === 'boolean') return String(value);
    if (typeof value === 'string') return `"${value}"`;
    return value.length === 0 ? 'empty' : value.map((word) => `"${word}"`).join(', ');
}

/** `a, b and c`. */
export function listed(words: readonly string[]): string {
    if (words.length <= 1) return words.join('');
    return `${words.slice(0, -1).join(', ')} and ${words.at(-1) ?? ''}`;
}

/** Attributes that a policy writes as `host is …`. */
const states: Readonly<Record<string, string>> = { maintenance: 'in maintenance', failing: 'failing', healthy: 'healthy' };

/** How tightly an operator binds; what binds less tightly stands in parentheses. */
const precedence: Readonly<Record<BinaryOperator, number>> = {
    or: 1,
    and: 2,
    '==': 3,
    '!=': 3,
    '<': 3,
    '<=': 3,
    '>': 3,
    '>=': 3,
    contains: 3,
    in: 3,
    '+': 4,
    '-': 4,
    '*': 5,
    '/': 5,
};
const tightest = 6;

function inOrder({ operator, left, right }: Extract<Expression, { kind: 'binary' }>): string {
    const own = precedence[operator];
    // Comparisons do not chain, and - and / group to the left.
    const groups = own === precedence['=='] ? own + 1 : own;
    return `${operand(left, groups)} ${operator} ${operand(right, operator === '-' || operator === '/' ? own + 1 : groups)}`;
}

function operand(expression: Expression, atLeast: number): string {
    const words = wordsOf(expression);
    return expression.kind === 'binary' && precedence[expression.operator] < atLeast ? `(${words})` : words;
}

const pad = (n: number): string => String(n).padStart(2, '0');

const dimensions: ReadonlySet<string> = new Set<Dimension>(['duration', 'size', 'rate', 'ratio', 'power', 'energy']);

function isDimension(type: ValueType): type is Dimension {
    return dimensions.has(type);
}
