import { attributes, findAttribute } from '../catalogue/attributes.js';
import * as ast from '../generated/ast.js';
import { nearest } from '../nearest.js';
import type { Entity, Expression, SourceRange } from '../program.js';
import { type Context, meant, replaceBy } from './context.js';
import type { Names } from './names.js';

const entities: readonly Entity[] = ['vm', 'host', 'source', 'cluster', 'move'];

const isEntity = (word: string): word is Entity => (entities as readonly string[]).includes(word);

/** Why something cannot be spoken of in a place, by what it is. */
const absence: Readonly<Record<Entity, string>> = {
    vm: 'no VM is meant',
    host: 'no host is meant',
    source: 'no host is being left',
    cluster: 'the cluster is not known',
    link: 'no link is meant',
    move: 'no VM is moving',
};

/** `vm.memory`, `host.tag.app`: an attribute of the catalogue. */
export function attribute(node: ast.AttributeRef, names: Names, context: Context): Expression | undefined {
    const entity = entityNamed(node.entity, node, names, context);
    if (!entity) return undefined;
    const range = context.range(node);
    const found = findAttribute(entity, node.attribute);
    if (found && !found.keyed) {
        return { kind: 'attribute', type: found.type, entity, attribute: found.name, key: undefined, range };
    }
    const keyed = attributes.find(
        (row) => row.keyed && findAttribute(entity, row.name) === row && node.attribute.split('.')[0] === row.name,
    );
    if (keyed) {
        const rest = node.attribute.slice(keyed.name.length + 1);
        const key = node.key ?? rest;
        if (key !== '') return { kind: 'attribute', type: keyed.type, entity, attribute: keyed.name, key, range };
        context.report('MIG105', range, `${entity}.${keyed.name} needs the name of a ${keyed.name}.`, {
            hint: `Write ${entity}.${keyed.name}.app, say.`,
        });
        return undefined;
    }
    unknownAttribute(entity, node.attribute, node, context);
    return undefined;
}

/** `host is in maintenance`, `host is not healthy`. */
export function predicate(node: ast.Predicate, names: Names, context: Context): Expression | undefined {
    const entity = entityNamed(node.entity, node, names, context);
    if (!entity) return undefined;
    const name = entity === 'host' || entity === 'source' ? stateNamed(node.state, context.range(node, 'state'), context) : '';
    if (name === undefined) return undefined;
    const found = findAttribute(entity, name);
    if (!found) {
        const who = entity === 'vm' ? 'a VM' : `the ${entity}`;
        context.report('MIG105', context.range(node), `Only a host can be in maintenance, failing or healthy, not ${who}.`);
        return undefined;
    }
    const range = context.range(node);
    const state: Expression = { kind: 'attribute', type: 'boolean', entity, attribute: found.name, key: undefined, range };
    return node.negated ? { kind: 'not', type: 'boolean', operand: state, range } : state;
}

/** The states of a host after `is`, by the words of the grammar written together, with the attribute that tells. */
const states: ReadonlyMap<string, string> = new Map([
    ['inmaintenance', 'maintenance'],
    ['failing', 'failing'],
    ['healthy', 'healthy'],
]);

/** The attribute behind `is in maintenance` and the like. */
export function stateNamed(state: ast.State, range: SourceRange, context: Context): string | undefined {
    const found = states.get(state);
    if (found !== undefined) return found;
    const near = nearest(state, [...states.keys()])?.replace(/^in/, 'in ');
    const hint = near === undefined ? 'A host is in maintenance, failing or healthy.' : `Did you mean '${near}'?`;
    context.report('MIG105', range, `'${state.replace(/^in(?=.)/, 'in ')}' is not a state of a host.`, { ...meant(near, range), hint });
    return undefined;
}

/** Reports an attribute that its entity does not have. */
export function unknownAttribute(
    entity: Entity,
    name: string,
    node: ast.AttributeRef | ast.Fact | ast.EverySubject | ast.NamedSubject,
    context: Context,
): void {
    const owner = entity === 'source' ? 'host' : entity;
    const range = context.range(node, 'attribute');
    const candidates = attributes.filter((row) => row.entity === owner).map((row) => row.name);
    const near = nearest(name, candidates) ?? candidates.find((candidate) => candidate.endsWith(`.${name}`));
    const elsewhere = attributes.find((row) => row.name === name && row.entity !== owner);
    const message = `${entity} has no attribute '${name}'.`;
    if (elsewhere && ast.isAttributeRef(node)) {
        const place = context.range(node, 'entity');
        const hint = `Did you mean ${elsewhere.entity}.${name}?`;
        return context.report('MIG105', range, message, { hint, fixes: [replaceBy(place, elsewhere.entity)] });
    }
    context.report('MIG105', range, message, meant(near, range));
}

/** Reports a text that an attribute with a closed set of values never has. */
export function isKnownValue(of: Expression, value: Expression, context: Context): void {
    if (of.kind !== 'attribute' || value.kind !== 'literal' || typeof value.value !== 'string') return;
    const known = findAttribute(of.entity, of.attribute)?.values;
    if (!known || known.includes(value.value)) return;
    const near = nearest(value.value, known);
    context.report('MIG110', value.range, `${of.entity}.${of.attribute} is never "${value.value}".`, {
        hint: near === undefined ? `It is one of ${known.join(', ')}.` : `Did you mean "${near}"?`,
        fixes: near === undefined ? [] : [replaceBy(value.range, `"${near}"`)],
    });
}

/** Reports what an expression reads that is not known in a place. For expressions that were compiled elsewhere. */
export function mayRead(of: Expression, names: Names, node: ast.NameRef, context: Context): boolean {
    const stranger = entitiesIn(of).find((entity) => !names.entities.has(entity));
    if (!stranger) return true;
    context.report(
        'MIG107',
        context.range(node),
        `'${node.target.$refText}' speaks of ${stranger}, and ${names.place} ${absence[stranger]}.`,
    );
    return false;
}

function entityNamed(word: string, node: ast.AttributeRef | ast.Predicate, names: Names, context: Context): Entity | undefined {
    if (isEntity(word) && names.entities.has(word)) return word;
    const range = context.range(node, 'entity');
    if (!isEntity(word)) {
        const near = nearest(word, entities);
        context.report('MIG101', range, `'${word}' is not something with attributes.`, {
            ...meant(near, range),
            ...(near === undefined && { hint: `Attributes belong to ${entities.join(', ')}.` }),
        });
        return undefined;
    }
    const known = [...names.entities].join(', ');
    context.report('MIG107', range, `${word} is not known here: ${names.place} ${absence[word]}.`, {
        hint: known === '' ? undefined : `Known here: ${known}.`,
    });
    return undefined;
}

/** What an expression reads from, as often as it does. */
export function entitiesIn(of: Expression): readonly Entity[] {
    switch (of.kind) {
        case 'literal':
        case 'metric':
            return [];
        case 'attribute':
            return [of.entity];
        case 'not':
        case 'negate':
            return entitiesIn(of.operand);
        case 'held':
            return entitiesIn(of.condition);
        case 'binary':
            return [...entitiesIn(of.left), ...entitiesIn(of.right)];
    }
}
