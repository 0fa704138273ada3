import type { AstNode } from 'langium';
import * as ast from '../generated/ast.js';
import type { Entity, Expression, Selection } from '../program.js';
import { count, duration, nothing, share, typeOf } from './amount.js';
import { all as allOf, only } from './clauses.js';
import type { Context } from './context.js';
import { condition, expression, groupCondition } from './expression.js';
import type { Names } from './names.js';
import { literal } from './values.js';

/** What the clauses on VMs may speak of: `vm` is the candidate, `host` and `source` the host that it runs on. */
export const namesOfVms: Names = {
    entities: new Set<Entity>(['vm', 'host', 'source', 'cluster']),
    place: 'where VMs are chosen',
    parameters: new Map(),
};

const namesOfHosts: Names = { entities: new Set<Entity>(['host', 'cluster']), place: 'where hosts are chosen', parameters: new Map() };

/** Which VMs are moved, in which order, and how many. */
export function selection(node: ast.MoveClause, context: Context): Selection {
    const range = context.range(node);
    const one = <Type extends ast.MoveItem['$type']>(type: Type): Extract<ast.MoveItem, { readonly $type: Type }> | undefined =>
        only(node.items, type, context);
    const all = <Type extends ast.MoveItem['$type']>(type: Type): readonly Extract<ast.MoveItem, { readonly $type: Type }>[] =>
        allOf(node.items, type);

    const limit = one(ast.LimitItem.$type);
    const until = one(ast.UntilItem.$type);
    const together = one(ast.TogetherItem.$type);
    const quiet = one(ast.QuietItem.$type);
    const onlyIf = one(ast.OnlyIfItem.$type);
    const immovable = one(ast.ImmovableItem.$type);
    const triage = one(ast.TriageItem.$type);
    const groups = all(ast.InGroupItem.$type).flatMap((item) => groupOf(item, 'vms', context) ?? []);
    return {
        range,
        from: startOf(node, one(ast.FromItem.$type), context),
        where: [...groups, ...all(ast.WhereItem.$type).map((item) => condition(item.condition, namesOfVms, context))],
        except: all(ast.ExceptItem.$type).map((item) => condition(item.condition, namesOfVms, context)),
        order: (one(ast.OrderItem.$type)?.keys ?? []).map((key) => ({
            by: ranked(key.by, 'An order', namesOfVms, context),
            direction: key.direction ?? 'ascending',
            range: context.range(key),
        })),
        limit: limit && { ...limitOf(limit, context), range: context.range(limit) },
        until: until && condition(until.condition, namesOfVms, context),
        together: together && {
            by: valued(together.by, namesOfVms, context),
            allOrNone: together.allOrNone,
            range: context.range(together),
        },
        quietWhen: quiet && condition(quiet.condition, namesOfVms, context),
        onlyIfEmptied: onlyIf && context.range(onlyIf),
        immovable: immovable ? immovableOf(immovable, context) : { action: 'skip', range },
        triage: triage && { by: ranked(triage.by, 'A weight', namesOfVms, context), range: context.range(triage) },
    };
}

function immovableOf(item: ast.ImmovableItem, context: Context): Selection['immovable'] {
    const action = actions[item.action] ?? 'skip';
    const range = context.range(item);
    if (!item.within) return { action, range };
    if (action !== 'shut-down') {
        context.report('MIG006', context.range(item.within), 'A time is given for shutting down, and here no guest is shut down.', {
            hint: 'Write `immovable: shut down vm within …`, or leave the time out.',
        });
        return { action, range };
    }
    return { action, withinMs: duration(item.within, { what: 'The time to shut down' }, nothing, context), range };
}

/** By the words of the grammar, written together. */
const actions: Readonly<Record<string, Selection['immovable']['action']>> = {
    skip: 'skip',
    skiphost: 'skip-host',
    shutdownvm: 'shut-down',
    haltplan: 'halt-plan',
};

/** The condition of the group that an item names. Undefined: all of its kind, or a group that is reported elsewhere. */
export function groupOf(
    item: AstNode & { readonly group?: ast.InGroupItem['group'] },
    of: 'vms' | 'hosts',
    context: Context,
): Expression | undefined {
    const group = item.group?.ref;
    if (!group || context.isBroken(group)) return undefined;
    if (group.of !== of) {
        context.report('MIG203', context.range(item, 'group'), `'${group.name}' is a group of ${group.of}, and here ${of} are chosen.`);
        return undefined;
    }
    return groupCondition(group, context);
}

/** An expression with a value: anything but a condition. */
export function valued(node: ast.Expression, names: Names, context: Context): Expression {
    return expression(node, names, context) ?? literal('number', 0, context.range(node));
}

/** An expression by which things can be put in an order. */
export function ranked(node: ast.Expression, what: string, names: Names, context: Context): Expression {
    const found = valued(node, names, context);
    if (found.type === 'strings') {
        context.report('MIG203', context.range(node), `${what} needs a figure or a text, and this is a set of texts.`);
    }
    return found;
}

function startOf(node: ast.MoveClause, from: ast.FromItem | undefined, context: Context): Selection['from'] {
    const range = context.range(from ?? node.what);
    if (ast.isVmSubject(node.what)) {
        if (from)
            context.report('MIG006', range, "'move vm' names VMs: where they run cannot be added.", {
                hint: "Write 'move vms on …' to choose by host.",
            });
        const { what } = node;
        if (what.names.length === 0) return { kind: 'bound-vm', range };
        return { kind: 'named-vms', vms: what.names, vmRanges: what.names.map((_, i) => context.range(what, 'names', i)), range };
    }
    if (!from) return { kind: 'all', range };
    if (from.hosts) {
        const group = groupOf(from, 'hosts', context);
        const where = from.where && condition(from.where, namesOfHosts, context);
        return { kind: 'hosts', where: both(group, where), range };
    }
    return from.name === undefined
        ? { kind: 'bound-host', range }
        : { kind: 'named-host', host: from.name, range: context.range(from, 'name') };
}

/** Both of two conditions, either of which may be absent. */
export function both(first: Expression | undefined, second: Expression | undefined): Expression | undefined {
    if (!first || !second) return first ?? second;
    return { kind: 'binary', type: 'boolean', operator: 'and', left: first, right: second, range: second.range };
}

function limitOf(item: ast.LimitItem, context: Context): { kind: 'count'; count: number } | { kind: 'share'; share: number } {
    const demand = { what: 'A limit' };
    return typeOf(item.value, nothing, context) === 'ratio'
        ? { kind: 'share', share: share(item.value, demand, nothing, context) }
        : { kind: 'count', count: count(item.value, demand, nothing, context) };
}
