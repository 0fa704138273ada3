/** libvirt's typed parameters: named values that carry their own type on the wire. */
import { array, type Codec, double, hyper, int, struct, text, uhyper, uint, XdrError } from './xdr.js';

export type ParamValue =
    | { readonly type: 'int' | 'uint' | 'double'; readonly value: number }
    | { readonly type: 'llong' | 'ullong'; readonly value: bigint }
    | { readonly type: 'boolean'; readonly value: boolean }
    | { readonly type: 'string'; readonly value: string };

export type ParamType = ParamValue['type'];

export interface TypedParam {
    readonly name: string;
    readonly value: ParamValue;
}

/** Tags as they stand on the wire. */
const tags: Readonly<Record<ParamType, number>> = { int: 1, uint: 2, llong: 3, ullong: 4, double: 5, boolean: 6, string: 7 };

const value: Codec<ParamValue> = {
    read(from) {
        const tag = int.read(from);
        switch (tag) {
            case tags.int:
                return { type: 'int', value: int.read(from) };
            case tags.uint:
                return { type: 'uint', value: uint.read(from) };
            case tags.llong:
                return { type: 'llong', value: hyper.read(from) };
            case tags.ullong:
                return { type: 'ullong', value: uhyper.read(from) };
            case tags.double:
                return { type: 'double', value: double.read(from) };
            case tags.boolean:
                return { type: 'boolean', value: int.read(from) !== 0 };
            case tags.string:
                return { type: 'string', value: text.read(from) };
            default:
                throw new XdrError(`a typed parameter of unknown type ${String(tag)}`);
        }
    },
    write(to, param) {
        int.write(to, tags[param.type]);
        switch (param.type) {
            case 'int':
                return int.write(to, param.value);
            case 'uint':
                return uint.write(to, param.value);
            case 'llong':
                return hyper.write(to, param.value);
            case 'ullong':
                return uhyper.write(to, param.value);
            case 'double':
                return double.write(to, param.value);
            case 'boolean':
                return int.write(to, param.value ? 1 : 0);
            case 'string':
                return text.write(to, param.value);
        }
    },
};

export const typedParams = array(struct({ name: text, value }));

export const stringParam = (name: string, text: string): TypedParam => ({ name, value: { type: 'string', value: text } });
export const intParam = (name: string, number: number): TypedParam => ({ name, value: { type: 'int', value: number } });
export const ullongParam = (name: string, number: number): TypedParam => ({ name, value: { type: 'ullong', value: BigInt(number) } });

/** Looks values up by name. */
export class ParamReader {
    readonly #values: ReadonlyMap<string, ParamValue>;

    constructor(params: readonly TypedParam[]) {
        this.#values = new Map(params.map((p) => [p.name, p.value]));
    }

    /** Any of the number types; sizes and times stay far below what a double holds exactly. */
    number(name: string): number | undefined {
        const found = this.#values.get(name);
        return found === undefined || found.type === 'string' || found.type === 'boolean' ? undefined : Number(found.value);
    }

    string(name: string): string | undefined {
        const found = this.#values.get(name);
        return found?.type === 'string' ? found.value : undefined;
    }

    /** Adds up `prefix.N.suffix` over N; undefined where there is none. */
    sum(prefix: string, suffix: string): number | undefined {
        let total: number | undefined;
        for (const [name] of this.#values) {
            if (!name.startsWith(`${prefix}.`) || !name.endsWith(`.${suffix}`)) continue;
            if (!/^\d+$/.test(name.slice(prefix.length + 1, name.length - suffix.length - 1))) continue;
            total = (total ?? 0) + (this.number(name) ?? 0);
        }
        return total;
    }
}
