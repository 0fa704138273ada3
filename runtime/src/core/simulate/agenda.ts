/** What is due when, in virtual time: a binary heap with one entry for each key, first come first served at one instant. */
export class Agenda<Key> {
    readonly #heap: Entry<Key>[] = [];
    readonly #valid = new Map<Key, number>();
    #serial = 0;

    /** Sets the time of a key, in place of an earlier one. Infinity: it has none. */
    set(key: Key, at: number): void {
        this.#serial += 1;
        if (at === Infinity) {
            this.#valid.delete(key);
            return;
        }
        this.#valid.set(key, this.#serial);
        this.#heap.push({ at, serial: this.#serial, key });
        this.#rise(this.#heap.length - 1);
    }

    /** Takes out the key that is due next. */
    next(): { readonly at: number; readonly key: Key } | undefined {
        for (;;) {
            const top = this.#takeTop();
            if (!top) return undefined;
            if (this.#valid.get(top.key) !== top.serial) continue;
            this.#valid.delete(top.key);
            return top;
        }
    }

    #takeTop(): Entry<Key> | undefined {
        const top = this.#heap[0];
        const last = this.#heap.pop();
        if (top && last && top !== last) {
            this.#heap[0] = last;
            this.#sink(0);
        }
        return top;
    }

    #rise(from: number): void {
        for (let i = from; i > 0; ) {
            const parent = (i - 1) >> 1;
            if (!this.#swapIfLater(parent, i)) return;
            i = parent;
        }
    }

    #sink(from: number): void {
        for (let i = from; ; ) {
            const left = 2 * i + 1;
            const child = this.#isLater(left, left + 1) ? left + 1 : left;
            if (!this.#swapIfLater(i, child)) return;
            i = child;
        }
    }

    #isLater(a: number, b: number): boolean {
        const x = this.#heap[a];
        const y = this.#heap[b];
        return x !== undefined && y !== undefined && (x.at > y.at || (x.at === y.at && x.serial > y.serial));
    }

    #swapIfLater(upper: number, lower: number): boolean {
        const x = this.#heap[upper];
        const y = this.#heap[lower];
        if (!x || !y || !this.#isLater(upper, lower)) return false;
        this.#heap[upper] = y;
        this.#heap[lower] = x;
        return true;
    }
}

interface Entry<Key> {
    readonly at: number;
    readonly serial: number;
    readonly key: Key;
}
