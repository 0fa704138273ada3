/**
 * How the bandwidth is shared among the moves that send: max-min fair by gang, and by VM within a gang, under every cap
 * at once (progressive filling: Bertsekas and Gallager, Data Networks, 6.5.2; floors are raised to first).
 */
import { bytesPerSecond, mebibyte, type BytesPerSecond } from '@mig/language';
import type { MoveId } from '../model/events.js';
import type { HostName, Inventory } from '../model/inventory.js';
import type { PlanCap, PlannedMove } from '../model/plan.js';
import { fill, sum, type Pool } from './filling.js';
import { linksOf } from './queued.js';

export interface ShareRequest {
    readonly move: MoveId;
    readonly vm: string;
    readonly source: HostName;
    readonly destination: HostName;
    readonly network: string;
    /** VMs of one gang share what one VM without a gang would get. */
    readonly gang?: string | undefined;
}

/** A cap as it holds at one time; `only`: of all moves, it bounds these. */
export type CapInForce = PlanCap & { readonly only?: ReadonlySet<MoveId> };

/** What each link can carry, by `host/network`; a link that is not named is unknown and bounds nothing. */
export type LinkCapacities = Readonly<Record<string, BytesPerSecond>>;

/** libvirt takes caps in whole MiB/s, and reads 0 as "a default". */
export const libvirtStep = bytesPerSecond(mebibyte);

/**
 * The cap that each move is given. Undefined: no cap of the plan applies to it, and none has to be set. A link's
 * capacity bounds the sharing, so that what one move cannot use goes to others, but is no cap by itself.
 */
export function shares(
    moves: readonly ShareRequest[],
    caps: readonly CapInForce[],
    capacities: LinkCapacities,
): Map<MoveId, BytesPerSecond | undefined> {
    return sharesUnder(policyPools(moves, caps), moves, caps, capacities);
}

/**
 * The same for moves that send already, which cannot be held back: one whose share is below a step is given one, and
 * named as too thin.
 */
export function sharesInFlight(
    moves: readonly ShareRequest[],
    caps: readonly CapInForce[],
    capacities: LinkCapacities,
): { readonly shares: Map<MoveId, BytesPerSecond | undefined>; readonly thin: ReadonlySet<MoveId> } {
    const given = shares(moves, caps, capacities);
    const thin = new Set([...given].filter(([, rate]) => rate !== undefined && rate < libvirtStep * (1 - rounding)).map(([move]) => move));
    for (const move of thin) given.set(move, libvirtStep);
    return { shares: given, thin };
}

/** Why these moves cannot all send at once: one of them would get less than its floor, or less than a step. */
export function tooThin(
    moves: readonly ShareRequest[],
    caps: readonly CapInForce[],
    capacities: LinkCapacities,
    step: BytesPerSecond = libvirtStep,
): string | undefined {
    const pools = [...policyPools(moves, caps), ...capacityPools(moves, capacities)];
    const least = wantedFloors(moves, caps);
    const broken = pools.find((p) => sum(p.members.map((m) => least.get(m) ?? 0)) > p.limit);
    if (broken) return `${broken.name()} cannot give every VM its floor`;
    const together = caps.filter((c) => c.kind === 'floor' && c.scope !== 'vm').flatMap((floor) => grouped(moves, floor, 'floor'));
    if (least.size === 0 && together.length === 0 && evenPartsSuffice(moves, pools, step)) return undefined;
    const given = fill(weights(moves), pools, least);
    const low = together.find(({ limit, members }) => sum(members.map((m) => given.get(m) ?? limit)) < limit * (1 - rounding));
    if (low) return `${low.name()} would not be reached`;
    const thin = moves.find((m) => (given.get(m.move) ?? step) < step * (1 - rounding));
    return thin && `the share of ${thin.vm} would be below ${step / mebibyte} MiB/s`;
}

/** A planned move as it asks for its share. */
export function shareRequest(move: PlannedMove): ShareRequest {
    return {
        move: move.id,
        vm: move.vm.name,
        source: move.source,
        destination: move.destination,
        network: move.route.network,
        gang: move.gang,
    };
}

/** Capacities as an inventory states them: a host's link, else its network. */
export function linkCapacities(inventory: Inventory): LinkCapacities {
    const ofNetwork = new Map(inventory.networks.map((n) => [n.name, n.capacity]));
    const found: Record<string, BytesPerSecond> = {};
    for (const host of inventory.hosts) {
        const names = new Set([...host.links.map((l) => l.network), ...(host.migration ? [host.migration.network] : [])]);
        for (const network of names) {
            const capacity = host.links.find((l) => l.network === network)?.capacity ?? ofNetwork.get(network);
            if (capacity !== undefined) found[`${host.name}/${network}`] = capacity;
        }
    }
    return found;
}

function sharesUnder(
    policy: readonly Pool[],
    moves: readonly ShareRequest[],
    caps: readonly CapInForce[],
    capacities: LinkCapacities,
): Map<MoveId, BytesPerSecond | undefined> {
    const physical = capacityPools(moves, capacities);
    const pools = [...policy, ...physical];
    const least = floors(moves, caps, pools);
    const capped = new Set<MoveId>();
    for (const { members } of policy) for (const move of members) capped.add(move);
    // What one has as its floor on a link, the others on it must leave: they are capped as well.
    for (const { members } of physical) if (members.some((m) => least.has(m))) for (const move of members) capped.add(move);
    const rates = fill(weights(moves), pools, least);
    return new Map(moves.map((m) => [m.move, capped.has(m.move) ? bytesPerSecond(rates.get(m.move) ?? 0) : undefined]));
}

function policyPools(moves: readonly ShareRequest[], caps: readonly CapInForce[]): Pool[] {
    return caps.filter((c) => c.kind === 'cap').flatMap((cap) => grouped(moves, cap, 'cap'));
}

/** A physical link carries its capacity in each direction; a cap of the policy holds for both together. */
function capacityPools(moves: readonly ShareRequest[], capacities: LinkCapacities): Pool[] {
    const pools: Pool[] = [];
    const oneWay = (way: string, end: (move: ShareRequest) => HostName): void => {
        for (const [network, onIt] of groupBy(moves, (m) => [m.network])) {
            for (const [host, members] of groupBy(onIt, (m) => [end(m)])) {
                const limit = capacities[`${host}/${network}`];
                if (limit !== undefined) pools.push({ name: () => `the link ${way} ${host}/${network}`, limit, members: idsOf(members) });
            }
        }
    };
    oneWay('out of', (m) => m.source);
    oneWay('into', (m) => m.destination);
    return pools;
}

function grouped(moves: readonly ShareRequest[], cap: CapInForce, word: 'cap' | 'floor'): Pool[] {
    const { only, rate, scope, of } = cap;
    const bound = only ? moves.filter((m) => only.has(m.move)) : moves;
    const keys = cap.eachWay
        ? [(m: ShareRequest) => linksOf(m).slice(0, 1), (m: ShareRequest) => linksOf(m).slice(1)]
        : [(m: ShareRequest) => keysOf(m, scope)];
    return keys
        .flatMap((way) => [...groupBy(bound, way)])
        .filter(([key]) => of === undefined || key === of)
        .map(([key, members]) => ({ name: () => `the ${word} ${scope} ${key}`.trim(), limit: rate, members: idsOf(members) }));
}

function groupBy(moves: readonly ShareRequest[], keys: (move: ShareRequest) => readonly string[]): Map<string, ShareRequest[]> {
    const groups = new Map<string, ShareRequest[]>();
    for (const move of moves) {
        for (const key of keys(move)) {
            const members = groups.get(key);
            if (!members) groups.set(key, [move]);
            else if (members.at(-1) !== move) members.push(move); // both ends of a move may have one key
        }
    }
    return groups;
}

const idsOf = (moves: readonly ShareRequest[]): readonly MoveId[] => moves.map((m) => m.move);

function keysOf(move: ShareRequest, scope: PlanCap['scope']): readonly string[] {
    switch (scope) {
        case 'total':
            return [''];
        case 'link':
            return linksOf(move);
        case 'host':
            return [move.source, move.destination];
        case 'vm':
            return [move.vm];
    }
}

function wantedFloors(moves: readonly ShareRequest[], caps: readonly CapInForce[]): Map<MoveId, number> {
    const least = new Map<MoveId, number>();
    for (const cap of caps) {
        if (cap.kind !== 'floor' || cap.scope !== 'vm') continue;
        for (const { move, vm } of moves) {
            if ((cap.of === undefined || cap.of === vm) && cap.only?.has(move) !== false)
                least.set(move, Math.max(least.get(move) ?? 0, cap.rate));
        }
    }
    return least;
}

/** Floors that all caps leave room for; where they do not, the cap wins and its members have no floor. */
function floors(moves: readonly ShareRequest[], caps: readonly CapInForce[], pools: readonly Pool[]): Map<MoveId, number> {
    const least = wantedFloors(moves, caps);
    for (const pool of pools) {
        if (sum(pool.members.map((m) => least.get(m) ?? 0)) > pool.limit) for (const m of pool.members) least.delete(m);
    }
    return least;
}

/**
 * Nobody gets less than an even part of one of its pools, for the level only rises; where every even part is a step at
 * least, the shares need not be worked out.
 */
function evenPartsSuffice(moves: readonly ShareRequest[], pools: readonly Pool[], step: number): boolean {
    const weight = weights(moves);
    const least = Math.min(...weight.values());
    return pools.every((p) => p.limit * least >= step * sum(p.members.map((m) => weight.get(m) ?? 1)));
}

function weights(moves: readonly ShareRequest[]): Map<MoveId, number> {
    const size = new Map<string, number>();
    for (const { gang } of moves) if (gang !== undefined) size.set(gang, (size.get(gang) ?? 0) + 1);
    return new Map(moves.map((m) => [m.move, m.gang === undefined ? 1 : 1 / (size.get(m.gang) ?? 1)]));
}

/** Of a figure that was reckoned in doubles. */
const rounding = 1e-9;
