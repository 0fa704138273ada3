/** Progressive filling: the level of all rises until a limit is reached; who shares it stays there, and the others rise on. */
import type { MoveId } from '../model/events.js';

/** Moves that share one limit, in bytes/s. */
export interface Pool {
    readonly name: () => string;
    readonly limit: number;
    readonly members: readonly MoveId[];
}

/**
 * Raises the level of all until pools are full, freezes their members, and goes on with the rest. A move that no pool
 * bounds has no rate.
 */
export function fill(
    weights: ReadonlyMap<MoveId, number>,
    pools: readonly Pool[],
    least: ReadonlyMap<MoveId, number>,
): Map<MoveId, number> {
    const parts = new Map(
        [...weights].map(([move, weight]): [MoveId, Part] => [move, { floor: least.get(move) ?? 0, weight, rate: undefined, pools: [] }]),
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

export const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
