import type * as ast from '../generated/ast.js';
import type { Expression } from '../program.js';
import { parseQuantity } from '../units.js';
import { type Context, type ReportOptions, replaceBy, textOf } from './context.js';
import { isDimension, likelyUnits } from './types.js';

/** How to make the two sides of a comparison or a sum alike, where one is a literal that could be written otherwise. */
export function cureFor(node: ast.Binary, left: Expression, right: Expression, context: Context): ReportOptions {
    const rewritten = rewrite(node.right, right, left) ?? rewrite(node.left, left, right);
    if (!rewritten) return { hint: 'Both sides must be of one kind.' };
    return {
        hint: `Did you mean ${rewritten.text}?`,
        fixes: [{ ...replaceBy(context.range(rewritten.node), rewritten.text), asks: true }],
    };
}

function rewrite(node: ast.Expression, written: Expression, other: Expression): { node: ast.Expression; text: string } | undefined {
    if (written.kind !== 'literal' || !isDimension(other.type)) return undefined;
    const text = asType(textOf(node), other.type);
    return text === undefined ? undefined : { node, text };
}

/** The same figure in a unit of another kind: `100 MiB` as a rate is `100 MiB/s`. Undefined where that is anyone's guess. */
export function asType(text: string, type: keyof typeof likelyUnits, unit: string = likelyUnits[type]): string | undefined {
    if (/^\d+(\.\d+)?$/.test(text)) {
        const share = type === 'ratio' && Number(text) <= 1 ? Number((Number(text) * 100).toPrecision(12)) : Number(text);
        return type === 'ratio' ? `${share}%` : `${text} ${unit}`;
    }
    const parsed = parseQuantity(text);
    if (!parsed.ok) return undefined;
    if (parsed.dimension === 'size' && type === 'rate') return `${text}/s`;
    if (parsed.dimension === 'rate' && type === 'size' && /[^t]\/s$/.test(text)) return text.replace(/\/s$/, '');
    return undefined;
}
