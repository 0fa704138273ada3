import { fc, test } from '@fast-check/vitest';
import { expect } from 'vitest';
import { frame, type Packet, PacketReader } from './framing.js';

const packet = fc.record({
    header: fc.record({
        program: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        version: fc.constant(1),
        procedure: fc.integer({ min: 0, max: 500 }),
        type: fc.integer({ min: 0, max: 2 }),
        serial: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        status: fc.integer({ min: 0, max: 1 }),
    }),
    payload: fc.uint8Array({ maxLength: 100 }),
});

test.prop([fc.array(packet, { maxLength: 6 }), fc.infiniteStream(fc.integer({ min: 1, max: 70 }))])(
    'packets come out whole, however the stream is cut',
    (packets: Packet[], cuts) => {
        const stream = Buffer.concat(packets.map(frame));
        const reader = new PacketReader();
        const read: Packet[] = [];
        for (let at = 0; at < stream.length; ) {
            const length: number = cuts.next().value ?? 1;
            for (const { header, payload } of reader.push(stream.subarray(at, at + length)))
                read.push({ header, payload: Uint8Array.from(payload) });
            at += length;
        }
        expect(read).toEqual(packets);
    },
);

test('a length that no packet has is refused before its bytes are waited for', () => {
    expect(() => [...new PacketReader().push(Buffer.from('7fffffff', 'hex'))]).toThrow('a packet of 2147483647 bytes');
    expect(() => [...new PacketReader().push(Buffer.from('00000004', 'hex'))]).toThrow('a packet of 4 bytes');
});

test('the length counts itself and the header', () => {
    const header = { program: 0x20008086, version: 1, procedure: 66, type: 0, serial: 1, status: 0 };
    expect(frame({ header, payload: new Uint8Array() }).toString('hex')).toBe('0000001c200080860000000100000042000000000000000100000000');
});
