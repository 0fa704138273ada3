/**
 * XDR (RFC 4506) as codecs that know their own types: `struct({ name: text, id: int })` reads and writes
 * `{ name: string; id: number }`. Everything is big-endian and padded to four bytes.
 */

export interface Codec<T> {
    read(from: XdrReader): T;
    write(to: XdrWriter, value: T): void;
}

/** The type of the values that a codec carries. */
export type Carried<C> = C extends Codec<infer T> ? T : never;

/** Bytes that are not what the layout says. */
export class XdrError extends Error {
    override readonly name = 'XdrError';
}

/** More elements than this in one array are taken for a fault, as libvirt does with its own limits. */
const maxElements = 1 << 20;

const codec = <T>(read: (from: XdrReader) => T, write: (to: XdrWriter, value: T) => void): Codec<T> => ({ read, write });

export const int = codec<number>(
    (from) => from.take(4).readInt32BE(0),
    (to, value) => to.give(4).writeInt32BE(value, 0),
);
export const uint = codec<number>(
    (from) => from.take(4).readUInt32BE(0),
    (to, value) => to.give(4).writeUInt32BE(value, 0),
);
export const hyper = codec<bigint>(
    (from) => from.take(8).readBigInt64BE(0),
    (to, value) => to.give(8).writeBigInt64BE(value, 0),
);
export const uhyper = codec<bigint>(
    (from) => from.take(8).readBigUInt64BE(0),
    (to, value) => to.give(8).writeBigUInt64BE(value, 0),
);
export const double = codec<number>(
    (from) => from.take(8).readDoubleBE(0),
    (to, value) => to.give(8).writeDoubleBE(value, 0),
);
/** UTF-8 with its length before it. */
export const text = codec<string>(
    (from) => from.padded(from.take(4).readUInt32BE(0)).toString('utf8'),
    (to, value) => opaque.write(to, Buffer.from(value, 'utf8')),
);
/** Bytes with their length before them. The result is a copy: it outlives the packet. */
export const opaque = codec<Uint8Array>(
    (from) => Uint8Array.from(from.padded(from.take(4).readUInt32BE(0))),
    (to, value) => {
        uint.write(to, value.length);
        to.padded(value);
    },
);
/** Exactly so many bytes. */
export const fixedOpaque = (length: number): Codec<Uint8Array> =>
    codec(
        (from) => Uint8Array.from(from.padded(length)),
        (to, value) => {
            if (value.length !== length) throw new XdrError(`${String(value.length)} bytes where ${String(length)} belong`);
            to.padded(value);
        },
    );
/** Nothing at all: void arguments and results. */
export const nothing = codec<undefined>(
    () => undefined,
    () => undefined,
);
/** A pointer that may be null. */
export const optional = <T>(of: Codec<T>): Codec<T | undefined> =>
    codec(
        (from) => (int.read(from) === 0 ? undefined : of.read(from)),
        (to, value) => {
            int.write(to, value === undefined ? 0 : 1);
            if (value !== undefined) of.write(to, value);
        },
    );
/** An array with its length before it. */
export const array = <T>(of: Codec<T>): Codec<readonly T[]> =>
    codec(
        (from) => {
            const length = uint.read(from);
            if (length > maxElements) throw new XdrError(`an array of ${String(length)} elements`);
            return Array.from({ length }, () => of.read(from));
        },
        (to, values) => {
            uint.write(to, values.length);
            for (const value of values) of.write(to, value);
        },
    );
/** An array whose length is part of the layout. */
export const fixedArray = <T>(of: Codec<T>, length: number): Codec<readonly T[]> =>
    codec(
        (from) => Array.from({ length }, () => of.read(from)),
        (to, values) => {
            if (values.length !== length) throw new XdrError(`${String(values.length)} elements where ${String(length)} belong`);
            for (const value of values) of.write(to, value);
        },
    );

type Fields = Readonly<Record<string, Codec<unknown>>>;

/** Fields in the order in which they are written here. */
export const struct = <F extends Fields>(fields: F): Codec<{ readonly [K in keyof F]: Carried<F[K]> }> => {
    const entries = Object.entries(fields);
    return codec(
        (from) =>
            Object.fromEntries(entries.map(([name, field]) => [name, field.read(from)])) as { readonly [K in keyof F]: Carried<F[K]> },
        (to, value) => {
            for (const [name, field] of entries) field.write(to, value[name]);
        },
    );
};

/** Reads all of `packet`; what is left over is a fault. */
export function decode<T>(of: Codec<T>, packet: Uint8Array): T {
    const reader = new XdrReader(packet);
    const value = of.read(reader);
    if (reader.left > 0) throw new XdrError(`${String(reader.left)} bytes too many`);
    return value;
}

export function encode<T>(of: Codec<T>, value: T): Buffer {
    const writer = new XdrWriter();
    of.write(writer, value);
    return writer.bytes();
}

export class XdrReader {
    readonly #buffer: Buffer;
    #at = 0;

    constructor(packet: Uint8Array) {
        this.#buffer = Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength);
    }

    get left(): number {
        return this.#buffer.length - this.#at;
    }

    take(length: number): Buffer {
        if (length > this.left) throw new XdrError(`it ends ${String(length - this.left)} bytes early`);
        const taken = this.#buffer.subarray(this.#at, this.#at + length);
        this.#at += length;
        return taken;
    }

    padded(length: number): Buffer {
        const taken = this.take(length);
        this.take(padding(length));
        return taken;
    }
}

export class XdrWriter {
    #buffer = Buffer.alloc(256);
    #length = 0;

    /** Room for so many bytes, zeroed. */
    give(length: number): Buffer {
        const end = this.#length + length;
        if (end > this.#buffer.length) {
            const grown = Buffer.alloc(Math.max(end, this.#buffer.length * 2));
            this.#buffer.copy(grown, 0, 0, this.#length);
            this.#buffer = grown;
        }
        const room = this.#buffer.subarray(this.#length, end);
        this.#length = end;
        return room;
    }

    padded(value: Uint8Array): void {
        this.give(value.length + padding(value.length)).set(value);
    }

    bytes(): Buffer {
        return this.#buffer.subarray(0, this.#length);
    }
}

const padding = (length: number): number => (4 - (length % 4)) % 4;
