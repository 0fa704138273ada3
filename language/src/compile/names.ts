import { AstUtils } from 'langium';
import * as ast from '../generated/ast.js';
import type { Entity, Expression } from '../program.js';
import type { Context } from './context.js';
import { once } from './once.js';

/** What an expression may speak of in the place where it stands. */
export interface Names {
    readonly entities: ReadonlySet<Entity>;
    /** The place, for messages: `in a trigger`. */
    readonly place: string;
    /** What the parameters of the technique around it are worth here. */
    readonly parameters: ReadonlyMap<ast.Parameter, Expression | undefined>;
}

const everything: ReadonlySet<Entity> = new Set<Entity>(['vm', 'host', 'source', 'cluster', 'move']);

/** What a `let` may speak of: where it is used decides whether that is known there. */
export const namesInLet: Names = { entities: everything, place: 'in a let', parameters: new Map() };

/** What the definition of a group may speak of. */
export const namesInGroup: Readonly<Record<'vms' | 'hosts', Names>> = {
    vms: { entities: new Set<Entity>(['vm', 'host', 'cluster']), place: 'in a group of VMs', parameters: new Map() },
    hosts: { entities: new Set<Entity>(['host', 'cluster']), place: 'in a group of hosts', parameters: new Map() },
};

/** A name that stands for an expression. */
type Spelled = ast.Let | ast.Group;

/** Whether a let or a group needs itself, by way of others or not. */
export const isCyclic = once((of: Spelled, context): boolean => {
    const reached = new Set<Spelled>(spelledIn(of, context));
    for (const next of reached) for (const further of spelledIn(next, context)) reached.add(further);
    return reached.has(of);
});

/** Names that a let or a group may stand for, when all are spelled out: what is done with an expression is done with each. */
const mostSpelledOut = 1000;

/** Whether a let or a group stands for more than anybody writes, by names that stand for several others each. */
export const isTooMuch = (of: Spelled, context: Context): boolean => spelledOut(of, context) > mostSpelledOut;

const spelledOut = once((of: Spelled, context): number =>
    isCyclic(of, context) ? 1 : spelledIn(of, context).reduce((sum, next) => sum + spelledOut(next, context), 1),
);

const spelledIn = once((node: Spelled): readonly Spelled[] =>
    AstUtils.streamAllContents(node)
        .filter(ast.isNameRef)
        .map((name) => name.target.ref)
        .filter((target) => ast.isLet(target) || ast.isGroup(target))
        .toArray(),
);

/** The same of the host that is left instead of the host. */
export function aboutSource(of: Expression): Expression {
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
