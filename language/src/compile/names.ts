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

/** What stands for what it is declared as: its name is spelled out wherever it is used. */
type Spelled = ast.Let | ast.Group | ast.Technique;

/** Whether something can be spelled out. What keeps it from that is reported: at its declaration, and nowhere else. */
export function isSound(of: Spelled, context: Context): boolean {
    const range = context.range(of, 'name');
    const name = ast.isTechnique(of) ? `The technique '${of.name}'` : `'${of.name}'`;
    if (isCyclic(of, context)) context.report('MIG108', range, `${name} needs itself.`);
    else if (isTooMuch(of, context))
        context.report('MIG112', range, `${name} stands for more than a thousand names when it is spelled out.`, {
            hint: 'Say what it means with fewer names, or by reckoning with one instead of repeating it.',
        });
    else return true;
    return false;
}

/** Whether something needs itself, by way of others or not. */
export const isCyclic = (of: Spelled, context: Context): boolean => reachedFrom(of, context).has(of);

/** Names that one may stand for, when all are spelled out: what is done with an expression is done with each. */
const mostSpelledOut = 1000;

/** Whether something stands for more than anybody writes, by names that stand for several others each. */
export const isTooMuch = once((of: Spelled, context): boolean => {
    // The count goes from name to name, and is made only where they are few.
    return reachedFrom(of, context).size > mostSpelledOut || spelledOut(of, context) > mostSpelledOut;
});

const spelledOut = once((of: Spelled, context): number =>
    isCyclic(of, context) ? 1 : spelledIn(of, context).reduce((sum, next) => sum + spelledOut(next, context), 1),
);

/** The names that one stands for, by way of others or not; of too many, some. */
const reachedFrom = once((of: Spelled, context): ReadonlySet<Spelled> => {
    const reached = new Set<Spelled>(spelledIn(of, context));
    for (const next of reached) {
        if (reached.size > mostSpelledOut) break;
        for (const further of spelledIn(next, context)) reached.add(further);
    }
    return reached;
});

const spelledIn = once((node: Spelled, context): readonly Spelled[] =>
    AstUtils.streamAllContents(node)
        .map((part) => (ast.isNameRef(part) ? part.target.ref : ast.isNamedUse(part) ? part.technique?.ref : undefined))
        .filter((target) => ast.isLet(target) || ast.isGroup(target) || ast.isTechnique(target))
        .filter((target) => !context.isBroken(target))
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
