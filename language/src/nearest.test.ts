import { fc, test as property } from '@fast-check/vitest';
import { expect, test } from 'vitest';
import { nearest } from './nearest.js';

test('a swapped, a missing and a wrong letter are all near', () => {
    expect(nearest('memroy', ['memory', 'name'])).toBe('memory');
    expect(nearest('dirtyrate', ['dirty_rate', 'disk.read'])).toBe('dirty_rate');
    expect(nearest('zome', ['zone', 'name'])).toBe('zone');
});

test('a word that is like none of them is near none of them', () => {
    expect(nearest('colour', ['zone', 'rack', 'memory'])).toBeUndefined();
});

property.prop([fc.string({ minLength: 3, maxLength: 12 }), fc.nat()])('one letter added to a candidate still finds it', (word, n) => {
    const at = n % (word.length + 1);
    expect(nearest(`${word.slice(0, at)}x${word.slice(at)}`, [word])).toBe(word);
});
