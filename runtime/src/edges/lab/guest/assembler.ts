/** A small assembler for 32-bit x86: bytes, labels and jumps between them. Pure. */

/** A place in the code that has a name, or an address that is known. */
export type Target = string | number;

export type Condition = 'below' | 'below-or-equal' | 'above' | 'equal' | 'not-equal';

/** Condition codes of the near conditional jumps, 0F 8x. Source: Intel SDM volume 2, Jcc. */
const conditionCodes: Readonly<Record<Condition, number>> = { below: 2, equal: 4, 'not-equal': 5, 'below-or-equal': 6, above: 7 };

interface Fixup {
    /** Where the four bytes lie. */
    readonly at: number;
    readonly label: string;
    readonly relative: boolean;
}

export class Assembler {
    readonly #origin: number;
    readonly #bytes: number[] = [];
    readonly #labels = new Map<string, number>();
    readonly #fixups: Fixup[] = [];

    /** @param origin the address of the first byte when the code runs */
    constructor(origin: number) {
        this.#origin = origin;
    }

    /** Instructions or data as they are. */
    bytes(...bytes: readonly number[]): this {
        for (const byte of bytes) {
            if (!Number.isInteger(byte) || byte < 0 || byte > 0xff) throw new RangeError(`${byte} is not a byte`);
            this.#bytes.push(byte);
        }
        return this;
    }

    word(value: number): this {
        return this.bytes(value & 0xff, (value >>> 8) & 0xff);
    }

    /** Four bytes, the lowest first: a number, or the address of a label. */
    dword(value: Target): this {
        if (typeof value === 'string') {
            this.#fixups.push({ at: this.#bytes.length, label: value, relative: false });
            return this.dword(0);
        }
        return this.word(value).word(value >>> 16);
    }

    label(name: string): this {
        if (this.#labels.has(name)) throw new RangeError(`the label ${name} stands twice`);
        this.#labels.set(name, this.#bytes.length);
        return this;
    }

    jump(label: string): this {
        return this.bytes(0xe9).#relative(label);
    }

    jumpIf(condition: Condition, label: string): this {
        return this.bytes(0x0f, 0x80 | conditionCodes[condition]).#relative(label);
    }

    /** `mov dword [address], value` */
    store(address: number, value: Target): this {
        return this.bytes(0xc7, 0x05).dword(address).dword(value);
    }

    /** Offset of a label from the first byte. */
    offsetOf(label: string): number {
        const offset = this.#labels.get(label);
        if (offset === undefined) throw new RangeError(`no label ${label}`);
        return offset;
    }

    /** The code, with every label put in. */
    assemble(): Uint8Array {
        const code = Uint8Array.from(this.#bytes);
        const view = new DataView(code.buffer);
        for (const fixup of this.#fixups) {
            const target = this.offsetOf(fixup.label);
            // A relative jump counts from the end of its four bytes.
            view.setUint32(fixup.at, (fixup.relative ? target - (fixup.at + 4) : this.#origin + target) >>> 0, true);
        }
        return code;
    }

    #relative(label: string): this {
        this.#fixups.push({ at: this.#bytes.length, label, relative: true });
        return this.dword(0);
    }
}
