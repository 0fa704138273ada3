/**
 * Progressive filling of some links among many. Flows that are free get a rate; the other flows on these links are held
 * elsewhere, and keep theirs as if it were their cap. Where a link gives such a flow less than that, what was left out
 * does matter: the filling says which flows these are, so that they are made free as well.
 */

export interface Link {
    readonly capacity: number;
    readonly flows: LinkFlow[];
    /** Part of the filling that goes on; what follows is of the last one. */
    touched: boolean;
    left: number;
    /** Flows on it whose rate is not settled yet. */
    open: number;
    /** Its share as it stands in the heap. */
    key: number;
    /** Links that give the same are taken in the order in which flows name them: the place of the first flow on it, and which of that one's links it is. */
    first: number;
    way: number;
}

export interface LinkFlow {
    readonly place: number;
    readonly links: readonly Link[];
    /** Infinity: none. */
    cap: number;
    /** As it was shared out the last time. -1: not yet. */
    rate: number;
    /** The link that gave it its rate. Undefined: its cap did, or nothing bounds it. */
    heldBy: Link | undefined;
    /** Of the filling that goes on. */
    free: boolean;
    open: boolean;
    next: number;
    nextBy: Link | undefined;
}

export class LinkFilling {
    readonly #free: LinkFlow[] = [];
    readonly #links: Link[] = [];

    /** How many flows get a rate. */
    get size(): number {
        return this.#free.length;
    }

    /** It gets a rate, and so do all that are held by its links. */
    free(flow: LinkFlow): void {
        if (flow.free) return;
        flow.free = true;
        this.#free.push(flow);
        for (const link of flow.links) this.touch(link);
    }

    /** What it gives may change: those that it holds get a rate. */
    touch(link: Link): void {
        if (link.touched) return;
        link.touched = true;
        this.#links.push(link);
        for (const flow of link.flows) if (flow.heldBy === link && flow.rate >= 0) this.free(flow);
    }

    /** Fills. Returns flows that are not free, and did not get what they have elsewhere: the filling does not count. */
    fill(): readonly LinkFlow[] {
        const { flows, bounds } = this.#open();
        const tightest = new Tightest(this.#links);
        const bent: LinkFlow[] = [];
        let left = flows.length;
        const settle = (flow: LinkFlow, rate: number, by: Link | undefined): void => {
            flow.open = false;
            flow.next = rate;
            flow.nextBy = by;
            left -= 1;
            for (const link of flow.links) {
                if (!link.touched) continue;
                link.left = Math.max(0, link.left - rate);
                link.open -= 1;
            }
        };
        while (left > 0) {
            const link = tightest.next();
            const share = link ? shareOf(link) : Infinity;
            const before = left;
            // A flow that is fixed below the share raises it for the others: all bounds up to it are reached.
            for (let flow = bounds.next(share, link); flow; flow = bounds.next(share, link)) settle(flow, boundOf(flow), flow.heldBy);
            if (left < before) continue;
            for (const flow of link?.flows ?? flows) {
                if (!flow.open) continue;
                if (!flow.free) bent.push(flow);
                settle(flow, share, link);
            }
        }
        for (const flow of bounds.doubtful) if (!flow.free) bent.push(flow);
        return bent;
    }

    /** The rates of the last filling hold. Returns the flows that had another one before. */
    settled(): LinkFlow[] {
        const changed: LinkFlow[] = [];
        for (const flow of this.#free) {
            flow.free = false;
            flow.heldBy = flow.nextBy;
            if (flow.rate === flow.next) continue;
            flow.rate = flow.next;
            changed.push(flow);
        }
        for (const link of this.#links) link.touched = false;
        return changed;
    }

    /** Links and flows as they are before any of them has a rate. */
    #open(): { readonly flows: readonly LinkFlow[]; readonly bounds: Bounds } {
        const flows: LinkFlow[] = [];
        const open = (flow: LinkFlow): void => {
            if (flow.open) return;
            flow.open = true;
            if (flow.free) flow.heldBy = undefined;
            flows.push(flow);
        };
        for (const flow of this.#free) open(flow);
        for (const link of this.#links) {
            link.left = link.capacity;
            link.open = link.flows.length;
            link.first = Infinity;
            for (const flow of link.flows) {
                open(flow);
                if (flow.place < link.first) link.first = flow.place;
            }
        }
        for (const link of this.#links) link.way = wayOf(link);
        return { flows, bounds: new Bounds(flows) };
    }
}

/** What each flow on it would get if nothing else bounded one. It only rises: who leaves it took no more than that. */
const shareOf = ({ left, open }: Link): number => left / open;

/** What a flow gets at the most: its cap, or what holds it elsewhere. */
const boundOf = (flow: LinkFlow): number => (flow.free ? flow.cap : flow.rate);

function wayOf(link: Link): number {
    const first = link.flows.find(({ place }) => place === link.first);
    return first?.links.indexOf(link) ?? 0;
}

const isBefore = (a: Link, b: Link): boolean => a.first < b.first || (a.first === b.first && a.way < b.way);

/** Flows by what bounds them, the lowest first. Most fillings reach no bound: they are put in order when one does. */
class Bounds {
    readonly #flows: readonly LinkFlow[];
    readonly #least: number;
    #sorted: readonly LinkFlow[] | undefined;
    #at = 0;
    /** Flows that something else bounds at the same but for rounding: which of the two came first cannot be told from here. */
    readonly doubtful: LinkFlow[] = [];

    constructor(flows: readonly LinkFlow[]) {
        this.#flows = flows;
        let least = Infinity;
        for (const flow of flows) least = Math.min(least, boundOf(flow));
        this.#least = least;
    }

    /** The next open flow whose bound is no more than the share that this link would give it. */
    next(share: number, link: Link | undefined): LinkFlow | undefined {
        if (this.#least > share || this.#least === Infinity) return undefined;
        this.#sorted ??= this.#flows.filter((flow) => boundOf(flow) < Infinity).sort(byBound);
        for (; this.#at < this.#sorted.length; this.#at += 1) {
            const flow = this.#sorted[this.#at];
            if (!flow?.open) continue;
            const bound = boundOf(flow);
            if (isNearly(bound, share)) this.doubtful.push(flow);
            if (bound > share) return undefined;
            // Two links that give the same: what the other one holds has its rate first only where that link comes first.
            if (bound === share && link && flow.heldBy && isBefore(link, flow.heldBy)) return undefined;
            const before = this.#sorted[this.#at - 1];
            if (before && isNearly(boundOf(before), bound)) this.doubtful.push(before, flow);
            return flow;
        }
        return undefined;
    }
}

/** Not the same, but so close that rounding may have made the difference. */
const isNearly = (a: number, b: number): boolean => a !== b && Math.abs(a - b) <= rounding * a;
const rounding = 1e-12;

/** Of the same bound, caps come first, then links in their order. */
function byBound(a: LinkFlow, b: LinkFlow): number {
    const [x, y] = [boundOf(a), boundOf(b)];
    if (x !== y) return x - y;
    if (!a.heldBy || !b.heldBy) return (a.heldBy ? 1 : 0) - (b.heldBy ? 1 : 0);
    return a.heldBy.first - b.heldBy.first || a.heldBy.way - b.heldBy.way;
}

/** Links by their share, the lowest first: a binary heap whose keys are brought up to date where they are met, since shares only rise. */
class Tightest {
    readonly #heap: Link[];

    constructor(links: readonly Link[]) {
        for (const link of links) link.key = shareOf(link);
        this.#heap = links.filter(({ open }) => open > 0).sort((a, b) => (isLower(a, b) ? -1 : 1));
    }

    /** The link that gives each of its flows the least, the first of several; it stays in. */
    next(): Link | undefined {
        for (;;) {
            const link = this.#heap[0];
            if (!link) return undefined;
            const share = link.open === 0 ? undefined : shareOf(link);
            if (share === link.key) return link;
            if (share === undefined) {
                const last = this.#heap.pop();
                if (this.#heap.length === 0 || last === undefined) return undefined;
                this.#heap[0] = last;
            } else link.key = share;
            this.#sink();
        }
    }

    #sink(): void {
        const heap = this.#heap;
        for (let i = 0; ; ) {
            const here = heap[i];
            const left = heap[2 * i + 1];
            const right = heap[2 * i + 2];
            const child = right && left && isLower(right, left) ? right : left;
            if (!here || !child || !isLower(child, here)) return;
            const place = child === left ? 2 * i + 1 : 2 * i + 2;
            heap[i] = child;
            heap[place] = here;
            i = place;
        }
    }
}

const isLower = (a: Link, b: Link): boolean => a.key < b.key || (a.key === b.key && isBefore(a, b));
