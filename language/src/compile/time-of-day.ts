import type * as ast from '../generated/ast.js';
import { nothing } from './amount.js';
import { type Context, textOf } from './context.js';
import { expression } from './expression.js';
import { typeNames } from './types.js';
import { constant } from './values.js';

/** Minutes since midnight of a time that stands in the text, or of a param that is one. */
export function timeOfDay(node: ast.Expression, context: Context): number {
    const found = expression(node, nothing, context);
    if (!found) return 0;
    const value = constant(found);
    if (found.type === 'time-of-day' && typeof value === 'number') return value;
    context.report('MIG203', context.range(node), `A time of day is meant here, and ${textOf(node)} is ${typeNames[found.type]}.`, {
        hint: 'Write a time such as 22:00, or the name of a param that is a time.',
    });
    return 0;
}
