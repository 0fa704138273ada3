/** Reading what QEMU replies: a member that is not there, or is of another kind, is undefined. */
export class Reply {
    readonly #value: unknown;

    constructor(value: unknown) {
        this.#value = value;
    }

    at(...path: readonly string[]): Reply {
        let value = this.#value;
        for (const name of path) value = isRecord(value) ? value[name] : undefined;
        return new Reply(value);
    }

    get exists(): boolean {
        return this.#value !== undefined && this.#value !== null;
    }
    get value(): unknown {
        return this.#value;
    }
    get text(): string | undefined {
        return typeof this.#value === 'string' ? this.#value : undefined;
    }
    get number(): number | undefined {
        return typeof this.#value === 'number' ? this.#value : undefined;
    }
    get flag(): boolean | undefined {
        return typeof this.#value === 'boolean' ? this.#value : undefined;
    }
    get list(): readonly Reply[] {
        return Array.isArray(this.#value) ? this.#value.map((one) => new Reply(one)) : [];
    }
    get keys(): readonly string[] {
        return isRecord(this.#value) ? Object.keys(this.#value) : [];
    }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
    return typeof value === 'object' && value !== null && !Array.isArray(value);
}
