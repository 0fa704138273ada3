/**
 * Whether conditions can be met together at all.
 *
 * The conditions are brought to a choice of lists of comparisons (disjunctive normal form); where in each list some
 * attribute would need a value that does not exist, or several would need values that do not go together, nothing can meet
 * them. A comparison that is neither of attributes with constants, nor of attributes with each other, is taken as possible,
 * so that a contradiction found is one, and not every contradiction is found.
 *
 * Three-valued logic (decide/truth.ts): a comparison that is true, or false, shows that its attribute is known. A
 * condition that is merely *not true* may be unknown instead, which only an attribute that is known otherwise rules out.
 */
import type { Expression } from '@mig/language';
import { type AttributeName, spelled } from '../decide/attributes.js';
import { attributesIn } from '../decide/evaluate.js';
import { type Atom, saidBy } from './comparisons.js';
import { clash, type Fact, possible } from './ranges.js';
import { fewest, impossible } from './relations.js';

export interface Demand {
    readonly condition: Expression;
    readonly mustBe: 'true' | 'false' | 'not true';
}

export interface Contradiction {
    /** As they are written: `vm.memory`. */
    readonly attributes: readonly string[];
    /** The comparisons that cannot be met together, and whether each must be true; the fewest that cannot. */
    readonly between: readonly { readonly comparison: Expression; readonly holds: boolean }[];
}

/** Choices beyond this many are not gone through: then nothing is said. Bounds the time to some tens of microseconds. */
const mostChoices = 64;

/** Why no values of the attributes meet all demands; undefined where some may. */
export function contradiction(demands: readonly Demand[]): Contradiction | undefined {
    const touched: AttributeName[] = [];
    if (demands.every(({ condition }) => isApart(condition, touched))) return undefined;
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

/**
 * Whether no attribute is touched twice, and none is reckoned with: whatever is compared, some values will do, and nothing is
 * contradicted. Most are such, and in a file of thousands of policies this is what is asked of them.
 */
function isApart(condition: Expression, touched: AttributeName[]): boolean {
    switch (condition.kind) {
        case 'attribute':
            return isNew(condition, touched);
        case 'not':
            return isApart(condition.operand, touched);
        case 'held':
            return isApart(condition.condition, touched);
        case 'binary': {
            const { operator, left, right } = condition;
            if (operator === 'and' || operator === 'or') return isApart(left, touched) && isApart(right, touched);
            return isUntouched(left, touched) && isUntouched(right, touched) && (left.kind === 'attribute' || right.kind === 'attribute');
        }
        case 'literal':
        case 'negate':
        case 'metric':
            return false;
    }
}

const isUntouched = (side: Expression, touched: AttributeName[]): boolean =>
    side.kind === 'literal' || (side.kind === 'attribute' && isNew(side, touched));

/** They are few: to go through them costs less than to spell them. */
function isNew(name: AttributeName, among: AttributeName[]): boolean {
    const { entity, attribute, key } = name;
    if (among.some((other) => other.attribute === attribute && other.entity === entity && other.key === key)) return false;
    among.push(name);
    return true;
}

type Choice = readonly Atom[];

/** No choice at all: cannot be met. */
const never: readonly Choice[] = [];
/** One choice that asks for nothing. */
const anything: readonly Choice[] = [[]];

function clashIn(choice: Choice): Contradiction | undefined {
    if (choice.length === 0) return undefined;
    const byAttribute = Map.groupBy(choice, (atom) => atom.attribute);
    for (const [attribute, all] of byAttribute) {
        const atoms = all.flatMap(({ said, ...rest }) => (said.kind === 'fact' ? [{ ...rest, fact: said.fact }] : []));
        if (atoms.every((atom) => atom.orUnknown) || possible(atoms.map((atom) => atom.fact))) continue;
        return { attributes: [attribute], between: clash(atoms).map(({ comparison, holds }) => ({ comparison, holds })) };
    }
    if (choice.every(({ said }) => said.kind === 'fact') || !impossible(choice)) return undefined;
    const between = fewest(choice);
    const attributes = [...new Set(between.flatMap(({ comparison }) => attributesIn(comparison).map(spelled)))];
    return { attributes, between: between.map(({ comparison, holds }) => ({ comparison, holds })) };
}

/** How a condition can come out as `wanted`; with `weak` also as unknown. */
function choicesOf(condition: Expression, wanted: boolean, weak: boolean): readonly Choice[] {
    switch (condition.kind) {
        case 'not':
            return choicesOf(condition.operand, !wanted, weak);
        case 'literal':
            return typeof condition.value === 'boolean' && condition.value !== wanted ? never : anything;
        case 'attribute':
            return condition.type === 'boolean' ? [[truthOf(condition, wanted, weak)]] : anything;
        case 'held':
            // Held for a time is true now as well; not held may have been so at any time before.
            return wanted && !weak ? choicesOf(condition.condition, true, false) : anything;
        case 'binary': {
            const { operator, left, right } = condition;
            if (operator === 'and' || operator === 'or') {
                const parts = [choicesOf(left, wanted, weak), choicesOf(right, wanted, weak)] as const;
                return (operator === 'and') === wanted ? both(...parts) : either(...parts);
            }
            const said = saidBy(condition, wanted);
            return said ? [[{ ...said, comparison: condition, holds: wanted, orUnknown: weak }]] : anything;
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

function truthOf(attribute: Extract<Expression, { kind: 'attribute' }>, wanted: boolean, weak: boolean): Atom {
    const name = spelled(attribute);
    const fact: Fact = { kind: 'one-of', values: [wanted] };
    return { said: { kind: 'fact', fact }, reads: [name], attribute: name, comparison: attribute, holds: wanted, orUnknown: weak };
}
