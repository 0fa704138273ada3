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
    const links = occupiedLinks(flows, capacities);
    const rates = new Map<string, BytesPerSecond>();
    const byCap = flows.filter((flow) => flow.cap !== undefined).sort((a, b) => (a.cap ?? 0) - (b.cap ?? 0));
    let nextCap = 0;
    const settle = (flow: Flow, rate: number): void => {
        rates.set(flow.id, bytesPerSecond(rate));
        for (const name of flow.links) {
            const link = links.get(name);
            if (!link) continue;
            link.left = Math.max(0, link.left - rate);
            link.open -= 1;
            if (link.open === 0) links.delete(name);
        }
    };
    while (rates.size < flows.length) {
        const tightest = tightestOf(links.values());
        const share = tightest ? tightest.left / tightest.open : Infinity;
        const settled = rates.size;
        // A flow that is fixed below the share raises it for the others: all caps up to it are reached.
        for (let flow = byCap[nextCap]; flow?.cap !== undefined && flow.cap <= share; flow = byCap[nextCap]) {
            if (!rates.has(flow.id)) settle(flow, flow.cap);
            nextCap += 1;
        }
        if (rates.size > settled) continue;
        for (const flow of tightest?.flows ?? flows) if (!rates.has(flow.id)) settle(flow, share);
    }
    return rates;
}

interface OccupiedLink {
    left: number;
    /** Flows on it whose rate is not settled yet. */
    open: number;
    readonly flows: Flow[];
}

function occupiedLinks(flows: readonly Flow[], capacities: ReadonlyMap<string, BytesPerSecond>): Map<string, OccupiedLink> {
    const links = new Map<string, OccupiedLink>();
    for (const flow of flows) {
        for (const name of flow.links) {
            const capacity = capacities.get(name);
            if (capacity === undefined) continue;
            const link = links.get(name) ?? { left: capacity, open: 0, flows: [] };
            link.open += 1;
            link.flows.push(flow);
            links.set(name, link);
        }
    }
    return links;
}

function tightestOf(links: Iterable<OccupiedLink>): OccupiedLink | undefined {
    let best: OccupiedLink | undefined;
    for (const link of links) if (!best || link.left * best.open < best.left * link.open) best = link;
    return best;
}
