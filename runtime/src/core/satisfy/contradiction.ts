/**
 * Whether conditions can be met together at all, by what they say of one attribute at a time.
 *
 * The conditions are brought to a choice of lists of comparisons (disjunctive normal form); where in each list some
 * attribute would need a value that does not exist, nothing can meet them. What is not a comparison of an attribute with
 * a constant is taken as possible, so that a contradiction found is one, and not every contradiction is found.
 *
 * Three-valued logic (decide/truth.ts): a comparison that is true, or false, shows that its attribute is known. A
 * condition that is merely *not true* may be unknown instead, which only an attribute that is known otherwise rules out.
 */
import { type BinaryOperator, epochMs, type Expression, type ValueType } from '@mig/language';
import { type AttributeName, scopeOf, spelled } from '../decide/attributes.js';
import { attributesIn, evaluate } from '../decide/evaluate.js';
import type { Value } from '../decide/truth.js';
import { clash, type Fact, possible } from './ranges.js';

export interface Demand {
    readonly condition: Expression;
    readonly mustBe: 'true' | 'false' | 'not true';
}

export interface Contradiction {
    /** As it is written: `vm.memory`. */
    readonly attribute: string;
    /** The comparisons that cannot be met together, and whether each must be true; the fewest that cannot. */
    readonly between: readonly { readonly comparison: Expression; readonly holds: boolean }[];
}

/** Choices beyond this many are not gone through: then nothing is said. Bounds the time to some tens of microseconds. */
const mostChoices = 64;

/** Why no values of the attributes meet all demands; undefined where some may. */
export function contradiction(demands: readonly Demand[]): Contradiction | undefined {
    const [first, ...others] = demands;
    // Most conditions are a single comparison, which contradicts nothing.
    if (!first || (others.length === 0 && isSingle(first.condition))) return undefined;
    let choices: readonly Choice[] = [[]];
    for (const { condition, mustBe } of demands) {
        const own = choicesOf(condition, mustBe === 'true', mustBe === 'not true');
        if (own.length * choices.length > mostChoices) return undefined;
        choices = choices.flatMap((choice) => own.map((more) => [...choice, ...more]));
    }
    let found: Contradiction | undefined;
    for (const choice of choices) {
        const here = clashIn(choice);
        if (!here) return undefined;
        found ??= here;
    }
    return found;
}

function isSingle(condition: Expression): boolean {
    switch (condition.kind) {
        case 'not':
            return isSingle(condition.operand);
        case 'held':
            return isSingle(condition.condition);
        case 'binary':
            return condition.operator !== 'and' && condition.operator !== 'or';
        case 'literal':
        case 'attribute':
        case 'negate':
        case 'metric':
            return true;
    }
}

/** A comparison of an attribute with constants. */
interface Atom {
    readonly attribute: string;
    readonly fact: Fact;
    readonly comparison: Expression;
    readonly holds: boolean;
    /** An attribute that is not known would do as well. */
    readonly orUnknown: boolean;
}

type Choice = readonly Atom[];

/** No choice at all: cannot be met. */
const never: readonly Choice[] = [];
/** One choice that asks for nothing. */
const anything: readonly Choice[] = [[]];

function clashIn(choice: Choice): Contradiction | undefined {
    const byAttribute = Map.groupBy(choice, (atom) => atom.attribute);
    for (const [attribute, atoms] of byAttribute) {
        if (atoms.every((atom) => atom.orUnknown) || possible(atoms.map((atom) => atom.fact))) continue;
        return { attribute, between: clash(atoms).map(({ comparison, holds }) => ({ comparison, holds })) };
    }
    return undefined;
}

/** How a condition can come out as `wanted`; with `weak` also as unknown. */
function choicesOf(condition: Expression, wanted: boolean, weak: boolean): readonly Choice[] {
    switch (condition.kind) {
        case 'not':
            return choicesOf(condition.operand, !wanted, weak);
        case 'literal':
            return typeof condition.value === 'boolean' && condition.value !== wanted ? never : anything;
        case 'attribute':
            return condition.type === 'boolean'
                ? [[atomOf(condition, { kind: 'one-of', values: [wanted] }, condition, wanted, weak)]]
                : anything;
        case 'held':
            // Held for a time is true now as well; not held may have been so at any time before.
            return wanted && !weak ? choicesOf(condition.condition, true, false) : anything;
        case 'binary': {
            const { operator, left, right } = condition;
            if (operator === 'and' || operator === 'or') {
                const parts = [choicesOf(left, wanted, weak), choicesOf(right, wanted, weak)] as const;
                return (operator === 'and') === wanted ? both(...parts) : either(...parts);
            }
            return comparison(condition, operator, wanted, weak);
        }
        case 'negate':
        case 'metric':
            return anything;
    }
}

function both(left: readonly Choice[], right: readonly Choice[]): readonly Choice[] {
    if (left.length * right.length > mostChoices) return anything;
    return left.flatMap((a) => right.map((b) => [...a, ...b]));
}

function either(left: readonly Choice[], right: readonly Choice[]): readonly Choice[] {
    return left.length + right.length > mostChoices ? anything : [...left, ...right];
}

type Binary = Extract<Expression, { kind: 'binary' }>;

function comparison(of: Binary, operator: BinaryOperator, wanted: boolean, weak: boolean): readonly Choice[] {
    const { left, right } = of;
    const [attribute, constant, word] =
        left.kind === 'attribute'
            ? [left, constantOf(right), operator]
            : right.kind === 'attribute'
              ? [right, constantOf(left), turned[operator]]
              : [undefined, undefined, undefined];
    if (!attribute || constant === undefined || word === undefined) return anything;
    const fact = factOf(word, constant, attribute.type, wanted);
    return fact ? [[atomOf(attribute, fact, of, wanted, weak)]] : anything;
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

function atomOf(name: AttributeName, fact: Fact, of: Expression, holds: boolean, orUnknown: boolean): Atom {
    return { attribute: spelled(name), fact, comparison: of, holds, orUnknown };
}

/** The value of what reads nothing. */
function constantOf(of: Expression): Value | undefined {
    if (of.kind === 'literal') return of.value;
    if (of.kind === 'metric' || attributesIn(of).length > 0 || of.kind === 'held') return undefined;
    const outcome = evaluate(of, nobody);
    return outcome.known ? outcome.value : undefined;
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
