import { fc, test } from '@fast-check/vitest';
import { expect } from 'vitest';
import { tooFewPlaces } from './matching.js';

const choices = fc.array(fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd')), { maxLength: 5 });

/** Tries every way there is. */
function canAll(of: readonly (readonly string[])[], taken: ReadonlySet<string> = new Set()): boolean {
    const [first, ...others] = of;
    return first === undefined || first.some((place) => !taken.has(place) && canAll(others, new Set([...taken, place])));
}

test.prop([choices])('things have too few places exactly where no way of placing them exists', (of) => {
    expect(tooFewPlaces([...of.keys()], (i) => of[i] ?? []) === undefined).toBe(canAll(of));
});

test.prop([choices])('those that are named have fewer places than they are, all told', (of) => {
    const found = tooFewPlaces([...of.keys()], (i) => of[i] ?? []);
    fc.pre(found !== undefined);
    expect(new Set(found.things.flatMap((i) => of[i] ?? []))).toEqual(new Set(found.places));
    expect(found.places.length).toBeLessThan(new Set(found.things).size);
});
