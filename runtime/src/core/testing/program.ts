/** Programs for tests of single decisions, as literals with defaults. Not part of the package. */
import {
    type AttributeRead,
    attributes,
    type BinaryOperator,
    type Entity,
    type Expression,
    type Policy,
    type Program,
    type SourceRange,
    type TechniqueUse,
    type Trigger,
    type ValueType,
} from '@mig/language';

export const nowhere: SourceRange = { source: 0, start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };

/** `attr('vm.tag.app')`, `attr('host.memory.used')`. */
export function attr(path: string): Expression {
    const [entity = '', ...rest] = path.split('.');
    const keyed = rest[0] === 'tag';
    const attribute = keyed ? 'tag' : rest.join('.');
    const of = entity === 'source' ? 'host' : entity;
    const row = attributes.find((a) => a.entity === of && a.name === attribute);
    if (!row) throw new Error(`there is no attribute ${path}`);
    return {
        kind: 'attribute',
        type: row.type,
        entity: entity as Entity,
        attribute,
        key: keyed ? rest.slice(1).join('.') : undefined,
        range: nowhere,
    };
}

export function lit(value: number | string | boolean, type?: ValueType): Expression {
    const own = typeof value === 'number' ? 'number' : typeof value === 'string' ? 'string' : 'boolean';
    return { kind: 'literal', type: type ?? own, value, range: nowhere };
}

export function op(left: Expression, operator: BinaryOperator, right: Expression): Expression {
    const type = '+-*/'.includes(operator) ? left.type : 'boolean';
    return { kind: 'binary', type, operator, left, right, range: nowhere };
}

export const not = (operand: Expression): Expression => ({ kind: 'not', type: 'boolean', operand, range: nowhere });

export const heldFor = (condition: Expression, forMs: number): Expression => ({
    kind: 'held',
    type: 'boolean',
    condition,
    forMs,
    range: nowhere,
});

export const when = (condition: Expression, binds: 'host' | 'vm' | undefined, until?: Expression): Trigger => ({
    kind: 'condition',
    condition,
    until,
    binds,
    range: nowhere,
});

export const inMaintenance: Trigger = when(attr('host.maintenance'), 'host');

export const precopy: TechniqueUse = {
    kind: 'technique',
    technique: 'precopy',
    name: undefined,
    options: { downtimeMs: 300 },
    ladder: [],
    range: nowhere,
};

type PolicyFacts = Partial<Omit<Policy, 'selection' | 'destination'>> & {
    readonly selection?: Partial<Policy['selection']>;
    readonly destination?: Partial<Policy['destination']>;
};

/** A policy that empties hosts in maintenance, unless said otherwise. */
export function policy(facts: PolicyFacts = {}): Policy {
    return {
        range: nowhere,
        name: 'evacuate',
        nameRange: nowhere,
        doc: undefined,
        priority: 0,
        preempt: false,
        trigger: inMaintenance,
        technique: [precopy],
        dedup: undefined,
        bandwidth: undefined,
        concurrency: { perHost: undefined, intoHost: undefined, outOfHost: undefined, perLink: undefined, inAll: undefined },
        requires: [],
        onFailure: undefined,
        cooldownMs: undefined,
        deadline: undefined,
        verify: [],
        hooks: [],
        exclusions: [],
        ordering: [],
        afterwards: [],
        ...facts,
        selection: {
            range: nowhere,
            from: { kind: 'bound-host', range: nowhere },
            where: [],
            except: [],
            order: [],
            limit: undefined,
            until: undefined,
            together: undefined,
            quietWhen: undefined,
            onlyIfEmptied: undefined,
            immovable: { action: 'skip', range: nowhere },
            triage: undefined,
            ...facts.selection,
        },
        destination: {
            range: nowhere,
            scope: 'hosts',
            where: [],
            keepFree: [],
            apart: [],
            with: [],
            networks: [],
            preferences: [],
            spareHosts: undefined,
            otherwise: undefined,
            ...facts.destination,
        },
    };
}

export function program(policies: readonly Policy[], facts: Partial<Program> = {}): Program {
    const reads: readonly AttributeRead[] = [];
    return {
        kind: 'mig-program',
        version: 1,
        sources: [{ uri: 'file:///test.mig' }],
        inventory: undefined,
        params: [],
        groups: [],
        policies,
        sequences: [],
        scenarios: [],
        uses: [],
        reads,
        mentions: [],
        ...facts,
    };
}
