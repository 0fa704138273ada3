import { fc, test as property } from '@fast-check/vitest';
import { expect } from 'vitest';
import { anyInside, isInside } from './places.js';
import type { Position, SourceRange } from './program.js';

const position = fc.record({ line: fc.nat({ max: 4 }), character: fc.nat({ max: 4 }) });
const order = (a: Position, b: Position): number => a.line - b.line || a.character - b.character;
const range: fc.Arbitrary<SourceRange> = fc.tuple(fc.nat({ max: 1 }), position, position).map(([source, a, b]) => {
    const [start, end] = order(a, b) <= 0 ? [a, b] : [b, a];
    return { source, start, end };
});

property.prop([fc.array(range, { maxLength: 12 }), range], { numRuns: 2000 })(
    'a part has a place in it where one of all is in it',
    (places, outer) => {
        expect(anyInside(places)(outer)).toBe(places.some((place) => isInside(place, outer)));
    },
);
