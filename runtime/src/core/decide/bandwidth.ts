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
    return sharesUnder(policyPools(moves, caps), moves, caps, capacities);
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
    const policy = policyPools(moves, caps);
    const exact = sharesUnder(policy, moves, caps, capacities);
    const steps = new Map<MoveId, number>();
    for (const [move, rate] of exact) if (rate !== undefined) steps.set(move, wholeSteps(rate, step));
    const used = policy.map(({ limit, members }) => ({
        limit,
        members,
        steps: sum(members.map((m) => steps.get(m) ?? 0)),
    }));
    const usedBy = byMember(used);
    const remainder = (move: MoveId): number => (exact.get(move) ?? 0) / step - (steps.get(move) ?? 0);
    const lost = [...steps.keys()].map((move) => ({ move, remainder: remainder(move) })).filter((l) => l.remainder > 0);
    for (const { move } of lost.sort((a, b) => b.remainder - a.remainder || (a.move < b.move ? -1 : 1))) {
        const pools = usedBy.get(move) ?? [];
        if (!pools.every((p) => (p.steps + 1) * step <= p.limit)) continue;
        steps.set(move, (steps.get(move) ?? 0) + 1);
        for (const pool of pools) pool.steps += 1;
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
    if (broken) return `${broken.name()} cannot give every VM its floor`;
    if (least.size === 0 && evenPartsSuffice(moves, pools, step)) return undefined;
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

function sharesUnder(
    policy: readonly Pool[],
    moves: readonly ShareRequest[],
    caps: readonly PlanCap[],
    capacities: LinkCapacities,
): Map<MoveId, BytesPerSecond | undefined> {
    const pools = [...policy, ...capacityPools(moves, capacities)];
    const capped = new Set<MoveId>();
    for (const { members } of policy) for (const move of members) capped.add(move);
    const rates = fill(moves, pools, floors(moves, caps, pools));
    return new Map(moves.map((m) => [m.move, capped.has(m.move) ? bytesPerSecond(rates.get(m.move) ?? 0) : undefined]));
}

/** Moves that share one limit. */
interface Pool {
    readonly name: () => string;
    readonly limit: number;
    readonly members: readonly MoveId[];
}

function policyPools(moves: readonly ShareRequest[], caps: readonly PlanCap[]): Pool[] {
    return caps.filter((c) => c.kind === 'cap').flatMap((cap) => grouped(moves, cap.rate, cap.scope, cap.of));
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

function grouped(moves: readonly ShareRequest[], limit: number, scope: PlanCap['scope'], of: string | undefined): Pool[] {
    const groups = [...groupBy(moves, (m) => keysOf(m, scope))].filter(([key]) => of === undefined || key === of);
    return groups.map(([key, members]) => ({ name: () => `the cap ${scope} ${key}`.trim(), limit, members: idsOf(members) }));
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

/** The pools of each move. */
function byMember<P extends { readonly members: readonly MoveId[] }>(pools: readonly P[]): ReadonlyMap<MoveId, readonly P[]> {
    const found = new Map<MoveId, P[]>();
    for (const pool of pools) {
        for (const member of pool.members) {
            const own = found.get(member);
            if (own) own.push(pool);
            else found.set(member, [pool]);
        }
    }
    return found;
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

/**
 * Nobody gets less than an even part of one of its pools, for the level only rises; where every even part is a step at
 * least, the shares need not be worked out.
 */
function evenPartsSuffice(moves: readonly ShareRequest[], pools: readonly Pool[], step: number): boolean {
    const weight = weights(moves);
    const least = Math.min(...weight.values());
    return pools.every((p) => p.limit * least >= step * sum(p.members.map((m) => weight.get(m) ?? 1)));
}

/** Raises the level of all until pools are full, freezes their members, and goes on with the rest. */
function fill(moves: readonly ShareRequest[], pools: readonly Pool[], least: ReadonlyMap<MoveId, number>): Map<MoveId, number> {
    const weight = weights(moves);
    const parts = new Map(
        moves.map(({ move }): [MoveId, Part] => [
            move,
            { floor: least.get(move) ?? 0, weight: weight.get(move) ?? 1, rate: undefined, pools: [] },
        ]),
    );
    let filling = pools.map((p) => new Filling(p, parts));
    while (filling.length > 0) {
        const level = filling.reduce((lowest, f) => Math.min(lowest, f.level), Infinity);
        if (!Number.isFinite(level)) break; // nothing bounds the rest
        for (const full of filling.filter((f) => f.level === level)) full.freezeAll(level);
        filling = filling.filter((f) => f.open > 0);
    }
    const rates = new Map<MoveId, number>();
    for (const [move, { rate }] of parts) if (rate !== undefined) rates.set(move, rate);
    return rates;
}

/** What a move takes at a level: its floor, or its weight's part of the level if that is more. */
interface Part {
    readonly floor: number;
    readonly weight: number;
    /** Set once it is frozen. */
    rate: number | undefined;
    readonly pools: Filling[];
}

/** A pool while the level rises, as counters: freezing a move costs the same however many share the pool. */
class Filling {
    /** Parts that are not frozen yet. */
    open: number;
    /** By the level at which they leave their floor. */
    readonly #parts: readonly Part[];
    readonly #hasFloors: boolean;
    #room: number;
    #weight: number;
    #level: number | undefined;

    constructor({ limit, members }: Pool, parts: ReadonlyMap<MoveId, Part>) {
        const own = members.flatMap((m) => parts.get(m) ?? []);
        this.#hasFloors = own.some((p) => p.floor > 0);
        this.#parts = this.#hasFloors ? own.sort((a, b) => a.floor / a.weight - b.floor / b.weight) : own;
        this.open = own.length;
        this.#room = limit;
        this.#weight = sum(own.map((p) => p.weight));
        for (const part of own) part.pools.push(this);
    }

    /** The level at which those that are not frozen take exactly the room that is left. */
    get level(): number {
        this.#level ??= this.#hasFloors
            ? levelThatFills(
                  this.#parts.filter((p) => p.rate === undefined),
                  this.#room,
              )
            : this.#room / this.#weight;
        return this.#level;
    }

    freezeAll(level: number): void {
        for (const part of this.#parts) {
            if (part.rate !== undefined) continue;
            part.rate = Math.max(part.floor, Math.max(0, level) * part.weight);
            for (const pool of part.pools) pool.#frozen(part.rate, part.weight);
        }
    }

    #frozen(rate: number, weight: number): void {
        this.open -= 1;
        this.#room -= rate;
        this.#weight -= weight;
        this.#level = undefined;
    }
}

/** The sum of the parts is piecewise linear in the level. */
function levelThatFills(parts: readonly Part[], room: number): number {
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
