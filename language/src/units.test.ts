import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { type Dimension, formatQuantity, parseQuantity, unitMeantBy, units } from './units.js';

describe('reading a quantity', () => {
    property.prop([fc.constantFrom(...units), fc.integer({ min: 0, max: 1_000_000 })])(
        'every unit is read as so many of its base unit',
        (unit, n) => {
            for (const text of [`${n}${unit.symbol}`, `${n} ${unit.symbol}`]) {
                expect(parseQuantity(text)).toEqual({ ok: true, dimension: unit.dimension, value: n * unit.factor, unit });
            }
        },
    );

    property.prop([fc.string()])('any text is read or refused with a reason, never thrown at', (text) => {
        const read = parseQuantity(text);
        expect(read.ok || read.problem.length > 0).toBe(true);
    });

    test.each([
        ['MS', 'ms'],
        ['gbit/s', 'Gbit/s'],
        ['Mbps', 'Mbit/s'],
        ['Mb/s', 'Mbit/s'],
        ['Mbits/s', 'Mbit/s'],
        ['minutes', 'min'],
        ['msx', 'ms'],
        ['GiBs', 'GiB'],
    ])('%s was meant as %s', (wrong, right) => {
        expect(unitMeantBy(wrong)).toBe(right);
    });
});

describe('showing a quantity', () => {
    /** Durations from a minute on are shown in two parts: 2 min 10 s. */
    const read = (text: string): number =>
        (text.match(/\d+(?:\.\d+)? ?[A-Za-z%/]+/g) ?? []).reduce((sum, part) => {
            const parsed = parseQuantity(part);
            return parsed.ok ? sum + parsed.value : Number.NaN;
        }, 0);

    const dimensions: readonly Dimension[] = ['duration', 'size', 'rate', 'ratio', 'power', 'energy'];

    property.prop([fc.constantFrom(...dimensions), fc.double({ min: 0.01, max: 1e9, noNaN: true })])(
        'what is shown reads back as the same, as near as what is shown can tell',
        (dimension, value) => {
            const shown = formatQuantity(value, dimension);
            expect(Math.abs(read(shown) - value) / value).toBeLessThan(0.05);
        },
    );
});
