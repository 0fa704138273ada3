/** What is due when, in virtual time: a binary heap with one entry for each key, first come first served at one instant. */
export class Agenda<Key> {
    readonly #heap: Entry<Key>[] = [];
    /** Kept when they are taken out, for most keys are set again at once. */
    readonly #entries = new Map<Key, Entry<Key>>();
    #serial = 0;

    /** Sets the time of a key, in place of an earlier one. Infinity: it has none. */
    set(key: Key, at: number): void {
        this.#serial += 1;
        const known = this.#entries.get(key);
        if (at === Infinity) {
            if (known && known.place !== nowhere) this.#remove(known);
            return;
        }
        const entry = known ?? { key, at, serial: 0, place: nowhere };
        if (!known) this.#entries.set(key, entry);
        entry.at = at;
        entry.serial = this.#serial;
        if (entry.place !== nowhere) return this.#settle(entry);
        entry.place = this.#heap.push(entry) - 1;
        this.#rise(entry);
    }

    /** Takes out the key that is due next. */
    next(): { readonly at: number; readonly key: Key } | undefined {
        const top = this.#heap[0];
        if (!top) return undefined;
        this.#remove(top);
        return { at: top.at, key: top.key };
    }

    #remove(entry: Entry<Key>): void {
        const { place } = entry;
        entry.place = nowhere;
        const last = this.#heap.pop();
        if (!last || last === entry) return;
        last.place = place;
        this.#heap[place] = last;
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
            const at = 2 * entry.place + 1;
            if (at >= this.#heap.length) return;
            const left = this.#heap[at];
            const right = at + 1 < this.#heap.length ? this.#heap[at + 1] : undefined;
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

/** The place of an entry that is not in the heap. */
const nowhere = -1;

const isLater = <Key>(a: Entry<Key>, b: Entry<Key>): boolean => a.at > b.at || (a.at === b.at && a.serial > b.serial);
