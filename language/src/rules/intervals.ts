/**
 * What a condition says of single attributes: enough to tell that it can never be true, or that it is true whenever
 * another one is. Everything here errs on one side: `boundsOf` may admit values at which the condition is false, and
 * `implies` may be false where the implication holds. Conditions that compare two attributes bound neither of them.
 */
import type { Expression } from '../program.js';
import { constant } from '../compile/values.js';

/** Which values an attribute can have: a range of numbers in base units, or texts and truth values that are listed. */
export type Bound =
    | { readonly kind: 'numbers'; readonly low: number; readonly high: number; readonly lowOpen: boolean; readonly highOpen: boolean }
    | { readonly kind: 'values'; readonly listed: boolean; readonly values: ReadonlySet<string | boolean> };

/** What must be so of each attribute where the condition is true, by its dotted name; or that it never is. */
export type Bounds = ReadonlyMap<string, Bound> | 'never';

/** What holds of every attribute for which the condition is true. */
export function boundsOf(condition: Expression): Bounds {
    return necessary(condition, false);
}

/** Whether the second is true whenever the first is. */
export function implies(first: Expression, second: Expression): boolean {
    return alike(first, second) || follows(first, second, boundsOf(first));
}

/** What two conditions together say. */
export function both(a: Bounds, b: Bounds): Bounds {
    if (a === 'never' || b === 'never') return 'never';
    const found = new Map(a);
    for (const [name, bound] of b) {
        const known = found.get(name);
        const met = known ? intersection(known, bound) : bound;
        if (met === 'empty') return 'never';
        found.set(name, met);
    }
    return found;
}

/** The name under which `boundsOf` keeps an attribute: `vm.dirty_rate`, `vm.tag.app`. */
export function nameOf(of: Extract<Expression, { kind: 'attribute' }>): string {
    return `${of.entity}.${of.attribute}${of.key === undefined ? '' : `.${of.key}`}`;
}

/** The numbers between two, which belong to them unless they are open. */
export const range = (low: number, high: number, lowOpen = false, highOpen = false): Bound => ({
    kind: 'numbers',
    low,
    high,
    lowOpen,
    highOpen,
});

/** Whether every value that the first admits is admitted by the second. */
export function isWithin(inner: Bound, outer: Bound): boolean {
    if (inner.kind === 'numbers' && outer.kind === 'numbers') {
        const low = inner.low > outer.low || (inner.low === outer.low && (inner.lowOpen || !outer.lowOpen));
        const high = inner.high < outer.high || (inner.high === outer.high && (inner.highOpen || !outer.highOpen));
        return low && high;
    }
    if (inner.kind !== 'values' || outer.kind !== 'values') return false;
    if (inner.listed) return [...inner.values].every((value) => outer.values.has(value) === outer.listed);
    return !outer.listed && [...outer.values].every((value) => inner.values.has(value));
}

const nothingKnown: Bounds = new Map();

function necessary(of: Expression, negated: boolean): Bounds {
    switch (of.kind) {
        case 'literal':
            return of.type === 'boolean' && of.value === negated ? 'never' : nothingKnown;
        case 'not':
            return necessary(of.operand, !negated);
        case 'held':
            // What has held for a while holds now; that it has not does not say that it does not hold now.
            return negated ? nothingKnown : necessary(of.condition, false);
        case 'binary':
            if (of.operator === 'and' || of.operator === 'or') {
                const left = necessary(of.left, negated);
                const right = necessary(of.right, negated);
                return (of.operator === 'and') === negated ? either(left, right) : both(left, right);
            }
            return asBounds(atom(of, negated));
        case 'attribute':
            return asBounds(atom(of, negated));
        case 'negate':
        case 'metric':
            return nothingKnown;
    }
}

function follows(first: Expression, second: Expression, bounds: Bounds, negated = false): boolean {
    if (bounds === 'never') return true;
    if (second.kind === 'not') return follows(first, second.operand, bounds, !negated);
    if (second.kind === 'literal') return second.value === !negated;
    if (!negated && conjuncts(first).some((part) => alike(part, second) || outlasts(part, second))) return true;
    if (negated && conjuncts(first).some((part) => part.kind === 'not' && alike(part.operand, second))) return true;
    if (second.kind === 'binary' && (second.operator === 'and' || second.operator === 'or')) {
        const sides = [second.left, second.right];
        const all = (second.operator === 'and') !== negated;
        const holds = (side: Expression): boolean => follows(first, side, bounds, negated);
        return all ? sides.every(holds) : sides.some(holds);
    }
    const exact = atom(second, negated);
    if (exact === 'always') return true;
    if (exact === 'never' || exact === undefined) return false;
    const known = bounds.get(exact.name);
    return known !== undefined && isWithin(known, exact.bound);
}

/** What must all be true for a condition to be true. */
export function conjuncts(of: Expression): readonly Expression[] {
    return of.kind === 'binary' && of.operator === 'and' ? [...conjuncts(of.left), ...conjuncts(of.right)] : [of];
}

/** `c for 10 min` says more than `c for 5 min`, and than `c`. */
function outlasts(first: Expression, second: Expression): boolean {
    if (first.kind !== 'held') return false;
    if (second.kind === 'held') return first.forMs >= second.forMs && implies(first.condition, second.condition);
    return alike(first.condition, second);
}

/** Whether two expressions say the same, wherever they stand. */
export function alike(a: Expression, b: Expression): boolean {
    switch (a.kind) {
        case 'literal':
            return b.kind === 'literal' && a.type === b.type && String(a.value) === String(b.value);
        case 'attribute':
            return b.kind === 'attribute' && nameOf(a) === nameOf(b);
        case 'not':
        case 'negate':
            return a.kind === b.kind && alike(a.operand, b.operand);
        case 'binary':
            return b.kind === 'binary' && a.operator === b.operator && alike(a.left, b.left) && alike(a.right, b.right);
        case 'held':
            return b.kind === 'held' && a.forMs === b.forMs && alike(a.condition, b.condition);
        case 'metric':
            return b.kind === 'metric' && a.query === b.query;
    }
}

interface Atom {
    readonly name: string;
    readonly bound: Bound;
}

const asBounds = (of: Atom | 'never' | 'always' | undefined): Bounds =>
    of === 'never' ? 'never' : of === undefined || of === 'always' ? nothingKnown : new Map([[of.name, of.bound]]);

/** A comparison with something fixed, exactly: it is true where the attribute is within the bound, and false where it is not. */
function atom(of: Expression, negated: boolean): Atom | 'never' | 'always' | undefined {
    if (of.kind === 'attribute') return of.type === 'boolean' ? { name: nameOf(of), bound: values(true, [!negated]) } : undefined;
    if (of.kind !== 'binary') return undefined;
    const left = constant(of.left);
    const right = constant(of.right);
    if (left !== undefined && right !== undefined) return fixed(of.operator, left, right, negated);
    if (of.operator === 'contains') {
        const isSet = of.left.kind === 'attribute' && of.left.type === 'strings' && typeof right === 'string';
        return isSet ? { name: `${nameOf(of.left)} contains ${right}`, bound: values(true, [!negated]) } : undefined;
    }
    if (of.operator === 'in') {
        const isMember = of.left.kind === 'attribute' && typeof right === 'object';
        return isMember ? { name: nameOf(of.left), bound: values(!negated, right) } : undefined;
    }
    if (of.left.kind === 'attribute' && right !== undefined) return compared(nameOf(of.left), of.operator, right, negated);
    const turned = mirrored[of.operator];
    if (of.right.kind === 'attribute' && left !== undefined && turned) return compared(nameOf(of.right), turned, left, negated);
    return undefined;
}

type Operator = Extract<Expression, { kind: 'binary' }>['operator'];
type Constant = NonNullable<ReturnType<typeof constant>>;

const mirrored: Partial<Record<Operator, Operator>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=', '==': '==', '!=': '!=' };
const opposite: Partial<Record<Operator, Operator>> = { '<': '>=', '<=': '>', '>': '<=', '>=': '<', '==': '!=', '!=': '==' };

function compared(name: string, operator: Operator, value: Constant, negated: boolean): Atom | undefined {
    const meant = negated ? opposite[operator] : operator;
    if (typeof value === 'string' || typeof value === 'boolean') {
        if (meant !== '==' && meant !== '!=') return undefined; // texts in order are versions
        return { name, bound: values(meant === '==', [value]) };
    }
    if (typeof value !== 'number') return undefined;
    if (meant === '==') return { name, bound: range(value, value) };
    if (meant === '<' || meant === '<=') return { name, bound: range(-Infinity, value, false, meant === '<') };
    if (meant === '>' || meant === '>=') return { name, bound: range(value, Infinity, meant === '>') };
    return undefined;
}

function fixed(operator: Operator, left: Constant, right: Constant, negated: boolean): 'never' | 'always' | undefined {
    const outcome = outcomeOf(operator, left, right);
    return outcome === undefined ? undefined : outcome === negated ? 'never' : 'always';
}

/** What a comparison of two values comes to that are known before the run. */
export function outcomeOf(operator: Operator, left: Constant, right: Constant): boolean | undefined {
    if (operator === '==' || operator === '!=') {
        return typeof left === 'object' || typeof right === 'object' ? undefined : (left === right) === (operator === '==');
    }
    if (typeof left !== 'number' || typeof right !== 'number') return undefined;
    const order: Partial<Record<Operator, boolean>> = {
        '<': left < right,
        '<=': left <= right,
        '>': left > right,
        '>=': left >= right,
    };
    return order[operator];
}

/** Truth values are two: not one of them is the other. */
function values(listed: boolean, of: readonly (string | boolean)[]): Bound {
    const [only] = of;
    return !listed && typeof only === 'boolean'
        ? { kind: 'values', listed: true, values: new Set([!only]) }
        : { kind: 'values', listed, values: new Set(of) };
}

function either(a: Bounds, b: Bounds): Bounds {
    if (a === 'never') return b;
    if (b === 'never') return a;
    const found = new Map<string, Bound>();
    for (const [name, bound] of a) {
        const other = b.get(name);
        const met = other && union(bound, other);
        if (met) found.set(name, met);
    }
    return found;
}

function intersection(a: Bound, b: Bound): Bound | 'empty' {
    if (a.kind === 'numbers' && b.kind === 'numbers') {
        const low = Math.max(a.low, b.low);
        const high = Math.min(a.high, b.high);
        const lowOpen = (a.low === low && a.lowOpen) || (b.low === low && b.lowOpen);
        const highOpen = (a.high === high && a.highOpen) || (b.high === high && b.highOpen);
        return low > high || (low === high && (lowOpen || highOpen)) ? 'empty' : range(low, high, lowOpen, highOpen);
    }
    if (a.kind !== 'values' || b.kind !== 'values') return a;
    if (!a.listed && !b.listed) return { kind: 'values', listed: false, values: joined(a.values, b.values) };
    const [list, other] = a.listed ? [a, b] : [b, a];
    const left = other.listed ? common(list.values, other.values) : without(list.values, other.values);
    return left.size === 0 ? 'empty' : { kind: 'values', listed: true, values: left };
}

/** The least bound that admits what either admits; a range without gaps. */
function union(a: Bound, b: Bound): Bound | undefined {
    if (a.kind === 'numbers' && b.kind === 'numbers') {
        const low = Math.min(a.low, b.low);
        const high = Math.max(a.high, b.high);
        const lowOpen = (a.low > low || a.lowOpen) && (b.low > low || b.lowOpen);
        const highOpen = (a.high < high || a.highOpen) && (b.high < high || b.highOpen);
        return range(low, high, lowOpen, highOpen);
    }
    if (a.kind !== 'values' || b.kind !== 'values') return undefined;
    if (a.listed && b.listed) return { kind: 'values', listed: true, values: joined(a.values, b.values) };
    if (!a.listed && !b.listed) return { kind: 'values', listed: false, values: common(a.values, b.values) };
    const [list, except] = a.listed ? [a, b] : [b, a];
    return { kind: 'values', listed: false, values: without(except.values, list.values) };
}

type Values = ReadonlySet<string | boolean>;

const joined = (a: Values, b: Values): Values => new Set([...a, ...b]);
const common = (a: Values, b: Values): Values => new Set([...a].filter((value) => b.has(value)));
const without = (a: Values, b: Values): Values => new Set([...a].filter((value) => !b.has(value)));
