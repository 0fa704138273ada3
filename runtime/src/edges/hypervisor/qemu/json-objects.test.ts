import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NotJsonObjects, ObjectReader } from './json-objects.js';

/** The stream in pieces that end wherever they end. */
function inPieces(stream: Buffer, cuts: readonly number[]): readonly Buffer[] {
    const ends = [...new Set(cuts.map((cut) => cut % (stream.length + 1)))].sort((a, b) => a - b);
    return [0, ...ends].map((from, i) => stream.subarray(from, ends[i] ?? stream.length));
}

const object = fc.dictionary(fc.string(), fc.jsonValue());
const read = (reader: ObjectReader, pieces: readonly Buffer[]): readonly unknown[] =>
    pieces.flatMap((piece) => reader.push(piece)).map((text) => JSON.parse(text) as unknown);

describe('objects in a stream', () => {
    test('are the same however the stream is cut, and however they are laid out', () => {
        const stream = fc.record({
            objects: fc.array(object, { maxLength: 5 }),
            indent: fc.constantFrom(0, 4),
            between: fc.constantFrom('\r\n', '\n', '', '  \t\n'),
            cuts: fc.array(fc.nat(4000), { maxLength: 12 }),
        });
        fc.assert(
            fc.property(stream, ({ objects, indent, between, cuts }) => {
                const bytes = Buffer.from(objects.map((one) => JSON.stringify(one, undefined, indent) + between).join(''));
                const reader = new ObjectReader();
                expect(read(reader, inPieces(bytes, cuts))).toEqual(objects.map((one) => JSON.parse(JSON.stringify(one)) as unknown));
                expect(reader.isInside).toBe(false);
            }),
        );
    });

    test('that are cut off in the middle are not told', () => {
        fc.assert(
            fc.property(object, fc.nat(), (one, cut) => {
                const bytes = Buffer.from(JSON.stringify(one));
                const reader = new ObjectReader();
                const before = bytes.subarray(0, 1 + (cut % (bytes.length - 1)));
                expect(reader.push(before)).toEqual([]);
                expect(reader.isInside).toBe(true);
                expect(read(reader, [bytes.subarray(before.length)])).toEqual([JSON.parse(JSON.stringify(one))]);
            }),
        );
    });

    test('are bounded, in one piece and in many', () => {
        const long = Buffer.from(JSON.stringify({ a: 'x'.repeat(200) }));
        expect(() => new ObjectReader(100).push(long)).toThrow(NotJsonObjects);
        const reader = new ObjectReader(100);
        expect(() => {
            for (const byte of long) reader.push(Buffer.of(byte));
        }).toThrow('an object is longer than 100 bytes');
        // One that keeps to the bound does not count for the next.
        const small = new ObjectReader(100);
        for (let i = 0; i < 50; i += 1) expect(small.push(Buffer.from('{"a":"0123456789"}\r\n'))).toHaveLength(1);
    });

    test('are told from anything else, which is shown', () => {
        const human = 'QEMU 10.0.2 monitor - type "help" for more information\r\n(qemu) ';
        expect(() => new ObjectReader().push(Buffer.from(human))).toThrow(expect.objectContaining({ found: human.slice(0, 80) }) as Error);
        fc.assert(
            fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
                const reader = new ObjectReader();
                try {
                    for (const text of reader.push(Buffer.from(bytes))) expect(text.startsWith('{')).toBe(true);
                } catch (error) {
                    expect(error).toBeInstanceOf(NotJsonObjects);
                }
            }),
        );
    });
});
