import * as ast from '../generated/ast.js';
import type { BinaryOperator, Entity, Expression, SourceRange, ValueType } from '../program.js';
import { parseQuantity } from '../units.js';
import { attribute, predicate } from './attribute.js';
import { isKnownValue } from './attribute.js';
import { type Context, replaceBy, textOf } from './context.js';
import { named } from './names.js';
import { cureFor } from './unlike.js';
import { arithmetic, comparable, isDimension, typeNames } from './types.js';
import { membershipOfGroup } from './names.js';
import { minutesOf } from './clock.js';

/** What an expression may speak of in the place where it stands. */
export interface Names {
    readonly entities: ReadonlySet<Entity>;
    /** The place, for messages: `in a trigger`. */
    readonly place: string;
    /** What the parameters of the technique around it are worth here. */
    readonly parameters: ReadonlyMap<ast.Parameter, Expression | undefined>;
}

/**
 * Compiles an expression: resolves its names, checks its types and units, and brings quantities into base units.
 * Undefined where something is wrong with it, which has then been reported.
 */
export function expression(node: ast.Expression, names: Names, context: Context): Expression | undefined {
    const range = context.range(node);
    switch (node.$type) {
        case ast.QuantityLiteral.$type:
            return quantity(node, range, context);
        case ast.NumberLiteral.$type:
            return literal('number', Number(node.text), range);
        case ast.StringLiteral.$type:
            return literal('string', node.value, range);
        case ast.BooleanLiteral.$type:
            return literal('boolean', node.word === 'true', range);
        case ast.TimeLiteral.$type:
            return literal('time-of-day', minutesOf(node.text, range, context), range);
        case ast.UnlimitedLiteral.$type:
            context.report('MIG208', range, "'unlimited' cannot stand here: this must have a limit.");
            return undefined;
        case ast.ListLiteral.$type:
            return list(node, range, names, context);
        case ast.Metric.$type:
            return { kind: 'metric', type: 'number', query: node.query, range };
        case ast.Timed.$type:
            context.report('MIG006', range, 'A schedule can stand only in a trigger.');
            return undefined;
        case ast.Parenthesised.$type:
            return expression(node.inner, names, context);
        case ast.AttributeRef.$type:
            return attribute(node, names, context);
        case ast.Predicate.$type:
            return predicate(node, names, context);
        case ast.MoveWord.$type:
            return moveWord(node, names, context);
        case ast.EntityRef.$type:
            context.report('MIG203', range, `'${node.entity}' is no value of its own.`, {
                hint: `Name one of its attributes, such as ${node.entity}.name.`,
            });
            return undefined;
        case ast.NameRef.$type:
            return named(node, names, context);
        case ast.Not.$type: {
            const operand = condition(node.operand, names, context);
            return { kind: 'not', type: 'boolean', operand, range };
        }
        case ast.Negate.$type:
            return negation(node, range, names, context);
        case ast.Held.$type:
            return held(node, range, names, context);
        case ast.Binary.$type:
            return binary(node, range, names, context);
    }
}

/** Compiles what must be true or false. */
export function condition(node: ast.Expression, names: Names, context: Context): Expression {
    const found = expression(node, names, context);
    const range = context.range(node);
    if (!found) return literal('boolean', true, range);
    if (found.type !== 'boolean') {
        const compare =
            isDimension(found.type) || found.type === 'number'
                ? 'Compare it with something, such as with > or <.'
                : 'Compare it with something, such as with ==.';
        context.report('MIG203', range, `A condition must be true or false, and ${textOf(node)} is ${typeNames[found.type]}.`, {
            hint: compare,
        });
        return literal('boolean', true, range);
    }
    return found;
}

export function literal(type: ValueType, value: number | string | boolean | readonly string[], range: SourceRange): Expression {
    return { kind: 'literal', type, value, range };
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

function quantity(node: ast.QuantityLiteral, range: SourceRange, context: Context): Expression | undefined {
    const parsed = parseQuantity(node.text);
    if (parsed.ok) return literal(parsed.dimension, parsed.value, range);
    context.report('MIG201', range, `${parsed.problem}${parsed.problem.endsWith('?') ? '' : '.'}`, {
        hint:
            parsed.meant === undefined
                ? 'Units are us ms s min h d, B KiB MiB GiB TiB, bit/s … Gbit/s, MiB/s, %, W kW and J kJ.'
                : undefined,
        fixes: parsed.meant === undefined ? [] : [replaceBy(range, parsed.meant)],
    });
    return undefined;
}

function list(node: ast.ListLiteral, range: SourceRange, names: Names, context: Context): Expression | undefined {
    const items = node.items.map((item) => expression(item, names, context));
    const texts: string[] = [];
    for (const [index, item] of items.entries()) {
        if (!item) return undefined;
        const value = constant(item);
        if (typeof value !== 'string') {
            context.report('MIG203', context.range(node, 'items', index), 'A list in brackets holds texts in double quotes.');
            return undefined;
        }
        texts.push(value);
    }
    return literal('strings', texts, range);
}

function moveWord(node: ast.MoveWord, names: Names, context: Context): Expression | undefined {
    const range = context.range(node);
    if (!names.entities.has('move')) {
        context.report('MIG107', range, `'${node.word}' is known only while a VM moves: in the rungs of a technique, not ${names.place}.`);
        return undefined;
    }
    const type: ValueType = node.word === 'iteration' ? 'number' : node.word === 'elapsed' ? 'duration' : 'size';
    return { kind: 'attribute', type, entity: 'move', attribute: node.word, key: undefined, range };
}

function negation(node: ast.Negate, range: SourceRange, names: Names, context: Context): Expression | undefined {
    const operand = expression(node.operand, names, context);
    if (!operand) return undefined;
    if (operand.type === 'number' || isDimension(operand.type)) return { kind: 'negate', type: operand.type, operand, range };
    context.report('MIG202', range, `${textOf(node.operand)} is ${typeNames[operand.type]}: it has no negative.`, {
        hint: operand.type === 'boolean' ? "Write 'not'." : undefined,
    });
    return undefined;
}

function held(node: ast.Held, range: SourceRange, names: Names, context: Context): Expression | undefined {
    const inner = condition(node.condition, names, context);
    const time = expression(node.time, names, context);
    if (!time) return undefined;
    const ms = constant(time);
    if (time.type !== 'duration' || typeof ms !== 'number' || ms <= 0) {
        context.report(
            'MIG203',
            context.range(node.time),
            `After 'for' stands how long it must have held, such as 5 min; ${textOf(node.time)} is ${typeNames[time.type]}.`,
        );
        return undefined;
    }
    return { kind: 'held', type: 'boolean', condition: inner, forMs: ms, range };
}

function binary(node: ast.Binary, range: SourceRange, names: Names, context: Context): Expression | undefined {
    const operator = node.operator;
    if (operator === 'and' || operator === 'or') {
        const left = condition(node.left, names, context);
        const right = condition(node.right, names, context);
        return { kind: 'binary', type: 'boolean', operator, left, right, range };
    }
    const group = operator === 'in' ? membershipOfGroup(node, names, context) : undefined;
    if (group) return group.condition;
    const left = expression(node.left, names, context);
    const right = expression(node.right, names, context);
    if (!left || !right) return undefined;
    if (operator === '+' || operator === '-' || operator === '*' || operator === '/')
        return reckoned(node, operator, left, right, range, context);
    if (operator === 'in' || operator === 'contains') return membership(node, operator, left, right, range, context);
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

function reckoned(
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

function membership(
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
