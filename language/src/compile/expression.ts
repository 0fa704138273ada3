import * as ast from '../generated/ast.js';
import type { Expression, SourceRange, ValueType } from '../program.js';
import { parseQuantity } from '../units.js';
import { attribute, mayRead, predicate } from './attribute.js';
import { minutesOf } from './clock.js';
import { type Context, replaceBy, textOf } from './context.js';
import { aboutSource, isCyclic, isTooMuch, type Names, namesInGroup, namesInLet } from './names.js';
import { compared, membership, reckoned } from './operators.js';
import { isDimension, typeNames } from './types.js';
import { once } from './once.js';
import { asType } from './unlike.js';
import { constant, literal, texts } from './values.js';

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

function quantity(node: ast.QuantityLiteral, range: SourceRange, context: Context): Expression | undefined {
    const parsed = parseQuantity(node.text);
    if (parsed.ok) return literal(parsed.dimension, parsed.value, range);
    context.report('MIG201', range, `${parsed.problem}${parsed.problem.endsWith('?') ? '' : '.'}`, {
        hint:
            parsed.meant === undefined
                ? 'Units are us ms s min h d, B KiB MiB GiB TiB, bit/s … Gbit/s, MiB/s, %, W kW and J kJ.'
                : undefined,
        fixes: parsed.meant === undefined ? [] : [{ ...replaceBy(range, parsed.meant), ...(parsed.guessed && { asks: true }) }],
    });
    return undefined;
}

function list(node: ast.ListLiteral, range: SourceRange, names: Names, context: Context): Expression | undefined {
    const items = node.items.map((item) => expression(item, names, context));
    const all: { readonly text: string; readonly range: SourceRange }[] = [];
    for (const [index, item] of items.entries()) {
        if (!item) return undefined;
        const value = constant(item);
        if (typeof value !== 'string') {
            context.report('MIG203', context.range(node, 'items', index), 'A list in brackets holds texts in double quotes.');
            return undefined;
        }
        all.push({ text: value, range: item.range });
    }
    return texts(all, range);
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
    const written = time.type === 'number' && ms !== 0 ? asType(textOf(node.time), 'duration', 'min') : undefined;
    if (written !== undefined) {
        const at = context.range(node.time);
        context.report('MIG204', at, `How long it must have held is a duration: ${textOf(node.time)} needs a unit.`, {
            hint: `Write ${written}, say.`,
            fixes: [{ ...replaceBy(at, written), asks: true }],
        });
        return undefined;
    }
    if (time.type === 'duration' && typeof ms === 'number' && ms < 0) {
        context.report('MIG206', context.range(node.time), `How long it must have held is out of range: it cannot be negative.`);
        return undefined;
    }
    if (time.type !== 'duration' || typeof ms !== 'number' || ms === 0) {
        context.report(
            'MIG203',
            context.range(node.time),
            `After 'for' stands how long it must have held, such as 5 min; ${textOf(node.time)} is ${ms === 0 ? 'no time at all' : typeNames[time.type]}.`,
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
    return compared(node, operator, left, right, range, context);
}

/** What a name stands for, put in its place. A name that is not declared has been reported when it was linked. */
function named(node: ast.NameRef, names: Names, context: Context): Expression | undefined {
    const target = node.target.ref;
    if (!target || context.isBroken(target)) return undefined;
    const range = context.range(node);
    switch (target.$type) {
        case ast.Param.$type: {
            const param = context.params.get(target);
            if (!param) {
                context.report('MIG108', range, `The param '${target.name}' is not known yet here.`, {
                    hint: 'Declare it before it is used.',
                });
                return undefined;
            }
            return param.type === undefined || param.value === undefined ? undefined : literal(param.type, param.value, range);
        }
        case ast.Let.$type: {
            const value = letValue(target, context);
            return value && mayRead(value, names, node, context) ? value : undefined;
        }
        case ast.Parameter.$type:
            return names.parameters.get(target);
        case ast.Group.$type:
            context.report('MIG203', range, `'${target.name}' is a group, not a value.`, {
                hint: `Write ${target.of === 'vms' ? 'vm' : 'host'} in ${target.name}.`,
            });
            return undefined;
    }
}

/** `vm in web`: what the group's definition says of this VM. Undefined where `in` is not followed by a group. */
function membershipOfGroup(node: ast.Binary, names: Names, context: Context): { readonly condition: Expression | undefined } | undefined {
    const right = node.right;
    const group = ast.isNameRef(right) ? right.target.ref : undefined;
    if (!ast.isNameRef(right) || !group || !ast.isGroup(group)) return undefined;
    if (context.isBroken(group)) return { condition: undefined };
    const member = ast.isEntityRef(node.left) ? node.left.entity : undefined;
    const fits = group.of === 'vms' ? member === 'vm' : member === 'host' || member === 'source';
    if (!fits) {
        context.report(
            'MIG203',
            context.range(node.left),
            `'${group.name}' is a group of ${group.of}: only ${group.of === 'vms' ? 'vm' : 'host or source'} can be in it.`,
        );
        return { condition: undefined };
    }
    const definition = groupCondition(group, context) ?? literal('boolean', true, context.range(node));
    const about = member === 'source' ? aboutSource(definition) : definition;
    return { condition: mayRead(about, names, right, context) ? about : undefined };
}

/** The condition that a group stands for; undefined means all. What is wrong with it is reported where it is declared. */
export const groupCondition = once((group: ast.Group, context): Expression | undefined => {
    const where = group.where;
    if (!where || context.isBroken(group) || isCyclic(group, context) || isTooMuch(group, context)) return undefined;
    return context.collect(() => condition(where, namesInGroup[group.of], context)).result;
});

/** The value of a let. What is wrong with it is reported where it is declared. */
const letValue = once((of: ast.Let, context): Expression | undefined => {
    if (isCyclic(of, context) || isTooMuch(of, context)) return undefined;
    return context.collect(() => expression(of.value, namesInLet, context)).result;
});
