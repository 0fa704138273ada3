import * as ast from '../generated/ast.js';
import type { Destination, Entity, Expression, Preference } from '../program.js';
import { count, figure, nothing, share, size, sizeOrShare } from './amount.js';
import { all as allOf, only } from './clauses.js';
import type { Context } from './context.js';
import { condition } from './expression.js';
import type { Names } from './names.js';
import { literal } from './values.js';
import { groupOf, ranked, valued } from './selection.js';

/** Here `host` is the candidate destination and `source` the host that is left. */
const names: Names = {
    entities: new Set<Entity>(['vm', 'host', 'source', 'cluster']),
    place: 'where a destination is chosen',
    parameters: new Map(),
};

/** Where VMs may go, and where they had better go. */
export function destination(node: ast.ToClause, context: Context): Destination {
    const all = <Type extends ast.ToItem['$type']>(type: Type): readonly Extract<ast.ToItem, { readonly $type: Type }>[] =>
        allOf(node.items, type);
    const keeps = all(ast.KeepItem.$type);
    const spare = keeps.filter((item) => item.spare)[0];
    const restart = only(node.items, ast.RestartItem.$type, context);
    const group = groupOf(node, 'hosts', context);
    const preferences = all(ast.PreferItem.$type).flatMap((item) => item.preferences.map((preference) => preferred(preference, context)));
    const offers = node.items.flatMap((item) => {
        if (!ast.isDeviceItem(item) && !ast.isProfileItem(item)) return [];
        const kind = ast.isDeviceItem(item) ? ('device' as const) : ('profile' as const);
        return item.names.map((name, index) => ({ kind, name, range: context.range(item, 'names', index) }));
    });
    return {
        range: context.range(node),
        scope: node.anywhere ? 'anywhere' : 'hosts',
        where: [
            ...(node.name === undefined ? [] : [isNamed(node.name, node, context)]),
            ...(group ? [group] : []),
            ...all(ast.WhereItem.$type).map((item) => condition(item.condition, names, context)),
        ],
        keepFree: keeps
            .filter((item) => !item.spare)
            .map((item) => ({
                resource: item.resource === 'cpu' ? 'cpu' : 'memory',
                amount: headroom(item, context),
                ...(item.resource === 'hugepages' && { hugepages: hugepages(item, context) }),
                ...(item.perNode && { perNumaNode: true }),
                range: context.range(item),
            })),
        apart: all(ast.ApartItem.$type).flatMap((item) => alike(item.by, context)),
        with: all(ast.WithItem.$type).flatMap((item) => alike(item.by, context)),
        networks: all(ast.NetworkItem.$type).flatMap((item) =>
            item.names.map((name, index) => ({ name, range: context.range(item, 'names', index) })),
        ),
        ...(offers.length > 0 && { offers }),
        preferences,
        spareHosts: spare && {
            count: count(spare.amount, { what: 'The number of spare hosts' }, nothing, context),
            range: context.range(spare),
        },
        otherwise: restart && { kind: 'restart-if-fenced', range: context.range(restart) },
    };
}

/** By the words of the grammar, written together. */
const rankings: Readonly<Record<string, 'least-loaded' | 'most-free-memory' | 'fullest' | 'even-load'>> = {
    leastloaded: 'least-loaded',
    mostfreememory: 'most-free-memory',
    fullest: 'fullest',
    evenload: 'even-load',
};

function preferred(node: ast.Preference, context: Context): Preference {
    const weight = node.weight ? figure(node.weight, { what: 'A weight' }, nothing, context) : 1;
    if (weight <= 0 && node.weight) context.report('MIG206', context.range(node.weight), 'A weight must be more than 0.');
    const gain = node.gain && share(node.gain, { what: 'The least gain', zero: true }, nothing, context);
    const ranking = node.by ? undefined : rankings[node.ranking ?? ''];
    const range = context.range(node);
    if (node.by) {
        const by = ranked(node.by, 'A preference', names, context);
        return { kind: 'expression', by, direction: node.direction ?? 'lowest', weight, gain, range };
    }
    return { kind: ranking ?? 'least-loaded', weight, gain, range };
}

function headroom(item: ast.KeepItem, context: Context): Destination['keepFree'][number]['amount'] {
    const demand = { what: 'Headroom' };
    if (item.resource === 'cpu') return { kind: 'share', share: share(item.amount, demand, nothing, context) };
    return sizeOrShare(item.amount, demand, nothing, context);
}

function hugepages(item: ast.KeepItem, context: Context): { readonly pageBytes?: number } {
    return item.page ? { pageBytes: size(item.page, { what: 'The size of a huge page' }, nothing, context) } : {};
}

function alike(by: readonly ast.Expression[], context: Context): Destination['apart'] {
    return by.map((node) => ({ by: valued(node, names, context), range: context.range(node) }));
}

function isNamed(name: string, node: ast.ToClause, context: Context): Expression {
    const range = context.range(node, 'name');
    const attribute: Expression = { kind: 'attribute', type: 'string', entity: 'host', attribute: 'name', key: undefined, range };
    return { kind: 'binary', type: 'boolean', operator: '==', left: attribute, right: literal('string', name, range), range };
}
