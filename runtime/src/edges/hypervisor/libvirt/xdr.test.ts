import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import {
    array,
    type Codec,
    decode,
    double,
    encode,
    fixedArray,
    fixedOpaque,
    hyper,
    int,
    nothing,
    opaque,
    optional,
    struct,
    text,
    uhyper,
    uint,
    XdrError,
} from './xdr.js';

const comesBack = <T>(codec: Codec<T>, value: T): void => {
    const bytes = encode(codec, value);
    expect(bytes.length % 4).toBe(0);
    expect(decode(codec, bytes)).toEqual(value);
};

describe('what is written is read back', () => {
    test.prop([fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })])('int', (value) => comesBack(int, value));
    test.prop([fc.integer({ min: 0, max: 2 ** 32 - 1 })])('uint', (value) => comesBack(uint, value));
    test.prop([fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })])('hyper', (value) => comesBack(hyper, value));
    test.prop([fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })])('uhyper', (value) => comesBack(uhyper, value));
    test.prop([fc.double({ noNaN: true })])('double', (value) => comesBack(double, value));
    test.prop([fc.string({ unit: 'grapheme' })])('text', (value) => comesBack(text, value));
    test.prop([fc.uint8Array({ maxLength: 600 })])('opaque', (value) => comesBack(opaque, value));
    test.prop([fc.uint8Array({ minLength: 7, maxLength: 7 })])('fixed opaque', (value) => comesBack(fixedOpaque(7), value));
    test.prop([fc.array(fc.option(fc.string(), { nil: undefined }))])('arrays of optional texts', (value) =>
        comesBack(array(optional(text)), value),
    );
    test.prop([fc.string(), fc.integer({ min: 0, max: 99 }), fc.array(fc.bigInt({ min: 0n, max: 9n }))])(
        'structs within structs',
        (name, id, sizes) =>
            comesBack(struct({ dom: struct({ name: text, id: int }), sizes: array(uhyper) }), { dom: { name, id }, sizes }),
    );
});

describe('the layout is the one of the RFC', () => {
    test('text has its length before it and zeros behind it', () => {
        expect(encode(text, 'abcde').toString('hex')).toBe('000000056162636465000000');
    });
    test('a hyper is eight bytes, the high ones first', () => {
        expect(encode(hyper, -2n).toString('hex')).toBe('fffffffffffffffe');
    });
    test('nothing takes no room', () => {
        expect(encode(nothing, undefined)).toHaveLength(0);
    });
    test('an array of fixed length has no length before it', () => {
        expect(encode(fixedArray(int, 2), [1, 2]).toString('hex')).toBe('0000000100000002');
    });
});

describe('what does not fit is refused', () => {
    test.prop([fc.string({ minLength: 1 })])('a packet that ends early', (value) => {
        const bytes = encode(text, value);
        expect(() => decode(text, bytes.subarray(0, bytes.length - 1))).toThrow(XdrError);
    });
    test('bytes that are left over', () => {
        expect(() => decode(int, Buffer.alloc(8))).toThrow('4 bytes too many');
    });
    test('an array longer than any that is sent', () => {
        expect(() => decode(array(int), Buffer.from('ffffffff', 'hex'))).toThrow(XdrError);
    });
    test('fewer bytes than a fixed field has', () => {
        expect(() => encode(fixedOpaque(16), new Uint8Array(3))).toThrow(XdrError);
    });
});

test('opaque bytes outlive the packet that they came in', () => {
    const packet = encode(opaque, Uint8Array.of(1, 2, 3));
    const cookie = decode(opaque, packet);
    packet.fill(0);
    expect([...cookie]).toEqual([1, 2, 3]);
});
