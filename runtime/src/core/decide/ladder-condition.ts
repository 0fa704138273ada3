import type { BinaryOperator, Expression } from '@mig/language';
import type { LadderSample } from './ladder.js';

type Value = number | string | boolean | readonly string[] | undefined;

/** Whether the further condition of a rung holds; undefined where something that it reads is not known in a run. */
export function holds(condition: Expression, sample: LadderSample): boolean | undefined {
    const value = evaluate(condition, sample);
    return typeof value === 'boolean' ? value : undefined;
}

/** What `move.*` reads. */
const attributes: Readonly<Record<string, (sample: LadderSample) => number | undefined>> = {
    iteration: (s) => s.iteration,
    elapsed: (s) => s.elapsed,
    remaining: (s) => s.remaining,
    rate: (s) => s.rate,
    dirty_rate: (s) => s.dirtyRate,
    throttle: (s) => s.throttle,
};

function evaluate(e: Expression, sample: LadderSample): Value {
    switch (e.kind) {
        case 'literal':
            return e.value;
        case 'attribute':
            return e.entity === 'move' ? attributes[e.attribute]?.(sample) : undefined;
        case 'not': {
            const operand = evaluate(e.operand, sample);
            return typeof operand === 'boolean' ? !operand : undefined;
        }
        case 'negate': {
            const operand = evaluate(e.operand, sample);
            return typeof operand === 'number' ? -operand : undefined;
        }
        case 'binary':
            return combine(e.operator, evaluate(e.left, sample), evaluate(e.right, sample));
        case 'held':
        case 'metric':
            return undefined;
    }
}

/** Three-valued: what is false whatever the unknown side is, is false; what is true whatever it is, is true. */
function combine(operator: BinaryOperator, left: Value, right: Value): Value {
    if (operator === 'and') return left === false || right === false ? false : left === undefined || right === undefined ? undefined : true;
    if (operator === 'or') return left === true || right === true ? true : left === undefined || right === undefined ? undefined : false;
    if (left === undefined || right === undefined) return undefined;
    if (operator === '==') return left === right;
    if (operator === '!=') return left !== right;
    if (operator === 'contains') return Array.isArray(left) ? left.includes(right) : undefined;
    if (operator === 'in') return Array.isArray(right) ? right.includes(left) : undefined;
    return typeof left === 'number' && typeof right === 'number' ? arithmetic[operator](left, right) : undefined;
}

const arithmetic: Readonly<
    Record<Exclude<BinaryOperator, 'and' | 'or' | '==' | '!=' | 'contains' | 'in'>, (a: number, b: number) => Value>
> = {
    '<': (a, b) => a < b,
    '<=': (a, b) => a <= b,
    '>': (a, b) => a > b,
    '>=': (a, b) => a >= b,
    '+': (a, b) => a + b,
    '-': (a, b) => a - b,
    '*': (a, b) => a * b,
    '/': (a, b) => (b === 0 ? undefined : a / b),
};
