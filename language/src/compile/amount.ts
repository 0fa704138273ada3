/** Values that must be known before the run: limits, times, counts. Each returns a base-unit figure, or a stand-in after it has reported. */
import type { Fix } from '../finding.js';
import * as ast from '../generated/ast.js';
import type { Entity, Expression, ValueType } from '../program.js';
import { type Dimension, formatQuantity } from '../units.js';
import { type Context, replaceBy, textOf } from './context.js';
import { expression } from './expression.js';
import type { Names } from './names.js';
import { constant } from './values.js';
import { examples, isDimension, likelyUnits, typeNames } from './types.js';
import { asType } from './unlike.js';

/** Nothing that is observed: only literals, params and what is reckoned from them. */
export const nothing: Names = { entities: new Set<Entity>(), place: 'in a fixed value', parameters: new Map() };

/** What a limit says: how much, or that there is none. */
export type Limited = number | 'unlimited';

interface Demand {
    /** What the value is for, at the start of a sentence: `The downtime limit`. */
    readonly what: string;
    /** Here a zero was probably meant as no limit. */
    readonly unlimited?: boolean;
    /** A zero has a meaning here. */
    readonly zero?: boolean;
    /** The unit that a bare number most likely lacks, where it is not the usual one of its kind. */
    readonly unit?: string;
}

export function duration(node: ast.Expression, demand: Demand, names: Names, context: Context): number {
    return amount(node, 'duration', demand, names, context);
}

export function size(node: ast.Expression, demand: Demand, names: Names, context: Context): number {
    return amount(node, 'size', demand, names, context);
}

export function quantity(node: ast.Expression, dimension: Dimension, demand: Demand, names: Names, context: Context): number {
    return amount(node, dimension, demand, names, context);
}

/** A share between 0 and 1. */
export function share(node: ast.Expression, demand: Demand, names: Names, context: Context): number {
    const value = amount(node, 'ratio', demand, names, context);
    if (value > 1) outOfRange(node, demand, `${formatQuantity(value, 'ratio')} is more than all`, context);
    return value;
}

export function rateOrUnlimited(node: ast.Expression, demand: Demand, names: Names, context: Context): Limited {
    return isUnlimited(node) ? 'unlimited' : amount(node, 'rate', { ...demand, unlimited: true }, names, context);
}

/** A rate, or a share of what there is. */
export function rateOrShare(
    node: ast.Expression,
    demand: Demand,
    names: Names,
    context: Context,
): { readonly kind: 'rate'; readonly rate: number } | { readonly kind: 'share'; readonly share: number } | { readonly kind: 'unlimited' } {
    if (isUnlimited(node)) return { kind: 'unlimited' };
    return typeOf(node, names, context) === 'ratio'
        ? { kind: 'share', share: share(node, demand, names, context) }
        : { kind: 'rate', rate: amount(node, 'rate', demand, names, context) };
}

/** A size, or a share of what there is. */
export function sizeOrShare(
    node: ast.Expression,
    demand: Demand,
    names: Names,
    context: Context,
): { readonly kind: 'size'; readonly bytes: number } | { readonly kind: 'share'; readonly share: number } {
    return typeOf(node, names, context) === 'size'
        ? { kind: 'size', bytes: size(node, demand, names, context) }
        : { kind: 'share', share: share(node, demand, names, context) };
}

/** A whole number of things. */
export function count(node: ast.Expression, demand: Demand, names: Names, context: Context): number {
    const found = fixed(node, demand, names, context);
    if (!found) return 1;
    if (found.type !== 'number' || typeof found.value !== 'number') {
        context.report('MIG203', context.range(node), `${demand.what} is a number, and ${textOf(node)} is ${typeNames[found.type]}.`);
        return 1;
    }
    if (!Number.isInteger(found.value) || found.value < 0) {
        outOfRange(node, demand, found.value < 0 ? 'it cannot be negative' : `${found.value} is no whole number`, context);
        return 1;
    }
    if (found.value === 0 && !demand.zero) zeroMeant(node, demand, context);
    return found.value;
}

/** A number, not necessarily whole. */
export function figure(node: ast.Expression, demand: Demand, names: Names, context: Context): number {
    const found = fixed(node, demand, names, context);
    if (!found) return 1;
    if (found.type === 'number' && typeof found.value === 'number') return found.value;
    context.report('MIG203', context.range(node), `${demand.what} is a number, and ${textOf(node)} is ${typeNames[found.type]}.`);
    return 1;
}

/** The type that a value has, without a word about what may be wrong with it. */
export function typeOf(node: ast.Expression, names: Names, context: Context): ValueType | undefined {
    return context.collect(() => expression(node, names, context)).result?.type;
}

/** A quantity of one dimension, in its base unit. */
function amount(node: ast.Expression, dimension: Dimension, demand: Demand, names: Names, context: Context): number {
    const found = fixed(node, demand, names, context);
    if (!found) return 0;
    const { type, value } = found;
    const range = context.range(node);
    if (type !== dimension || typeof value !== 'number') {
        const unit = demand.unit ?? likelyUnits[dimension];
        const written = asType(textOf(node), dimension, unit);
        // Which unit was meant, or whether something else was, a person has to say.
        const fixes: readonly Fix[] = written === undefined ? [] : [{ ...replaceBy(range, written), asks: true }];
        if (type === 'number') {
            if (value === 0 && !demand.zero) zeroMeant(node, demand, context);
            else {
                const hint = `Write ${written ?? `${textOf(node)} ${unit}`}, say.`;
                context.report('MIG204', range, `${demand.what} is ${typeNames[dimension]}: ${textOf(node)} needs a unit.`, {
                    hint,
                    fixes,
                });
            }
        } else {
            const hint = written === undefined ? `Write ${examples[dimension]}, say.` : `Did you mean ${written}?`;
            context.report('MIG203', range, `${demand.what} is ${typeNames[dimension]}, and ${textOf(node)} is ${typeNames[type]}.`, {
                hint,
                fixes,
            });
        }
        return 0;
    }
    if (value === 0 && !demand.zero) zeroMeant(node, demand, context);
    if (value < 0) outOfRange(node, demand, 'it cannot be negative', context);
    return value;
}

function fixed(
    node: ast.Expression,
    demand: Demand,
    names: Names,
    context: Context,
): { readonly type: ValueType; readonly value: ReturnType<typeof constant> } | undefined {
    const found: Expression | undefined = expression(node, names, context);
    if (!found) return undefined;
    const value = constant(found);
    if (value !== undefined) return { type: found.type, value };
    const about = found.type === 'boolean' ? ' is a condition' : ' depends on what is observed, or cannot be reckoned';
    context.report('MIG207', context.range(node), `${demand.what} must be known before the run, and ${textOf(node)}${about}.`, {
        hint: isDimension(found.type) ? `Write ${examples[found.type]}, say, or the name of a param.` : undefined,
    });
    return undefined;
}

function zeroMeant(node: ast.Expression, demand: Demand, context: Context): void {
    const range = context.range(node);
    context.report('MIG205', range, `${demand.what} cannot be 0.`, {
        hint: demand.unlimited ? "With 0 nothing could move: write 'unlimited' where there is no limit." : 'Leave it out, or write more.',
        fixes: demand.unlimited ? [{ ...replaceBy(range, 'unlimited'), asks: true }] : [],
    });
}

function outOfRange(node: ast.Expression, demand: Demand, why: string, context: Context): void {
    context.report('MIG206', context.range(node), `${demand.what} is out of range: ${why}.`);
}

function isUnlimited(node: ast.Expression): boolean {
    return ast.isUnlimitedLiteral(node) || (ast.isParenthesised(node) && isUnlimited(node.inner));
}
