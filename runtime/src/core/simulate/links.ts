/** Max-min fair sharing of links: no flow can get more without taking from one that has less. */
import { bytesPerSecond, type BytesPerSecond } from '@mig/language';
import { LinkFilling, type Link, type LinkFlow } from './link-filling.js';

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
    const links = new FairLinks(capacities);
    const all = flows.map(({ id, links: names, cap }) => ({ id, cap, flow: links.flow(names) }));
    for (const { flow, cap } of all) links.set(flow, cap ?? Infinity);
    links.shareOut();
    return new Map(all.map(({ id, flow }) => [id, bytesPerSecond(flow.rate)]));
}

/**
 * Links that are shared out again and again as flows come, go and change their caps. Only what such a change can reach is
 * worked out anew: a flow that is held by a link elsewhere, or by its cap, stays as it is as long as its own links leave
 * it that. The rates are those of `fairRates`, to the last bit.
 */
export class FairLinks {
    readonly #links: ReadonlyMap<string, Link>;
    readonly #flows = new Set<LinkFlow>();
    /** Since the last sharing: flows that came or have another cap, and links that one has left. */
    readonly #changed = new Set<LinkFlow>();
    readonly #left = new Set<Link>();
    #made = 0;

    constructor(capacities: ReadonlyMap<string, BytesPerSecond>) {
        this.#links = new Map([...capacities].map(([name, capacity]) => [name, linkOf(capacity)]));
    }

    /** A flow over these links, which is not on them yet. Where it does not matter for fairness, what was made first goes first. */
    flow(links: readonly string[]): LinkFlow {
        this.#made += 1;
        const own = links.flatMap((name) => this.#links.get(name) ?? []);
        return {
            place: this.#made,
            links: own,
            cap: Infinity,
            rate: -1,
            heldBy: undefined,
            free: false,
            open: false,
            next: -1,
            nextBy: undefined,
        };
    }

    /** Puts a flow on its links, or gives it another cap. Infinity: none. */
    set(flow: LinkFlow, cap: number): void {
        const isNew = !this.#flows.has(flow);
        if (!isNew && flow.cap === cap) return;
        flow.cap = cap;
        this.#changed.add(flow);
        if (!isNew) return;
        this.#flows.add(flow);
        flow.rate = -1;
        flow.heldBy = undefined;
        for (const link of flow.links) link.flows.push(flow);
    }

    /** Takes a flow off its links. */
    take(flow: LinkFlow): void {
        if (!this.#flows.delete(flow)) return;
        this.#changed.delete(flow);
        for (const link of flow.links) {
            link.flows.splice(link.flows.indexOf(flow), 1);
            this.#left.add(link);
        }
    }

    /** Shares out what has changed. Returns the flows that have another rate than before, in the order in which they were made. */
    shareOut(): readonly LinkFlow[] {
        if (this.#changed.size === 0 && this.#left.size === 0) return [];
        const filling = new LinkFilling();
        for (const flow of this.#changed) filling.free(flow);
        for (const link of this.#left) filling.touch(link);
        this.#changed.clear();
        this.#left.clear();
        for (let bent = filling.fill(); bent.length > 0; bent = filling.fill()) {
            const most = filling.size + bent.length > this.#flows.size / 2;
            for (const flow of most ? this.#flows : bent) filling.free(flow);
        }
        return filling.settled().sort((a, b) => a.place - b.place);
    }
}

const linkOf = (capacity: number): Link => ({ capacity, flows: [], touched: false, left: 0, open: 0, key: 0, first: 0, way: 0 });
