/**
 * The objects in a stream of JSON, by their braces: a QMP server ends each with a line break, and one that was started
 * with `pretty=on` has line breaks inside them too.
 */

/** Why the stream cannot be read on. */
export class NotJsonObjects extends Error {
    /** The first bytes that were no object, as text. */
    readonly found: string;

    constructor(why: string, found: string) {
        super(why);
        this.name = 'NotJsonObjects';
        this.found = found;
    }
}

/** No answer to anything that we ask is near this size. */
export const largestObject = 16 * 1024 * 1024;

const byte = { quote: 0x22, backslash: 0x5c, open: 0x7b, close: 0x7d, openList: 0x5b, closeList: 0x5d } as const;
/** Space, tab, line feed, carriage return. */
const blanks: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);
const shown = 80;

export class ObjectReader {
    readonly #largest: number;
    /** Of the object that has begun. */
    #parts: Buffer[] = [];
    #size = 0;
    #depth = 0;
    #inString = false;
    #escaped = false;

    constructor(largest = largestObject) {
        this.#largest = largest;
    }

    /** An object has begun and not ended. */
    get isInside(): boolean {
        return this.#depth > 0;
    }

    /**
     * The objects that this piece of the stream completes, as text.
     * @throws NotJsonObjects where something else than an object stands there, or one does not end within the bounds
     */
    push(piece: Buffer): readonly string[] {
        const found: string[] = [];
        let start = 0;
        for (let at = 0; at < piece.length; at += 1) {
            const one = piece[at] ?? 0;
            if (this.#depth === 0) {
                if (blanks.has(one)) continue;
                if (one !== byte.open) throw new NotJsonObjects('it is no JSON object', piece.toString('utf8', at, at + shown));
                start = at;
                this.#depth = 1;
            } else if (this.#steps(one)) {
                found.push(this.#take(piece.subarray(start, at + 1)));
            }
        }
        if (this.#depth > 0) this.#keep(piece.subarray(start));
        return found;
    }

    /** Whether this byte ends the object. */
    #steps(one: number): boolean {
        if (this.#inString) {
            if (this.#escaped) this.#escaped = false;
            else if (one === byte.backslash) this.#escaped = true;
            else if (one === byte.quote) this.#inString = false;
            return false;
        }
        if (one === byte.quote) this.#inString = true;
        else if (one === byte.open || one === byte.openList) this.#depth += 1;
        else if (one === byte.close || one === byte.closeList) this.#depth -= 1;
        return this.#depth === 0;
    }

    #keep(part: Buffer): void {
        this.#size += part.length;
        if (this.#size > this.#largest)
            throw new NotJsonObjects(`an object is longer than ${String(this.#largest)} bytes`, part.toString('utf8', 0, shown));
        this.#parts.push(Buffer.from(part));
    }

    #take(last: Buffer): string {
        this.#keep(last);
        const text = Buffer.concat(this.#parts).toString('utf8');
        this.#parts = [];
        this.#size = 0;
        return text;
    }
}
