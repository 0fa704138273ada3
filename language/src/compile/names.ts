import { AstUtils } from 'langium';
import * as ast from '../generated/ast.js';
import type { Entity, Expression } from '../program.js';
import { mayRead } from './attribute.js';
import type { Context } from './context.js';
import { condition, expression, literal, type Names } from './expression.js';

const everything: ReadonlySet<Entity> = new Set<Entity>(['vm', 'host', 'source', 'cluster', 'move']);

/** What a `let` may speak of: where it is used decides whether that is known there. */
export const namesInLet: Names = { entities: everything, place: 'in a let', parameters: new Map() };

/** What the definition of a group may speak of. */
export const namesInGroup: Readonly<Record<'vms' | 'hosts', Names>> = {
    vms: { entities: new Set<Entity>(['vm', 'host', 'cluster']), place: 'in a group of VMs', parameters: new Map() },
    hosts: { entities: new Set<Entity>(['host', 'cluster']), place: 'in a group of hosts', parameters: new Map() },
};

/** What a name stands for, put in its place. A name that is not declared has been reported when it was linked. */
export function named(node: ast.NameRef, names: Names, context: Context): Expression | undefined {
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

/** Whether a let needs itself, by way of others or not. */
export function isCyclic(of: ast.Let): boolean {
    const reached = new Set<ast.Let>(letsIn(of));
    for (const next of reached) for (const further of letsIn(next)) reached.add(further);
    return reached.has(of);
}

/** `vm in web`: what the group's definition says of this VM. Undefined where `in` is not followed by a group. */
export function membershipOfGroup(
    node: ast.Binary,
    names: Names,
    context: Context,
): { readonly condition: Expression | undefined } | undefined {
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
export function groupCondition(group: ast.Group, context: Context): Expression | undefined {
    const where = group.where;
    if (!where || context.isBroken(group)) return undefined;
    return context.collect(() => condition(where, namesInGroup[group.of], context)).result;
}

/** The value of a let. What is wrong with it is reported where it is declared. */
function letValue(of: ast.Let, context: Context): Expression | undefined {
    if (isCyclic(of)) return undefined;
    return context.collect(() => expression(of.value, namesInLet, context)).result;
}

function letsIn(node: ast.Let): readonly ast.Let[] {
    return AstUtils.streamAllContents(node)
        .filter(ast.isNameRef)
        .map((name) => name.target.ref)
        .filter(ast.isLet)
        .toArray();
}

function aboutSource(of: Expression): Expression {
    switch (of.kind) {
        case 'literal':
        case 'metric':
            return of;
        case 'attribute':
            return of.entity === 'host' ? { ...of, entity: 'source' } : of;
        case 'not':
        case 'negate':
            return { ...of, operand: aboutSource(of.operand) };
        case 'held':
            return { ...of, condition: aboutSource(of.condition) };
        case 'binary':
            return { ...of, left: aboutSource(of.left), right: aboutSource(of.right) };
    }
}
