/**
 * What is left of the values of one attribute, once several comparisons have to be true of it. A figure is bounded from
 * both sides, with single values taken out; a text is one of some, or any but some; a set has some words and lacks others.
 *
 * Texts that are ordered are versions, whose order is another matter (evaluate.ts): such a comparison bounds nothing here.
 */
export type Fact =
    | { readonly kind: 'order'; readonly operator: '<' | '<=' | '>' | '>='; readonly than: number }
    | { readonly kind: 'one-of'; readonly values: readonly (number | string | boolean)[] }
    | { readonly kind: 'none-of'; readonly values: readonly (number | string | boolean)[] }
    /** Of a set of words. */
    | { readonly kind: 'has' | 'lacks'; readonly word: string };

/** Whether one value can be so in all these ways at once. Sound both ways for the facts that there are. */
export function possible(facts: readonly Fact[]): boolean {
    const words = new Set(facts.flatMap((fact) => (fact.kind === 'has' ? [fact.word] : [])));
    if (facts.some((fact) => fact.kind === 'lacks' && words.has(fact.word))) return false;
    const interval = intervalOf(facts);
    if (isEmpty(interval)) return false;
    const lists = facts.flatMap((fact) => (fact.kind === 'one-of' ? [fact.values] : []));
    const out = new Set(facts.flatMap((fact) => (fact.kind === 'none-of' ? fact.values : [])));
    const [first, ...others] = lists;
    if (first) return first.some((value) => !out.has(value) && others.every((list) => list.includes(value)) && contains(interval, value));
    // An open range has more values than any list takes out; a single point has one, and true and false are two.
    if (interval.low === interval.high) return !out.has(interval.low);
    return !(out.has(true) && out.has(false));
}

/** The one value that is left, where there is just one. */
export function onlyValue(facts: readonly Fact[]): number | string | boolean | undefined {
    const lists = facts.flatMap((fact) => (fact.kind === 'one-of' ? [fact.values] : []));
    const left = new Set(lists[0]?.filter((value) => possible([...facts, { kind: 'one-of', values: [value] }])));
    const truths = facts.flatMap((fact) => (fact.kind === 'none-of' ? fact.values : [])).filter((value) => typeof value === 'boolean');
    if (left.size === 0 && truths.length > 0) return !truths[0];
    const [only] = left;
    return left.size === 1 ? only : undefined;
}

/** The fewest of these facts that cannot be so together: without any one of them the rest can. */
export function clash<T extends { readonly fact: Fact }>(of: readonly T[]): readonly T[] {
    let left = of;
    for (const one of of) {
        const without = left.filter((other) => other !== one);
        if (!possible(without.map(({ fact }) => fact))) left = without;
    }
    return left;
}

interface Interval {
    readonly low: number;
    readonly high: number;
    readonly lowOpen: boolean;
    readonly highOpen: boolean;
}

function intervalOf(facts: readonly Fact[]): Interval {
    let interval: Interval = { low: -Infinity, high: Infinity, lowOpen: false, highOpen: false };
    for (const fact of facts) if (fact.kind === 'order') interval = narrowed(interval, fact.operator, fact.than);
    return interval;
}

function narrowed(interval: Interval, operator: '<' | '<=' | '>' | '>=', than: number): Interval {
    const open = operator === '<' || operator === '>';
    if (operator === '<' || operator === '<=') {
        if (than > interval.high) return interval;
        return { ...interval, high: than, highOpen: open || (than === interval.high && interval.highOpen) };
    }
    if (than < interval.low) return interval;
    return { ...interval, low: than, lowOpen: open || (than === interval.low && interval.lowOpen) };
}

function isEmpty({ low, high, lowOpen, highOpen }: Interval): boolean {
    return low > high || (low === high && (lowOpen || highOpen));
}

function contains(interval: Interval, value: number | string | boolean): boolean {
    if (typeof value !== 'number') return true;
    const { low, high, lowOpen, highOpen } = interval;
    return (lowOpen ? value > low : value >= low) && (highOpen ? value < high : value <= high);
}
