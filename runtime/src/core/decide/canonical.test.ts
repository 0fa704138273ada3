import { fc, test } from '@fast-check/vitest';
import { expect } from 'vitest';
import { canonicalJson } from './canonical.js';

test('keys are in order, and what is undefined is left out', () => {
    expect(canonicalJson({ b: [1, undefined, 'x'], a: undefined, A: { d: null, c: true } })).toBe(
        '{"A":{"c":true,"d":null},"b":[1,null,"x"]}',
    );
});

test.prop([fc.jsonValue()])('it is JSON, and the same after being read', (value) => {
    const text = canonicalJson(value);
    expect(canonicalJson(JSON.parse(text))).toBe(text);
    expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
});

test.prop([fc.dictionary(fc.string(), fc.integer())])('the order of keys does not matter', (value) => {
    expect(canonicalJson(Object.fromEntries(Object.entries(value).reverse()))).toBe(canonicalJson(value));
});
