/** What a param may be set to: `between 1 Gbit/s and 40 Gbit/s`, `at least 2`, `at most 80%`, `one of "east", "west"`. */
import * as ast from '../generated/ast.js';
import type { ParamBounds, ValueType } from '../program.js';
import { formatQuantity } from '../units.js';
import { nothing } from './amount.js';
import { type Context, type ParamValue, textOf } from './context.js';
import { expression } from './expression.js';
import { isDimension, typeNames } from './types.js';
import { constant } from './values.js';

type Value = Exclude<ParamValue['value'], undefined | readonly string[]>;

/** The bounds of a param, in base units. What is wrong with them is reported, and does not bind. */
export function boundsOf(param: ast.Param, node: ast.ParamBounds, type: ValueType, context: Context): ParamBounds | undefined {
    if (ast.isChoiceBounds(node)) {
        // What a set may hold is said of each of its texts.
        const each = type === 'strings' ? 'string' : type;
        const oneOf = node.values.map((value) => fixed(param, value, each, context)).filter((value) => value !== undefined);
        return oneOf.length === node.values.length ? { oneOf } : undefined;
    }
    if (!isOrdered(type)) {
        context.report('MIG203', context.range(node), `The param '${param.name}' is ${typeNames[type]}: it has no least or most.`, {
            hint: "Write 'one of' and what it may be.",
        });
        return undefined;
    }
    const least = ast.isMostBounds(node) ? undefined : fixed(param, node.least, type, context);
    const most = node.most && fixed(param, node.most, type, context);
    if (typeof least === 'number' && typeof most === 'number' && least > most) {
        const message = `Nothing is between ${shown(least, type)} and ${shown(most, type)}: the least stands first.`;
        context.report('MIG206', context.range(node), message);
        return undefined;
    }
    return { ...(typeof least === 'number' && { least }), ...(typeof most === 'number' && { most }) };
}

/** Why a value is outside the bounds, as the end of a sentence; undefined where it is inside. */
export function outOfBounds(value: ParamValue['value'], bounds: ParamBounds | undefined, type: ValueType | undefined): string | undefined {
    if (value === undefined || !bounds || !type) return undefined;
    if (typeof value === 'object') {
        const other = value.find((text) => bounds.oneOf?.includes(text) === false);
        return other === undefined ? undefined : `it may hold ${listed(bounds.oneOf, 'string')}, and not "${other}"`;
    }
    if (bounds.oneOf) return bounds.oneOf.includes(value) ? undefined : `it must be one of ${listed(bounds.oneOf, type)}`;
    if (typeof value !== 'number') return undefined;
    if (bounds.least !== undefined && value < bounds.least) return `it must be at least ${shown(bounds.least, type)}`;
    if (bounds.most !== undefined && value > bounds.most) return `it must be at most ${shown(bounds.most, type)}`;
    return undefined;
}

/** Where the bounds come from, for the hint. */
export function boundsHint(param: ast.Param): string | undefined {
    return param.bounds && `The param '${param.name}' is declared with '${textOf(param.bounds).replaceAll(/\s+/g, ' ')}'.`;
}

function fixed(param: ast.Param, node: ast.Expression, type: ValueType, context: Context): Value | undefined {
    const found = expression(node, nothing, context);
    if (!found) return undefined;
    const value = constant(found);
    if (value === undefined || typeof value === 'object') {
        context.report('MIG207', context.range(node), `A bound of the param '${param.name}' must be known before the run.`);
        return undefined;
    }
    if (found.type === type) return value;
    const message = `The param '${param.name}' is ${typeNames[type]}, and ${textOf(node)} is ${typeNames[found.type]}.`;
    context.report('MIG203', context.range(node), message);
    return undefined;
}

const isOrdered = (type: ValueType): boolean => isDimension(type) || type === 'number' || type === 'time-of-day';

function shown(value: number, type: ValueType): string {
    if (isDimension(type)) return formatQuantity(value, type);
    return type === 'time-of-day' ? `${two(Math.floor(value / 60))}:${two(value % 60)}` : String(value);
}

const two = (value: number): string => String(value).padStart(2, '0');

const listed = (values: readonly Value[] = [], type: ValueType): string => values.map(quoted(type)).join(', ');

const quoted =
    (type: ValueType) =>
    (value: Value): string =>
        typeof value === 'number' ? shown(value, type) : typeof value === 'string' ? `"${value}"` : String(value);
