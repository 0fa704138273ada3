/** What a program reads of the world and which of its names it mentions: read off the compiled expressions. */
import type { AttributeRead, Destination, Expression, HostSequence, Mention, Policy, Selection, SourceRange } from '../program.js';

interface Reading {
    readonly expression: Expression;
    readonly historyMs: number;
}

export interface Observed {
    readonly reads: readonly AttributeRead[];
    readonly mentions: readonly Mention[];
}

type Part = Policy | HostSequence;

/** What a program reads of the world, and the names of the inventory that it mentions. */
export function observedBy(parts: readonly Part[]): Observed {
    const readings = expressionsIn(parts);
    return { reads: readsOf(readings), mentions: mentionsOf(parts, readings) };
}

/** The same, with what is known of single parts already. */
export function observedByEach(parts: readonly Part[], known: WeakMap<Part, Observed>): Observed {
    const each = parts.map((part) => {
        const observed = known.get(part) ?? observedBy([part]);
        known.set(part, observed);
        return observed;
    });
    return { reads: longest(each.flatMap(({ reads }) => reads)), mentions: once(each.flatMap(({ mentions }) => mentions)) };
}

/** Every attribute once, with the longest history that is asked of it. What is read of `source` is read of a host. */
function readsOf(readings: readonly Reading[]): readonly AttributeRead[] {
    return longest(
        readings.flatMap(({ expression, historyMs }) => {
            if (expression.kind !== 'attribute') return [];
            return { entity: expression.entity === 'source' ? 'host' : expression.entity, attribute: expression.attribute, historyMs };
        }),
    );
}

function longest(reads: readonly AttributeRead[]): readonly AttributeRead[] {
    const found = new Map<string, AttributeRead>();
    for (const read of reads) {
        const key = `${read.entity}.${read.attribute}`;
        const known = found.get(key);
        if (!known || known.historyMs < read.historyMs) found.set(key, read);
    }
    return [...found.values()];
}

/** Every name of a host, VM, zone, rack, tag or network that stands in the text. */
function mentionsOf(parts: readonly (Policy | HostSequence)[], readings: readonly Reading[]): readonly Mention[] {
    const found: Mention[] = [];
    for (const part of parts) if ('selection' in part) found.push(...namesIn(part));
    for (const { expression } of readings) found.push(...mentionedBy(expression));
    return once(found);
}

function once(found: readonly Mention[]): readonly Mention[] {
    const seen = new Set<string>();
    return found.filter((mention) => {
        const { start, source } = mention.range;
        const key = `${mention.of} ${mention.name} ${source}:${start.line}:${start.character}`;
        return !seen.has(key) && seen.add(key);
    });
}

function namesIn(policy: Policy): readonly Mention[] {
    const from = policy.selection.from;
    const { range } = from;
    const each = (of: Mention['of'], names: readonly string[], ranges: readonly SourceRange[] | undefined, all: SourceRange) =>
        names.map((name, i): Mention => ({ of, name, range: ranges?.[i] ?? all }));
    return [
        ...(from.kind === 'named-host' ? each('host', [from.host], undefined, range) : []),
        ...(from.kind === 'named-vms' ? each('vm', from.vms, from.vmRanges, range) : []),
        ...policy.destination.networks.map((network): Mention => ({ of: 'network', name: network.name, range: network.range })),
        ...policy.technique.flatMap((use) => {
            const via = use.kind === 'technique' ? use.options.via : undefined;
            return via && 'hosts' in via ? each('host', via.hosts, via.hostRanges, use.range) : [];
        }),
    ];
}

/** Attributes whose values are names of the inventory. */
const naming: Readonly<Record<string, Mention['of']>> = {
    'vm.name': 'vm',
    'vm.host': 'host',
    'host.name': 'host',
    'source.name': 'host',
    'host.zone': 'zone',
    'source.zone': 'zone',
    'host.rack': 'rack',
    'source.rack': 'rack',
    'vm.tags': 'tag',
    'host.tags': 'tag',
    'source.tags': 'tag',
};

function mentionedBy(of: Expression): readonly Mention[] {
    if (of.kind === 'attribute' && of.key !== undefined) return [{ of: 'tag', name: of.key, range: of.range }];
    if (of.kind !== 'binary') return [];
    return [...named(of.left, of.right), ...named(of.right, of.left)];
}

function named(attribute: Expression, value: Expression): readonly Mention[] {
    if (attribute.kind !== 'attribute' || value.kind !== 'literal') return [];
    const of = naming[`${attribute.entity}.${attribute.attribute}`];
    if (of === undefined) return [];
    const names = typeof value.value === 'object' ? value.value : [String(value.value)];
    // A tag with a value is written name=value among the tags.
    return names.map((name, i) => ({
        of,
        name: of === 'tag' ? (name.split('=')[0] ?? name) : name,
        range: value.textRanges?.[i] ?? value.range,
    }));
}

/** Every expression in a part of a program, however deep, with the history that is asked of it. What parts share is told once. */
function expressionsIn(parts: readonly (Policy | HostSequence)[]): readonly Reading[] {
    const found: Reading[] = [];
    const visited = new Set<object>();
    const visit = (part: object): void => {
        if (isBare(part)) return;
        if (Array.isArray(part)) {
            for (const inner of part as readonly unknown[]) if (typeof inner === 'object' && inner !== null) visit(inner);
            return;
        }
        if (visited.has(part)) return;
        visited.add(part);
        if (isExpression(part)) {
            readingsIn(part, 0, found);
            return;
        }
        for (const key in part) {
            const inner: unknown = part[key as keyof typeof part];
            if (typeof inner === 'object' && inner !== null && !unread.has(key)) visit(inner);
        }
    };
    for (const part of parts) visit(part);
    return found;
}

/** An expression and those that it consists of. */
function readingsIn(expression: Expression, historyMs: number, found: Reading[]): void {
    if (expression.kind === 'literal') return;
    found.push({ expression, historyMs });
    switch (expression.kind) {
        case 'attribute':
        case 'metric':
            return;
        case 'not':
        case 'negate':
            readingsIn(expression.operand, historyMs, found);
            return;
        case 'held':
            readingsIn(expression.condition, Math.max(historyMs, expression.forMs), found);
            return;
        case 'binary':
            readingsIn(expression.left, historyMs, found);
            readingsIn(expression.right, historyMs, found);
    }
}

/** Most of what a policy consists of: a value that stands in the text, or a list of nothing. */
const isBare = (part: object): boolean => (Array.isArray(part) ? part.length === 0 : 'kind' in part && part.kind === 'literal');

/** Nothing is read there: places, and what consists of figures and words only. */
const unread: ReadonlySet<string> = new Set<keyof Policy | keyof Selection | keyof Destination>([
    'range',
    'nameRange',
    'dedup',
    'bandwidth',
    'concurrency',
    'requires',
    'onFailure',
    'deadline',
    'verify',
    'hooks',
    'afterwards',
    'limit',
    'onlyIfEmptied',
    'immovable',
    'keepFree',
    'networks',
    'offers',
    'spareHosts',
]);

const expressionKinds: ReadonlySet<unknown> = new Set<Expression['kind']>([
    'literal',
    'attribute',
    'not',
    'negate',
    'binary',
    'held',
    'metric',
]);

/** Expressions are the parts of a program that have both a kind and a type. */
function isExpression(part: object): part is Expression {
    return 'kind' in part && 'type' in part && expressionKinds.has(part.kind);
}
