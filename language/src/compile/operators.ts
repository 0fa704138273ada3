/** What an operator makes of two sides that are compiled already: their types must go together. */
import type * as ast from '../generated/ast.js';
import type { Expression, SourceRange } from '../program.js';
import { isKnownValue } from './attribute.js';
import { type Context, replaceBy, textOf } from './context.js';
import { arithmetic, comparable, typeNames } from './types.js';
import { cureFor } from './unlike.js';
import { literal } from './values.js';

export function compared(
    node: ast.Binary,
    operator: '==' | '!=' | '<' | '<=' | '>' | '>=',
    left: Expression,
    right: Expression,
    range: SourceRange,
    context: Context,
): Expression | undefined {
    if (!comparable(operator, left.type, right.type)) {
        const order = left.type === right.type;
        const message = order
            ? `${textOf(node.left)} is ${typeNames[left.type]}: it can be compared with == and != only.`
            : `${textOf(node.left)} is ${typeNames[left.type]} and ${textOf(node.right)} is ${typeNames[right.type]}: they cannot be compared.`;
        context.report('MIG202', range, message, order ? {} : cureFor(node, left, right, context));
        return undefined;
    }
    isKnownValue(left, right, context);
    isKnownValue(right, left, context);
    return { kind: 'binary', type: 'boolean', operator, left, right, range };
}

export function reckoned(
    node: ast.Binary,
    operator: '+' | '-' | '*' | '/',
    left: Expression,
    right: Expression,
    range: SourceRange,
    context: Context,
): Expression | undefined {
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
        operator === 'in'
            ? 'After \'in\' stands a group or a list, such as ["a", "b"].'
            : "Before 'contains' stands a set of texts, such as vm.tags.";
    context.report('MIG202', range, message, { hint });
    return undefined;
}
