/** What stands around the moves: checks after them, hooks, order and mutual exclusion. */
import * as ast from '../generated/ast.js';
import type { Exclusion, Expression, Hook, Ordering, Verify } from '../program.js';
import { count, duration, nothing } from './amount.js';
import type { Context } from './context.js';
import { condition } from './expression.js';
import { literal, texts } from './values.js';
import { groupOf, namesOfVms } from './selection.js';

/**
 * A command as it is run: several texts are a program and its arguments; one text with spaces in it is a line for the shell.
 */
export function command(texts: readonly string[]): readonly string[] {
    const [only = '', ...others] = texts;
    return others.length === 0 && /\s/.test(only) ? ['sh', '-c', only] : texts;
}

export function within(node: ast.Expression | undefined, context: Context): number | undefined {
    return node && duration(node, { what: "The time after 'within'" }, nothing, context);
}

/** By the words of the grammar, written together. */
const otherwise: Readonly<Record<string, NonNullable<Verify['otherwise']>>> = {
    report: 'report',
    returnhome: 'return-home',
    haltplan: 'halt-plan',
};

export function verify(node: ast.VerifyClause, context: Context): Verify {
    return {
        check: checkOf(node.check, context),
        from: node.place,
        ...(node.place !== undefined && { fromRange: context.range(node, 'place') }),
        withinMs: within(node.within, context),
        otherwise: node.otherwise === undefined ? undefined : otherwise[node.otherwise],
        range: context.range(node),
    };
}

const highestPort = 65_535;

function checkOf(node: ast.VerifyCheck, context: Context): Verify['check'] {
    switch (node.$type) {
        case ast.AgentCheck.$type:
            return { kind: 'agent' };
        case ast.CommandCheck.$type:
            return { kind: 'command', command: command(node.command) };
        case ast.TcpCheck.$type: {
            const port = count(node.port, { what: 'A port' }, nothing, context);
            if (port > highestPort) context.report('MIG206', context.range(node.port), `A port is at most ${highestPort}.`);
            return { kind: 'tcp', port };
        }
    }
}

export function hook(node: ast.HookClause, context: Context): Hook {
    return {
        when: node.moment === 'before each move' ? 'before' : 'after',
        command: command(node.command),
        on: node.place ?? node.host,
        ...(node.host !== undefined && { onRange: context.range(node, 'host') }),
        withinMs: within(node.within, context),
        range: context.range(node),
    };
}

export function exclusion(node: ast.ExclusionClause, context: Context): Exclusion {
    return { during: someVms(node.vms, context), range: context.range(node) };
}

export function ordering(node: ast.OrderingClause, context: Context): Ordering {
    const left = someVms(node.left, context);
    const right = someVms(node.right, context);
    const range = context.range(node);
    return node.relation === 'before' ? { first: left, then: right, range } : { first: right, then: left, range };
}

function someVms(node: ast.VmSet, context: Context): Expression {
    const range = context.range(node);
    if (node.where) return condition(node.where, namesOfVms, context);
    if (node.group) return groupOf(node, 'vms', context) ?? literal('boolean', true, range);
    const name: Expression = { kind: 'attribute', type: 'string', entity: 'vm', attribute: 'name', key: undefined, range };
    const [only, ...others] = node.names;
    const vms = texts(
        node.names.map((text, i) => ({ text, range: context.range(node, 'names', i) })),
        range,
    );
    return others.length === 0 && only !== undefined
        ? {
              kind: 'binary',
              type: 'boolean',
              operator: '==',
              left: name,
              right: literal('string', only, context.range(node, 'names', 0)),
              range,
          }
        : { kind: 'binary', type: 'boolean', operator: 'in', left: name, right: vms, range };
}
