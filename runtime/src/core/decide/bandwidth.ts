/**
 * How the bandwidth is shared among the moves that send: max-min fair by gang, and by VM within a gang, under every cap
 * at once (progressive filling: Bertsekas and Gallager, Data Networks, 6.5.2; floors are raised to first).
 */
import { bytesPerSecond, mebibyte, type BytesPerSecond } from '@mig/language';
import type { MoveId } from '../model/events.js';
import type { HostName, Inventory } from '../model/inventory.js';
import type { PlanCap, PlannedMove } from '../model/plan.js';
import { linksOf } from './queue.js';

export interface ShareRequest {
    readonly move: MoveId;
    readonly vm: string;
    readonly source: HostName;
    readonly destination: HostName;
    readonly network: string;
    /** VMs of one gang share what one VM without a gang would get. */
    readonly gang?: string | undefined;
}

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
    caps: readonly PlanCap[],
    capacities: LinkCapacities,
): Map<MoveId, BytesPerSecond | undefined> {
    const policy = policyPools(moves, caps);
    const pools = [...policy, ...capacityPools(moves, capacities)];
    const capped = new Set(policy.flatMap((p) => p.members));
    const rates = fill(moves, pools, floors(moves, caps, pools));
    return new Map(moves.map((m) => [m.move, capped.has(m.move) ? bytesPerSecond(rates.get(m.move) ?? 0) : undefined]));
}

/**
 * The same shares in whole steps, for a hypervisor that takes no others. Every share is rounded down, then the steps
 * that were lost are given back, largest remainder first, where no cap is passed. A share below one step becomes 0:
 * such a move must not start (`tooThin`).
 */
export function sharesInSteps(
    moves: readonly ShareRequest[],
    caps: readonly PlanCap[],
    capacities: LinkCapacities,
    step: BytesPerSecond = libvirtStep,
): Map<MoveId, BytesPerSecond | undefined> {
    const exact = shares(moves, caps, capacities);
    const pools = policyPools(moves, caps);
    const steps = new Map<MoveId, number>();
    for (const [move, rate] of exact) if (rate !== undefined) steps.set(move, wholeSteps(rate, step));
    const remainder = (move: MoveId): number => (exact.get(move) ?? 0) / step - (steps.get(move) ?? 0);
    const order = [...steps.keys()].sort((a, b) => remainder(b) - remainder(a) || (a < b ? -1 : 1));
    for (const move of order) {
        const raised = (steps.get(move) ?? 0) + 1;
        const fits = pools
            .filter((p) => p.members.includes(move))
            .every((p) => p.members.reduce((sum, m) => sum + (m === move ? raised : (steps.get(m) ?? 0)), 0) * step <= p.limit);
        if (remainder(move) > 0 && fits) steps.set(move, raised);
    }
    return new Map(
        [...exact].map(([move, rate]) => [move, rate === undefined ? undefined : bytesPerSecond((steps.get(move) ?? 0) * step)]),
    );
}

/** Why these moves cannot all send at once: one of them would get less than its floor, or less than a step. */
export function tooThin(
    moves: readonly ShareRequest[],
    caps: readonly PlanCap[],
    capacities: LinkCapacities,
    step: BytesPerSecond = libvirtStep,
): string | undefined {
    const pools = [...policyPools(moves, caps), ...capacityPools(moves, capacities)];
    const least = wantedFloors(moves, caps);
    const broken = pools.find((p) => sum(p.members.map((m) => least.get(m) ?? 0)) > p.limit);
    if (broken) return `${broken.name} cannot give every VM its floor`;
    const given = shares(moves, caps, capacities);
    const thin = moves.find((m) => (given.get(m.move) ?? step) < step);
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

/** Moves that share one limit. */
interface Pool {
    readonly name: string;
    readonly limit: number;
    readonly members: readonly MoveId[];
}

function policyPools(moves: readonly ShareRequest[], caps: readonly PlanCap[]): Pool[] {
    return caps.filter((c) => c.kind === 'cap').flatMap((cap) => grouped(moves, cap.rate, cap.scope, cap.of));
}

function capacityPools(moves: readonly ShareRequest[], capacities: LinkCapacities): Pool[] {
    return directedLinks(moves).flatMap(({ link, name, members }) => {
        const limit = capacities[link];
        return limit === undefined ? [] : [{ name, limit, members }];
    });
}

/** A physical link carries its capacity in each direction; a cap of the policy holds for both together. */
function directedLinks(moves: readonly ShareRequest[]): { link: string; name: string; members: MoveId[] }[] {
    const found = new Map<string, { link: string; name: string; members: MoveId[] }>();
    for (const move of moves) {
        const ends = [
            { link: `${move.source}/${move.network}`, way: 'out of' },
            { link: `${move.destination}/${move.network}`, way: 'into' },
        ];
        for (const { link, way } of ends) {
            const name = `the link ${way} ${link}`;
            const entry = found.get(name) ?? { link, name, members: [] };
            entry.members.push(move.move);
            found.set(name, entry);
        }
    }
    return [...found.values()];
}

function grouped(moves: readonly ShareRequest[], limit: number, scope: PlanCap['scope'], of: string | undefined): Pool[] {
    const pools = new Map<string, MoveId[]>();
    for (const move of moves) {
        for (const key of new Set(keysOf(move, scope))) {
            if (of !== undefined && key !== of) continue;
            pools.set(key, [...(pools.get(key) ?? []), move.move]);
        }
    }
    return [...pools].map(([key, members]) => ({ name: `the cap ${scope} ${key}`.trim(), limit, members }));
}

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

function wantedFloors(moves: readonly ShareRequest[], caps: readonly PlanCap[]): Map<MoveId, number> {
    const least = new Map<MoveId, number>();
    for (const cap of caps) {
        if (cap.kind !== 'floor' || cap.scope !== 'vm') continue;
        for (const move of moves) {
            if (cap.of === undefined || cap.of === move.vm) least.set(move.move, Math.max(least.get(move.move) ?? 0, cap.rate));
        }
    }
    return least;
}

/** Floors that all caps leave room for; where they do not, the cap wins and its members have no floor. */
function floors(moves: readonly ShareRequest[], caps: readonly PlanCap[], pools: readonly Pool[]): Map<MoveId, number> {
    const least = wantedFloors(moves, caps);
    for (const pool of pools) {
        if (sum(pool.members.map((m) => least.get(m) ?? 0)) > pool.limit) for (const m of pool.members) least.delete(m);
    }
    return least;
}

/** Raises the level of all until a pool is full, freezes its members, and goes on with the rest. */
function fill(moves: readonly ShareRequest[], pools: readonly Pool[], least: ReadonlyMap<MoveId, number>): Map<MoveId, number> {
    const weight = weights(moves);
    const frozen = new Map<MoveId, number>();
    const bounded = new Set(pools.flatMap((p) => p.members));
    const open = new Set(moves.map((m) => m.move).filter((m) => bounded.has(m)));
    const at = (move: MoveId, level: number): number => Math.max(least.get(move) ?? 0, level * (weight.get(move) ?? 1));
    while (open.size > 0) {
        let level = Infinity;
        let full: Pool | undefined;
        for (const pool of pools) {
            const members = pool.members.filter((m) => open.has(m));
            if (members.length === 0) continue;
            const room = pool.limit - sum(pool.members.map((m) => frozen.get(m) ?? 0));
            const reached = levelThatFills(members, room, least, weight);
            if (reached < level) {
                level = reached;
                full = pool;
            }
        }
        if (!full) break;
        for (const move of full.members) {
            if (!open.has(move)) continue;
            frozen.set(move, at(move, Math.max(0, level)));
            open.delete(move);
        }
    }
    return frozen;
}

/** The level at which these members together take exactly the room: their sum is piecewise linear in the level. */
function levelThatFills(
    members: readonly MoveId[],
    room: number,
    least: ReadonlyMap<MoveId, number>,
    weight: ReadonlyMap<MoveId, number>,
): number {
    const parts = members
        .map((m) => ({ floor: least.get(m) ?? 0, weight: weight.get(m) ?? 1 }))
        .sort((a, b) => a.floor / a.weight - b.floor / b.weight);
    let atFloor = sum(parts.map((p) => p.floor));
    let rising = 0;
    for (const [i, part] of parts.entries()) {
        atFloor -= part.floor;
        rising += part.weight;
        const level = (room - atFloor) / rising;
        const next = parts[i + 1];
        if (!next || level <= next.floor / next.weight) return level;
    }
    return 0;
}

function weights(moves: readonly ShareRequest[]): Map<MoveId, number> {
    const size = new Map<string, number>();
    for (const { gang } of moves) if (gang !== undefined) size.set(gang, (size.get(gang) ?? 0) + 1);
    return new Map(moves.map((m) => [m.move, m.gang === undefined ? 1 : 1 / (size.get(m.gang) ?? 1)]));
}

/** Rounds down, but takes a share that is a whole number but for the last bits of a double as that number. */
function wholeSteps(rate: number, step: number): number {
    const n = rate / step;
    return Math.abs(n - Math.round(n)) < 1e-9 ? Math.round(n) : Math.floor(n);
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
