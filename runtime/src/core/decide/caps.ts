import { type BytesPerSecond, bytesPerSecond, type Cap, type Finding, formatQuantity, type Policy } from '@mig/language';
import type { HostName } from '../model/inventory.js';
import type { PlanCap, PlannedMove } from '../model/plan.js';
import type { HostState } from '../model/snapshot.js';

export interface PlannedCaps {
    readonly caps: readonly PlanCap[];
    readonly findings: readonly Finding[];
}

/** What a move loads. */
export type Loaded = Pick<PlannedMove, 'source' | 'destination' | 'route'>;

/**
 * The caps of a policy as rates. A share is of the capacity of the link that carries the bytes, so it becomes one cap
 * for each link or host that the moves use. A cap holds for all moves of the plan together: where two policies cap the
 * same thing, both hold.
 */
export function planCaps(policy: Policy, moves: readonly Loaded[], hosts: ReadonlyMap<HostName, HostState>): PlannedCaps {
    const caps: PlanCap[] = [];
    const findings: Finding[] = [];
    for (const cap of policy.bandwidth?.caps ?? []) {
        const { limit } = cap;
        if (cap.kind === 'reserve' || limit.kind === 'unlimited') continue;
        if (limit.kind === 'rate') caps.push(asRate(cap, undefined, limit.rate));
        else if (cap.scope === 'link' || cap.scope === 'host') sharesOf(cap, limit.share, moves, hosts, caps, findings);
        else findings.push(shareOfNothing(cap));
    }
    return { caps, findings };
}

/** The capacity of the link between a host and a network, where it is known. */
export function linkCapacity(host: HostState | undefined, network: string): BytesPerSecond | undefined {
    return host?.links.find((link) => link.network === network)?.capacity;
}

/** The most that one move may ever send, from the caps alone and the links that it uses; undefined where nothing bounds it. */
export function ceilingOf(move: Loaded & Pick<PlannedMove, 'vm'>, caps: readonly PlanCap[]): BytesPerSecond | undefined {
    const names: Readonly<Record<PlanCap['scope'], readonly string[]>> = {
        total: [],
        link: [move.source, move.destination].map((host) => `${host}/${move.route.network}`),
        host: [move.source, move.destination],
        vm: [move.vm.name],
    };
    const rates = caps
        .filter((cap) => cap.kind === 'cap' && (cap.of === undefined || names[cap.scope].includes(cap.of)))
        .map((cap) => cap.rate);
    return rates.length === 0 ? undefined : bytesPerSecond(Math.min(...rates));
}

function sharesOf(
    cap: Cap,
    share: number,
    moves: readonly Loaded[],
    hosts: ReadonlyMap<HostName, HostState>,
    caps: PlanCap[],
    findings: Finding[],
): void {
    const links = new Map<string, { host: HostName; network: string }>();
    for (const { source, destination, route } of moves) {
        for (const host of [source, destination]) links.set(`${host}/${route.network}`, { host, network: route.network });
    }
    for (const [name, { host, network }] of [...links].sort(([a], [b]) => (a < b ? -1 : 1))) {
        const capacity = linkCapacity(hosts.get(host), network);
        if (capacity === undefined) findings.push(capacityUnknown(cap, host, network));
        else caps.push(asRate(cap, cap.scope === 'link' ? name : host, capacity * share));
    }
}

function asRate(cap: Cap, of: string | undefined, rate: number): PlanCap {
    const words = cap.kind === 'floor' ? 'at least' : 'at most';
    const scope = cap.scope === 'total' ? 'in all' : of === undefined ? `per ${cap.scope}` : `for ${cap.scope} ${of}`;
    const text = `${words} ${formatQuantity(rate, 'rate')} ${scope}`;
    return {
        scope: cap.scope,
        of,
        rate: bytesPerSecond(rate),
        kind: cap.kind === 'floor' ? 'floor' : 'cap',
        because: { text, range: cap.range },
    };
}

function capacityUnknown(cap: Cap, host: HostName, network: string): Finding {
    return {
        id: 'MIG301',
        severity: 'error',
        message: `a share of a link needs its capacity, and that of ${host} to "${network}" is not known`,
        hint: `name it in the inventory, under links of ${host} or capacity of the network, or write a rate here`,
        range: cap.range,
        fixes: [],
    };
}

function shareOfNothing(cap: Cap): Finding {
    return {
        id: 'MIG302',
        severity: 'error',
        message: `a share ${cap.scope === 'vm' ? 'per vm' : 'in total'} is a share of nothing that is known`,
        hint: 'write a rate, or use per link, which is a share of the capacity of each link',
        range: cap.range,
        fixes: [],
    };
}
