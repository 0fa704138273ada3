/** What is due when, in virtual time: a binary heap with one entry for each key, first come first served at one instant. */
export class Agenda<Key> {
    readonly #heap: Entry<Key>[] = [];
    readonly #entries = new Map<Key, Entry<Key>>();
    #serial = 0;

    /** Sets the time of a key, in place of an earlier one. Infinity: it has none. */
    set(key: Key, at: number): void {
        this.#serial += 1;
        const known = this.#entries.get(key);
        if (at === Infinity) {
            if (known) this.#remove(known);
            return;
        }
        if (!known) {
            const entry = { key, at, serial: this.#serial, place: this.#heap.length };
            this.#entries.set(key, entry);
            this.#heap.push(entry);
            this.#rise(entry);
            return;
        }
        known.at = at;
        known.serial = this.#serial;
        this.#settle(known);
    }

    /** Takes out the key that is due next. */
    next(): { readonly at: number; readonly key: Key } | undefined {
        const top = this.#heap[0];
        if (top) this.#remove(top);
        return top;
    }

    #remove(entry: Entry<Key>): void {
        this.#entries.delete(entry.key);
        const last = this.#heap.pop();
        if (!last || last === entry) return;
        last.place = entry.place;
        this.#heap[last.place] = last;
        this.#settle(last);
    }

    /** To its place, from a place that was right before its time was another. */
    #settle(entry: Entry<Key>): void {
        const { place } = entry;
        this.#rise(entry);
        if (entry.place === place) this.#sink(entry);
    }

    #rise(entry: Entry<Key>): void {
        while (entry.place > 0) {
            const parent = this.#heap[(entry.place - 1) >> 1];
            if (!parent || !isLater(parent, entry)) return;
            this.#swap(parent, entry);
        }
    }

    #sink(entry: Entry<Key>): void {
        for (;;) {
            const left = this.#heap[2 * entry.place + 1];
            const right = this.#heap[2 * entry.place + 2];
            const child = left && right && isLater(left, right) ? right : left;
            if (!child || !isLater(entry, child)) return;
            this.#swap(entry, child);
        }
    }

    #swap(a: Entry<Key>, b: Entry<Key>): void {
        const { place } = a;
        a.place = b.place;
        b.place = place;
        this.#heap[a.place] = a;
        this.#heap[b.place] = b;
    }
}

interface Entry<Key> {
    readonly key: Key;
    at: number;
    serial: number;
    /** In the heap. */
    place: number;
}

const isLater = <Key>(a: Entry<Key>, b: Entry<Key>): boolean => a.at > b.at || (a.at === b.at && a.serial > b.serial);
