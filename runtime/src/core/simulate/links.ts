/** Max-min fair sharing of links: no flow can get more without taking from one that has less. */
import { bytesPerSecond, type BytesPerSecond } from '@mig/language';

/** A flow crosses links, named as the caller likes (`a/out`, `b/in`, `total`), and may have a cap of its own. */
export interface Flow {
    readonly id: string;
    readonly links: readonly string[];
    readonly cap: BytesPerSecond | undefined;
}

/**
 * The rate of each flow, by progressive filling (Bertsekas and Gallager, Data Networks, 6.5.2): all rates grow together
 * until a link is full or a cap is reached; the flows concerned are fixed there and the others grow on.
 * A link that is not in `capacities` limits nothing; a flow that nothing limits has the rate Infinity.
 */
export function fairRates(flows: readonly Flow[], capacities: ReadonlyMap<string, BytesPerSecond>): ReadonlyMap<string, BytesPerSecond> {
    const rates = new FairLinks(capacities).rates(flows);
    return new Map(flows.map((flow, i) => [flow.id, bytesPerSecond(rates[i] ?? 0)]));
}

/** Links that are shared out again and again: what stays between two times is not looked up anew. */
export class FairLinks {
    readonly #links: ReadonlyMap<string, OccupiedLink>;
    readonly #linksOf = new WeakMap<readonly string[], readonly OccupiedLink[]>();
    #turn = 0;

    constructor(capacities: ReadonlyMap<string, BytesPerSecond>) {
        this.#links = new Map([...capacities].map(([name, capacity]) => [name, { capacity, turn: 0, left: 0, open: 0, flows: [] }]));
    }

    /** The rates of `fairRates`, in the order of the flows. */
    rates(flows: readonly Flow[]): readonly number[] {
        const tightest = new Tightest(this.#occupy(flows));
        const rates = new Array<number>(flows.length).fill(-1);
        const capOf = (i: number): number => flows[i]?.cap ?? Infinity;
        const byCap = [...flows.keys()].filter((i) => flows[i]?.cap !== undefined).sort((a, b) => capOf(a) - capOf(b));
        let left = flows.length;
        let nextCap = 0;
        const settle = (i: number, rate: number): void => {
            rates[i] = rate;
            left -= 1;
            for (const link of this.#of(flows[i]?.links ?? [])) {
                link.left = Math.max(0, link.left - rate);
                link.open -= 1;
            }
        };
        while (left > 0) {
            const link = tightest.next();
            const share = link ? shareOf(link) : Infinity;
            const before = left;
            // A flow that is fixed below the share raises it for the others: all caps up to it are reached.
            for (; nextCap < byCap.length; nextCap += 1) {
                const i = byCap[nextCap] ?? 0;
                if (capOf(i) > share) break;
                if (rates[i] === -1) settle(i, capOf(i));
            }
            if (left < before) continue;
            for (const i of link?.flows ?? flows.keys()) if (rates[i] === -1) settle(i, share);
        }
        return rates;
    }

    /** The links that these flows load, as they are before any of them has a rate; in the order in which flows name them. */
    #occupy(flows: readonly Flow[]): readonly OccupiedLink[] {
        this.#turn += 1;
        const occupied: OccupiedLink[] = [];
        for (const [i, flow] of flows.entries()) {
            for (const link of this.#of(flow.links)) {
                if (link.turn !== this.#turn) {
                    link.turn = this.#turn;
                    link.left = link.capacity;
                    link.open = 0;
                    link.flows.length = 0;
                    occupied.push(link);
                }
                link.open += 1;
                link.flows.push(i);
            }
        }
        return occupied;
    }

    #of(names: readonly string[]): readonly OccupiedLink[] {
        const known = this.#linksOf.get(names);
        if (known) return known;
        const links = names.flatMap((name) => this.#links.get(name) ?? []);
        this.#linksOf.set(names, links);
        return links;
    }
}

interface OccupiedLink {
    readonly capacity: number;
    /** Of the last sharing that it took part in; what follows is of that one. */
    turn: number;
    left: number;
    /** Flows on it whose rate is not settled yet. */
    open: number;
    /** By their place in the list. */
    readonly flows: number[];
}

/** What each flow on it would get if nothing else bounded one. It only rises: who leaves it took no more than that. */
const shareOf = ({ left, open }: OccupiedLink): number => left / open;

/** Links by their share, the lowest first: a binary heap whose keys are brought up to date where they are met, since shares only rise. */
class Tightest {
    readonly #links: readonly OccupiedLink[];
    readonly #keys: number[];
    /** Places in the list of links. */
    readonly #heap: number[];

    constructor(links: readonly OccupiedLink[]) {
        this.#links = links;
        this.#keys = links.map(shareOf);
        this.#heap = [...links.keys()].sort((a, b) => (this.#keys[a] ?? 0) - (this.#keys[b] ?? 0) || a - b);
    }

    /** The link that gives each of its flows the least, the first of several; it stays in. */
    next(): OccupiedLink | undefined {
        for (;;) {
            const top = this.#heap[0];
            const link = top === undefined ? undefined : this.#links[top];
            if (top === undefined || !link) return undefined;
            const share = link.open === 0 ? undefined : shareOf(link);
            if (share === this.#keys[top]) return link;
            if (share === undefined) {
                const last = this.#heap.pop();
                if (this.#heap.length === 0 || last === undefined) return undefined;
                this.#heap[0] = last;
            } else this.#keys[top] = share;
            this.#sink();
        }
    }

    #sink(): void {
        const heap = this.#heap;
        for (let i = 0; ; ) {
            const left = 2 * i + 1;
            const child = left + 1 < heap.length && this.#isLower(left + 1, left) ? left + 1 : left;
            if (child >= heap.length || !this.#isLower(child, i)) return;
            const moved = heap[child] ?? 0;
            heap[child] = heap[i] ?? 0;
            heap[i] = moved;
            i = child;
        }
    }

    #isLower(a: number, b: number): boolean {
        const [x, y] = [this.#heap[a] ?? 0, this.#heap[b] ?? 0];
        const [p, q] = [this.#keys[x] ?? 0, this.#keys[y] ?? 0];
        return p < q || (p === q && x < y);
    }
}
