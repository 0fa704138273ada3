/** What a comparison says: of one attribute and a constant, of sums of figures, or that two texts are alike. */
import { type BinaryOperator, epochMs, type Expression, type ValueType } from '@mig/language';
import { scopeOf, spelled } from '../decide/attributes.js';
import { attributesIn, evaluate } from '../decide/evaluate.js';
import type { Value } from '../decide/truth.js';
import { added, scaled, type Sum, type SumFact } from './linear.js';
import type { Fact } from './ranges.js';

export type Said =
    /** Of one attribute. */
    | { readonly kind: 'fact'; readonly fact: Fact }
    /** Of figures that are reckoned with or compared; and of versions, of which only their order counts. */
    | ({ readonly kind: 'sum' } & SumFact)
    /** Of two texts, sets or truth values. */
    | { readonly kind: 'alike' | 'unlike'; readonly left: string; readonly right: string };

/** Something that has to be so. */
export interface Atom {
    readonly said: Said;
    /** What has to be known for it to be true or false: attributes, and terms that are no plain sum of attributes. */
    readonly reads: readonly string[];
    /** Of a fact. */
    readonly attribute: string;
    readonly comparison: Expression;
    readonly holds: boolean;
    /** What is not known would do as well. */
    readonly orUnknown: boolean;
}

type Binary = Extract<Expression, { kind: 'binary' }>;

/** What a comparison says where it comes out as `holds`; undefined where that bounds nothing that is reasoned about. */
export function saidBy(of: Binary, holds: boolean): Pick<Atom, 'said' | 'reads' | 'attribute'> | undefined {
    const { left, right, operator } = of;
    const [attribute, constant, word] =
        left.kind === 'attribute'
            ? [left, constantOf(right), operator]
            : right.kind === 'attribute'
              ? [right, constantOf(left), turned[operator]]
              : [undefined, undefined, undefined];
    if (attribute && constant !== undefined && word !== undefined) {
        const fact = factOf(word, constant, attribute.type, holds);
        const name = spelled(attribute);
        if (fact) return { said: { kind: 'fact', fact }, reads: [name], attribute: name };
    }
    return relationOf(operator, left, right, holds);
}

/** The same comparison from the other side. */
const turned: Readonly<Partial<Record<BinaryOperator, BinaryOperator>>> = {
    '==': '==',
    '!=': '!=',
    '<': '>',
    '<=': '>=',
    '>': '<',
    '>=': '<=',
    contains: 'in',
    in: 'contains',
};

const opposite = { '<': '>=', '<=': '>', '>': '<=', '>=': '<' } as const;

function factOf(operator: BinaryOperator, constant: Value, type: ValueType, wanted: boolean): Fact | undefined {
    switch (operator) {
        case '==':
        case '!=':
            if (typeof constant === 'object') return undefined;
            return { kind: (operator === '==') === wanted ? 'one-of' : 'none-of', values: [constant] };
        case '<':
        case '<=':
        case '>':
        case '>=':
            if (typeof constant !== 'number') return undefined;
            return { kind: 'order', operator: wanted ? operator : opposite[operator], than: constant };
        case 'in':
            // In a text: a part of it, which bounds nothing.
            return typeof constant === 'object' && type === 'string'
                ? { kind: wanted ? 'one-of' : 'none-of', values: constant }
                : undefined;
        case 'contains':
            return typeof constant === 'object' ? undefined : { kind: wanted ? 'has' : 'lacks', word: String(constant) };
        case 'and':
        case 'or':
        case '+':
        case '-':
        case '*':
        case '/':
            return undefined;
    }
}

function relationOf(operator: BinaryOperator, left: Expression, right: Expression, holds: boolean): ReturnType<typeof saidBy> {
    const meant = holds ? operator : negated[operator];
    if (!meant) return undefined;
    const reads = [...new Set([...readsOf(left), ...readsOf(right)])];
    const attribute = '';
    if (isFigure(left.type) && isFigure(right.type)) {
        const [a, b] = [sumOf(left), sumOf(right)];
        return a && b && { said: sumFact(a, meant, b), reads, attribute };
    }
    if (left.type !== right.type) return undefined;
    if (meant === '==' || meant === '!=') {
        if (left.kind !== 'attribute' || right.kind !== 'attribute') return undefined;
        return { said: { kind: meant === '==' ? 'alike' : 'unlike', left: spelled(left), right: spelled(right) }, reads, attribute };
    }
    const [a, b] = [versionOf(left), versionOf(right)];
    return a && b && { said: sumFact(a, meant, b), reads, attribute };
}

type Relation = '==' | '!=' | '<' | '<=' | '>' | '>=';

const negated: Readonly<Partial<Record<BinaryOperator, Relation>>> = { '==': '!=', '!=': '==', ...opposite };

function sumFact(left: Sum, operator: BinaryOperator, right: Sum): Extract<Said, { kind: 'sum' }> {
    const turn = operator === '>' || operator === '>=';
    const sum = turn ? added(right, scaled(left, -1)) : added(left, scaled(right, -1));
    const is = operator === '>' ? '<' : operator === '>=' ? '<=' : (operator as SumFact['is']);
    return { kind: 'sum', sum, is };
}

const isFigure = (type: ValueType): boolean => type !== 'string' && type !== 'strings' && type !== 'boolean';

/** A figure as a sum of attributes with factors. What is none, such as a quotient of two of them, is a term by itself. */
function sumOf(of: Expression): Sum | undefined {
    const constant = constantOf(of);
    if (constant !== undefined)
        return typeof constant === 'number' && Number.isFinite(constant) ? { terms: new Map(), constant } : undefined;
    if (of.kind === 'negate') {
        const operand = sumOf(of.operand);
        return operand && scaled(operand, -1);
    }
    if (of.kind === 'binary') {
        const [left, right] = [sumOf(of.left), sumOf(of.right)];
        if (!left || !right) return undefined;
        if (of.operator === '+') return added(left, right);
        if (of.operator === '-') return added(left, scaled(right, -1));
        if (of.operator === '*' && left.terms.size === 0 && left.constant !== 0) return scaled(right, left.constant);
        if (of.operator === '*' && right.terms.size === 0 && right.constant !== 0) return scaled(left, right.constant);
        if (of.operator === '/' && right.terms.size === 0 && right.constant !== 0) return scaled(left, 1 / right.constant);
    }
    const term = termOf(of);
    return term === undefined ? undefined : { terms: new Map([[term, 1]]), constant: 0 };
}

/** Among the terms of sums: the place of a version in the order of versions. */
function versionOf(of: Expression): Sum | undefined {
    if (of.kind === 'attribute') return { terms: new Map([[`${versionMark}${spelled(of)}`, 1]]), constant: 0 };
    const constant = constantOf(of);
    return typeof constant === 'string' ? { terms: new Map([[placeOfVersion(constant), 1]]), constant: 0 } : undefined;
}

const versionMark = 'version of ';
const constantMark = 'version ';

const placeOfVersion = (version: string): string => `${constantMark}"${version}"`;

/** The attribute whose version a term is. */
export const attributeOfVersion = (term: string): string | undefined =>
    term.startsWith(versionMark) ? term.slice(versionMark.length) : undefined;

/** That the version of the attribute is this one. */
export function isVersion(attribute: string, version: string): SumFact {
    return {
        sum: {
            terms: new Map([
                [`${versionMark}${attribute}`, 1],
                [placeOfVersion(version), -1],
            ]),
            constant: 0,
        },
        is: '==',
    };
}

/** How the versions among the terms stand to each other, as decisions order them. */
export function orderOfVersions(terms: Iterable<string>): readonly SumFact[] {
    const versions = [...terms].flatMap((term) => (term.startsWith(`${constantMark}"`) ? [term.slice(constantMark.length + 1, -1)] : []));
    const literal = (value: string): Expression => ({ kind: 'literal', type: 'string', value, range: nowhere });
    return versions.flatMap((one, i) =>
        versions.slice(i + 1).map((other): SumFact => {
            const isBelow = (a: string, b: string): boolean =>
                constantOf({ kind: 'binary', type: 'boolean', operator: '<', left: literal(a), right: literal(b), range: nowhere }) ===
                true;
            const [low, high] = isBelow(other, one) ? [other, one] : [one, other];
            const terms = new Map([
                [placeOfVersion(low), 1],
                [placeOfVersion(high), -1],
            ]);
            return { sum: { terms, constant: 0 }, is: isBelow(low, high) ? '<' : '==' };
        }),
    );
}

const nowhere = { source: 0, start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };

/** A figure without its wording: the same for the same figure, and never for two that differ. */
function termOf(of: Expression): string | undefined {
    switch (of.kind) {
        case 'attribute':
            return spelled(of);
        case 'metric':
            return `metric ${JSON.stringify(of.query)}`;
        case 'literal':
            return JSON.stringify(of.value);
        case 'negate': {
            const operand = termOf(of.operand);
            return operand === undefined ? undefined : `-(${operand})`;
        }
        case 'binary': {
            const [left, right] = [termOf(of.left), termOf(of.right)];
            return left === undefined || right === undefined ? undefined : `(${left}) ${of.operator} (${right})`;
        }
        case 'not':
        case 'held':
            return undefined;
    }
}

/** What must be known for a figure to be: its attributes, and each quotient, which a division by zero leaves unknown. */
function readsOf(of: Expression): readonly string[] {
    switch (of.kind) {
        case 'attribute':
            return [spelled(of)];
        case 'metric':
            return [termOf(of) ?? ''];
        case 'literal':
            return [];
        case 'not':
        case 'negate':
            return readsOf(of.operand);
        case 'held':
            return readsOf(of.condition);
        case 'binary': {
            const parts = [...readsOf(of.left), ...readsOf(of.right)];
            const term = of.operator === '/' ? termOf(of) : undefined;
            return term === undefined ? parts : [...parts, term];
        }
    }
}

/** The value of what reads nothing. */
function constantOf(of: Expression): Value | undefined {
    if (of.kind === 'literal') return of.value;
    if (of.kind === 'attribute' || of.kind === 'metric' || of.kind === 'held' || readsMetric(of) || attributesIn(of).length > 0)
        return undefined;
    const outcome = evaluate(of, nobody);
    return outcome.known ? outcome.value : undefined;
}

function readsMetric(of: Expression): boolean {
    if (of.kind === 'metric') return true;
    if (of.kind === 'not' || of.kind === 'negate') return readsMetric(of.operand);
    return of.kind === 'binary' && (readsMetric(of.left) || readsMetric(of.right));
}

const nobody = scopeOf({
    snapshot: {
        kind: 'mig-snapshot',
        version: 1,
        takenAt: epochMs(0),
        timeZone: 'UTC',
        hosts: [],
        vms: [],
        compatibility: [],
        history: {},
        policies: [],
        unknown: [],
    },
    hosts: new Map(),
});
