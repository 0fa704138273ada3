/**
 * Packets on the wire: a length that includes itself, a header of six words, and a payload.
 * Facts of libvirt's virnetprotocol; the largest packet is 32 MiB and the length word.
 */
import { type Carried, decode, encode, int, struct, uint, XdrError } from './xdr.js';

export const packetTypes = { call: 0, reply: 1, message: 2 } as const;
export const packetStatus = { ok: 0, error: 1 } as const;

const header = struct({ program: uint, version: uint, procedure: int, type: int, serial: uint, status: int });
export type PacketHeader = Carried<typeof header>;

export interface Packet {
    readonly header: PacketHeader;
    readonly payload: Uint8Array;
}

const lengthBytes = 4;
const headerBytes = 24;
const maxPacket = 33_554_432 + lengthBytes;

export function frame(packet: Packet): Buffer {
    const size = lengthBytes + headerBytes + packet.payload.length;
    if (size > maxPacket) throw new XdrError(`a packet of ${String(size)} bytes is more than libvirt takes`);
    return Buffer.concat([encode(uint, size), encode(header, packet.header), packet.payload], size);
}

/** Cuts a stream into packets. Throws XdrError where it is none. */
export class PacketReader {
    #chunks: Buffer[] = [];
    #held = 0;

    *push(chunk: Buffer): Generator<Packet> {
        this.#chunks.push(chunk);
        this.#held += chunk.length;
        while (this.#held >= lengthBytes) {
            const size = this.#peek(lengthBytes).readUInt32BE(0);
            if (size < lengthBytes + headerBytes || size > maxPacket) throw new XdrError(`a packet of ${String(size)} bytes`);
            if (this.#held < size) return;
            const whole = this.#peek(size);
            const rest = whole.length > size ? [whole.subarray(size)] : [];
            this.#chunks = [...rest, ...this.#chunks.slice(1)];
            this.#held -= size;
            yield {
                header: decode(header, whole.subarray(lengthBytes, lengthBytes + headerBytes)),
                payload: whole.subarray(lengthBytes + headerBytes, size),
            };
        }
    }

    /** Makes the first chunk at least so long. */
    #peek(length: number): Buffer {
        const [first] = this.#chunks;
        if (first !== undefined && first.length >= length) return first;
        const joined = Buffer.concat(this.#chunks);
        this.#chunks = [joined];
        return joined;
    }
}
