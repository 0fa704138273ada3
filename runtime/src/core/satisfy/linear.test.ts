import { fc, test } from '@fast-check/vitest';
import { expect } from 'vitest';
import { solvable, type SumFact } from './linear.js';

const names = ['x', 'y', 'z'] as const;
const facts: fc.Arbitrary<readonly SumFact[]> = fc
    .array(
        fc.record({
            factors: fc.tuple(...names.map(() => fc.integer({ min: -2, max: 2 }))),
            constant: fc.integer({ min: -3, max: 3 }),
            is: fc.constantFrom<SumFact['is']>('<', '<=', '==', '!='),
        }),
        { maxLength: 6 },
    )
    .map((all) => all.map(({ factors, constant, is }) => ({ sum: { terms: termsOf(factors), constant }, is })));

function termsOf(factors: readonly number[]): ReadonlyMap<string, number> {
    return new Map(names.map((name, i) => [name, factors[i] ?? 0] as const).filter(([, factor]) => factor !== 0));
}

function isSo({ sum, is }: SumFact, values: readonly number[]): boolean {
    const total = names.reduce((left, name, i) => left + (sum.terms.get(name) ?? 0) * (values[i] ?? 0), sum.constant);
    return is === '<' ? total < 0 : is === '<=' ? total <= 0 : is === '==' ? total === 0 : total !== 0;
}

/** Every point of a grid. */
const grid = Array.from({ length: 17 }, (_, i) => (i - 8) / 2);
const points = grid.flatMap((x) => grid.flatMap((y) => grid.map((z) => [x, y, z] as const)));

test.prop([facts], { numRuns: 300 })('what has no solution no point of a grid solves', (all) => {
    if (!solvable(all)) expect(points.find((point) => all.every((one) => isSo(one, point)))).toBeUndefined();
});

const differences = fc.array(
    fc.tuple(fc.constantFrom(...names), fc.constantFrom(...names), fc.constantFrom<SumFact['is']>('<', '<=', '==', '!=')),
    { maxLength: 7 },
);

test.prop([differences], { numRuns: 500 })('of comparisons of three variables every contradiction is found', (all) => {
    const asked = all.map(([a, b, is]): SumFact => {
        const terms =
            a === b
                ? new Map<string, number>()
                : new Map([
                      [a, 1],
                      [b, -1],
                  ]);
        return { sum: { terms, constant: 0 }, is };
    });
    // An order of three needs three values.
    const few = points.filter((point) => point.every((value) => [0, 1, 2].includes(value)));
    expect(solvable(asked)).toBe(few.some((point) => asked.every((one) => isSo(one, point))));
});
