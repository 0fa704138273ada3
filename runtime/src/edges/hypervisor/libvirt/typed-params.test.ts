import { fc, test } from '@fast-check/vitest';
import { expect } from 'vitest';
import { ParamReader, type ParamValue, type TypedParam, typedParams, ullongParam } from './typed-params.js';
import { decode, encode } from './xdr.js';

const value = fc.oneof(
    fc.record({ type: fc.constantFrom('int' as const), value: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }) }),
    fc.record({ type: fc.constantFrom('uint' as const), value: fc.integer({ min: 0, max: 2 ** 32 - 1 }) }),
    fc.record({ type: fc.constantFrom('double' as const), value: fc.double({ noNaN: true }) }),
    fc.record({ type: fc.constantFrom('llong' as const), value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) }),
    fc.record({ type: fc.constantFrom('ullong' as const), value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
    fc.record({ type: fc.constantFrom('boolean' as const), value: fc.boolean() }),
    fc.record({ type: fc.constantFrom('string' as const), value: fc.string() }),
) satisfies fc.Arbitrary<ParamValue>;

test.prop([fc.array(fc.record({ name: fc.string(), value }))])('parameters come back with their types', (params: TypedParam[]) => {
    expect(decode(typedParams, encode(typedParams, params))).toEqual(params);
});

test('a parameter of an unknown type is refused', () => {
    const bytes = encode(typedParams, [ullongParam('x', 1)]);
    bytes.writeInt32BE(9, 4 + 8);
    expect(() => decode(typedParams, bytes)).toThrow('unknown type 9');
});

test('counters of several devices are added up, and totals of other names are not', () => {
    const reader = new ParamReader([
        ullongParam('net.count', 2),
        ullongParam('net.0.tx.bytes', 5),
        ullongParam('net.1.tx.bytes', 7),
        ullongParam('net.1.rx.bytes', 1000),
        ullongParam('net.1.old.tx.bytes', 1000),
    ]);
    expect(reader.sum('net', 'tx.bytes')).toBe(12);
    expect(reader.sum('block', 'rd.bytes')).toBeUndefined();
});
