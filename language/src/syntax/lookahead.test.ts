import { type ILookaheadStrategy, Rule } from 'chevrotain';
import { expect, test } from 'vitest';
import { LookaheadWhenNeeded } from './lookahead.js';

/** A strategy that counts what it builds, and decides by the parser that it is called on. */
class Counting implements ILookaheadStrategy {
    built = 0;
    initialized = 0;

    validate(): [] {
        return [];
    }

    initialize(): void {
        this.initialized++;
    }

    buildLookaheadForAlternation(): (this: unknown) => number {
        this.built++;
        return function () {
            return (this as { readonly next: number }).next;
        };
    }

    buildLookaheadForOptional(): (this: unknown) => boolean {
        this.built++;
        return function () {
            return (this as { readonly next: number }).next === 1;
        };
    }
}

const rule = new Rule({ name: 'Policy', definition: [] });
const alternation = { rule, prodOccurrence: 1 } as Parameters<ILookaheadStrategy['buildLookaheadForAlternation']>[0];
const optional = { rule, prodOccurrence: 1, prodType: 'Option' } as Parameters<ILookaheadStrategy['buildLookaheadForOptional']>[0];

test('a choice is built when a text first comes to it, and only once', () => {
    const counting = new Counting();
    const strategy = new LookaheadWhenNeeded(counting);
    const which = strategy.buildLookaheadForAlternation(alternation);
    const whether = strategy.buildLookaheadForOptional(optional);
    expect(counting.built).toBe(0);
    expect([which.call({ next: 3 }), which.call({ next: 4 })]).toEqual([3, 4]);
    expect(counting.built).toBe(1);
    expect([whether.call({ next: 1 }), whether.call({ next: 2 })]).toEqual([true, false]);
    expect(counting.built).toBe(2);
});

test('the strategy behind it learns the rules at once', () => {
    const counting = new Counting();
    new LookaheadWhenNeeded(counting).initialize({ rules: [] });
    expect(counting.initialized).toBe(1);
});

test('a choice is known by the rule that it stands in', () => {
    const strategy = new LookaheadWhenNeeded(new Counting());
    const which = strategy.buildLookaheadForAlternation(alternation);
    const whether = strategy.buildLookaheadForOptional(optional);
    expect(strategy.alternation('Policy', 1)).toBe(which);
    expect(strategy.optional('Policy', 'Option', 1)).toBe(whether);
    expect(() => strategy.alternation('Policy', 2)).toThrow('no such decision in Policy');
});
