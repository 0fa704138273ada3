/** What an operator makes of two sides that are compiled already: their types must go together. */
import type * as ast from '../generated/ast.js';
import type { BinaryOperator, Expression, SourceRange } from '../program.js';
import { isKnownValue } from './attribute.js';
import { type Context, type ReportOptions, replaceBy, textOf } from './context.js';
import { arithmetic, comparable, typeNames } from './types.js';
import { cureFor } from './unlike.js';
import { constant, literal } from './values.js';

export function compared(
    node: ast.Binary,
    operator: '==' | '!=' | '<' | '<=' | '>' | '>=',
    left: Expression,
    right: Expression,
    range: SourceRange,
    context: Context,
): Expression | undefined {
    const [a, b] = asShares(left, right);
    if (a !== left || b !== right) return { kind: 'binary', type: 'boolean', operator, left: a, right: b, range };
    if (!comparable(operator, left.type, right.type)) {
        const order = left.type === right.type;
        const message = order
            ? `${textOf(node.left)} is ${typeNames[left.type]}: it can be compared with == and != only.`
            : `${textOf(node.left)} is ${typeNames[left.type]} and ${textOf(node.right)} is ${typeNames[right.type]}: they cannot be compared.`;
        const cure = order ? {} : (memberInstead(node, operator, left, right, range) ?? cureFor(node, left, right, context));
        context.report('MIG202', range, message, cure);
        return undefined;
    }
    isKnownValue(left, right, context);
    isKnownValue(right, left, context);
    return { kind: 'binary', type: 'boolean', operator, left, right, range };
}

/** `vm.working_set / vm.memory` is a bare number, and a share beside one: it may be compared with 20%, and added to it. */
function asShares(left: Expression, right: Expression): readonly [Expression, Expression] {
    if (left.type === 'ratio' && isPart(right)) return [left, { ...right, type: 'ratio' }];
    if (right.type === 'ratio' && isPart(left)) return [{ ...left, type: 'ratio' }, right];
    return [left, right];
}

const isPart = (of: Expression): of is Extract<Expression, { kind: 'binary' }> =>
    of.kind === 'binary' && of.type === 'number' && of.operator === '/' && of.left.type === of.right.type && of.left.type !== 'number';

/** `host.zone == zones` was meant as `host.zone in zones`. */
function memberInstead(
    node: ast.Binary,
    operator: BinaryOperator,
    left: Expression,
    right: Expression,
    range: SourceRange,
): ReportOptions | undefined {
    const isMember = (member: Expression, set: Expression): boolean => member.type === 'string' && set.type === 'strings';
    const turned = isMember(right, left);
    if ((operator !== '==' && operator !== '!=') || !(turned || isMember(left, right))) return undefined;
    const text = turned ? `${textOf(node.left)} contains ${textOf(node.right)}` : `${textOf(node.left)} in ${textOf(node.right)}`;
    const written = operator === '==' ? text : `not ${text}`;
    return { hint: `Did you mean ${written}?`, fixes: [replaceBy(range, written)] };
}

export function reckoned(
    node: ast.Binary,
    operator: '+' | '-' | '*' | '/',
    left: Expression,
    right: Expression,
    range: SourceRange,
    context: Context,
): Expression | undefined {
    const [a, b] = operator === '+' || operator === '-' ? asShares(left, right) : [left, right];
    if (a !== left || b !== right) return reckoned(node, operator, a, b, range, context);
    if (operator === '/' && constant(right) === 0) {
        context.report('MIG205', context.range(node.right), `Nothing can be divided by ${textOf(node.right)}: that is 0.`);
        return undefined;
    }
    const outcome = arithmetic(operator, left.type, right.type);
    if (!outcome) {
        const verb = { '+': 'added', '-': 'subtracted', '*': 'multiplied', '/': 'divided' }[operator];
        const message = `${textOf(node.left)} is ${typeNames[left.type]} and ${textOf(node.right)} is ${typeNames[right.type]}: they cannot be ${verb}.`;
        context.report('MIG202', range, message, operator === '+' || operator === '-' ? cureFor(node, left, right, context) : {});
        return undefined;
    }
    const plain: Expression = { kind: 'binary', type: outcome.type, operator, left, right, range };
    if (outcome.factor === 1) return plain;
    // Seconds and milliseconds meet: the factor is written into the program, so that whoever evaluates it need not know units.
    return { kind: 'binary', type: outcome.type, operator: '*', left: plain, right: literal('number', outcome.factor, range), range };
}

export function membership(
    node: ast.Binary,
    operator: 'in' | 'contains',
    left: Expression,
    right: Expression,
    range: SourceRange,
    context: Context,
): Expression | undefined {
    const [set, member] = operator === 'in' ? [right, left] : [left, right];
    if ((set.type === 'strings' || (operator === 'contains' && set.type === 'string')) && member.type === 'string') {
        return { kind: 'binary', type: 'boolean', operator, left, right, range };
    }
    const [setText, memberText] = operator === 'in' ? [textOf(node.right), textOf(node.left)] : [textOf(node.left), textOf(node.right)];
    if (member.type === 'strings' && set.type === 'string') {
        const message = `${setText} is a text and ${memberText} a set of texts: they stand the wrong way round.`;
        const turned = `${textOf(node.right)} ${operator} ${textOf(node.left)}`;
        context.report('MIG202', range, message, { hint: `Did you mean ${turned}?`, fixes: [replaceBy(range, turned)] });
        return undefined;
    }
    const message =
        set.type === 'strings'
            ? `${memberText} is ${typeNames[member.type]}, and ${setText} holds texts.`
            : `${setText} is ${typeNames[set.type]}, which holds nothing.`;
    const hint =
        set.type === 'strings'
            ? `${operator === 'in' ? "Before 'in'" : "After 'contains'"} stands a text in double quotes, such as "web".`
            : operator === 'in'
              ? 'After \'in\' stands a group or a list, such as ["a", "b"].'
              : "Before 'contains' stands a set of texts, such as vm.tags.";
    context.report('MIG202', range, message, { hint });
    return undefined;
}
