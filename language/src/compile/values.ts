import type { BinaryOperator, Expression, SourceRange, ValueType } from '../program.js';

/** A value that stands in the text, or is put in the place of a name. */
export function literal(type: ValueType, value: number | string | boolean | readonly string[], range: SourceRange): Expression {
    return { kind: 'literal', type, value, range };
}

/** Several texts that stand side by side in the text, each of them once. */
export function texts(all: readonly { readonly text: string; readonly range: SourceRange }[], range: SourceRange): Expression {
    const once = [...new Map(all.toReversed().map((one) => [one.text, one])).values()].toReversed();
    return { kind: 'literal', type: 'strings', value: once.map(({ text }) => text), range, textRanges: once.map((one) => one.range) };
}

/** The value of an expression that can be told before the run; undefined where it depends on what is observed. */
export function constant(of: Expression): number | string | boolean | readonly string[] | undefined {
    if (of.kind === 'literal') return of.value;
    if (of.kind === 'negate') {
        const value = constant(of.operand);
        return typeof value === 'number' ? -value : undefined;
    }
    if (of.kind !== 'binary') return undefined;
    const left = constant(of.left);
    const right = constant(of.right);
    if (typeof left !== 'number' || typeof right !== 'number') return undefined;
    return calculations[of.operator]?.(left, right);
}

const calculations: Partial<Readonly<Record<BinaryOperator, (left: number, right: number) => number | undefined>>> = {
    '+': (left, right) => left + right,
    '-': (left, right) => left - right,
    '*': (left, right) => left * right,
    '/': (left, right) => (right === 0 ? undefined : left / right),
};
