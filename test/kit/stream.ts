/**
 * QEMU's migration stream, read as it went over the wire: how often each page of the guest's memory was sent. Enough of the
 * format for pre-copy and post-copy of a guest whose memory is its only iterable state, without compression; anything else
 * is an error rather than a guess. Facts of the format: QEMU's docs/devel/migration and what it was seen to send (7.2, 10.0).
 */

/** Kinds of sections, by their first byte. */
const section = { eof: 0, start: 1, part: 2, end: 3, configuration: 7, command: 8, footer: 0x7e } as const;
const packaged = 7;
/** Flags of a page, in the low bits of its address. */
const flag = { zero: 0x02, memorySize: 0x04, page: 0x08, end: 0x10, sameBlock: 0x20, flush: 0x200 } as const;
const pageSize = 4096;

/** How often a page was sent. */
export interface Crossed {
    /** Before the switch to post-copy. */
    before: number;
    after: number;
    /** Of all these, as an empty page: a word in place of its content. */
    empty: number;
}

export interface Crossings {
    /** By block and address. */
    readonly pages: ReadonlyMap<string, Crossed>;
    /** Pages that the guest's memory has, as the stream says at its beginning. */
    readonly ofMemory: number;
    readonly switched: boolean;
}

/** Counts over the main channel and, where there is one, the channel of pages that the destination asked for. */
export function crossings(main: Buffer, asked: readonly Buffer[]): Crossings {
    const pages = new Map<string, Crossed>();
    let switched = false;
    const cross: Cross = (page, isEmpty) => {
        const times = pages.get(page) ?? { before: 0, after: 0, empty: 0 };
        times[switched ? 'after' : 'before'] += 1;
        if (isEmpty) times.empty += 1;
        pages.set(page, times);
    };
    const reader = new Reader(main);
    if (reader.u32() !== 0x5145564d || reader.u32() !== 3) throw new Error('this is no migration stream');
    let ram: number | undefined;
    let ofMemory = 0;
    for (let kind = reader.u8(); kind !== section.eof; kind = reader.u8()) {
        switch (kind) {
            case section.configuration:
                configuration(reader);
                break;
            case section.command:
                if (command(reader)) switched = true;
                break;
            case section.start: {
                const id = reader.u32();
                const name = reader.text(reader.u8());
                reader.skip(8);
                if (name !== 'ram') throw new Error(`the stream has other iterable state: ${name}`);
                ram = id;
                ofMemory = sizes(reader) / pageSize;
                readPages(reader, cross);
                break;
            }
            case section.part:
            case section.end:
                if (reader.u32() !== ram) throw new Error(`a section of something else than memory at ${reader.at}`);
                readPages(reader, cross);
                break;
            case section.footer:
                reader.skip(4);
                break;
            default:
                throw new Error(`nothing is known of a section of kind ${kind} at ${reader.at}`);
        }
        if (reader.isAtEnd) break;
    }
    for (const channel of asked) if (channel.length > 0) readPages(new Reader(channel), cross);
    return { pages, ofMemory, switched };
}

type Cross = (page: string, isEmpty: boolean) => void;

/** Machine name, then subsections, which begin with a byte that no section begins with. */
function configuration(reader: Reader): void {
    reader.skip(reader.u32());
    while (reader.peek() === 5) {
        reader.skip(1);
        const name = reader.text(reader.u8());
        reader.skip(4);
        const body = subsections.find(([known]) => name.endsWith(known));
        if (!body) throw new Error(`nothing is known of the subsection ${name}`);
        body[1](reader);
    }
}

const subsections: readonly (readonly [string, (reader: Reader) => void])[] = [
    ['target-page-bits', (reader) => reader.skip(4)],
    [
        'capabilities',
        (reader) => {
            const count = reader.u32();
            for (let i = 0; i < count; i += 1) reader.skip(reader.u8());
        },
    ],
    ['uuid', (reader) => reader.skip(16)],
];

/** Whether it is the one that hands the guest over: devices and all, in a package of its own. */
function command(reader: Reader): boolean {
    const [what, length] = [reader.u16(), reader.u16()];
    if (what !== packaged) {
        reader.skip(length);
        return false;
    }
    reader.skip(reader.u32());
    return true;
}

/** The blocks of memory with their sizes, until all of it is named. Its size in bytes. */
function sizes(reader: Reader): number {
    const total = reader.u64();
    if ((total & BigInt(flag.memorySize)) === 0n) throw new Error(`no sizes of memory at ${reader.at}`);
    const whole = total & ~BigInt(pageSize - 1);
    for (let left = whole; left > 0n; ) {
        reader.skip(reader.u8());
        left -= reader.u64();
    }
    return Number(whole);
}

function readPages(reader: Reader, cross: Cross): void {
    while (!reader.isAtEnd) {
        const word = reader.u64();
        const flags = Number(word & BigInt(pageSize - 1));
        if ((flags & flag.end) !== 0) return;
        if ((flags & flag.flush) !== 0) continue;
        if ((flags & flag.sameBlock) === 0) reader.block = reader.text(reader.u8());
        const isEmpty = (flags & flag.zero) !== 0;
        if ((flags & flag.page) !== 0) reader.skip(pageSize);
        else if (isEmpty) reader.skip(1);
        else throw new Error(`nothing is known of a page with flags 0x${flags.toString(16)} at ${reader.at}`);
        cross(`${reader.block} ${(word >> 12n).toString(16)}`, isEmpty);
    }
}

class Reader {
    readonly #bytes: Buffer;
    at = 0;
    /** Of the last page that named its block: those after it are of the same, in later sections too. */
    block = '';

    constructor(bytes: Buffer) {
        this.#bytes = bytes;
    }
    get isAtEnd(): boolean {
        return this.at >= this.#bytes.length;
    }
    peek(): number {
        return this.#bytes.readUInt8(this.at);
    }
    skip(length: number): void {
        this.at += length;
    }
    u8(): number {
        return this.#bytes.readUInt8(this.at++);
    }
    u16(): number {
        this.at += 2;
        return this.#bytes.readUInt16BE(this.at - 2);
    }
    u32(): number {
        this.at += 4;
        return this.#bytes.readUInt32BE(this.at - 4);
    }
    u64(): bigint {
        this.at += 8;
        return this.#bytes.readBigUInt64BE(this.at - 8);
    }
    text(length: number): string {
        this.at += length;
        return this.#bytes.toString('latin1', this.at - length, this.at);
    }
}
