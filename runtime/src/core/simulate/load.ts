/** Which hosts have no room for a further move: the moves under way, counted by host as they start and end. */
import type { HostName } from '../model/inventory.js';
import type { PlanLimits } from '../model/plan.js';
import type { QueuedMove } from '../decide/queued.js';

type Ends = Pick<QueuedMove, 'source' | 'destination'>;

export class Load {
    readonly #limits: PlanLimits;
    readonly #touching = new Map<HostName, number>();
    readonly #leaving = new Map<HostName, number>();
    readonly #coming = new Map<HostName, number>();
    #all = 0;

    constructor(limits: PlanLimits, running: Iterable<Ends> = []) {
        this.#limits = limits;
        for (const move of running) this.add(move);
    }

    add(move: Ends): void {
        this.#count(move, 1);
    }

    remove(move: Ends): void {
        this.#count(move, -1);
    }

    /** No further move can start, wherever it goes. */
    isFull(): boolean {
        return this.#all >= (this.#limits.inAll ?? Infinity);
    }

    /** No further move can leave this host. */
    isFullOut(host: HostName): boolean {
        return this.#isFullAtAll(host) || (this.#leaving.get(host) ?? 0) >= (this.#limits.outOfHost ?? Infinity);
    }

    /** None can come to it. */
    isFullIn(host: HostName): boolean {
        return this.#isFullAtAll(host) || (this.#coming.get(host) ?? 0) >= (this.#limits.intoHost ?? Infinity);
    }

    #isFullAtAll(host: HostName): boolean {
        const { perHost = Infinity, workers } = this.#limits;
        return (this.#touching.get(host) ?? 0) >= Math.min(perHost, workers[host] ?? Infinity);
    }

    #count({ source, destination }: Ends, by: 1 | -1): void {
        this.#all += by;
        count(this.#touching, source, by);
        if (destination !== source) count(this.#touching, destination, by);
        count(this.#leaving, source, by);
        count(this.#coming, destination, by);
    }
}

function count(counts: Map<HostName, number>, host: HostName, by: number): void {
    counts.set(host, (counts.get(host) ?? 0) + by);
}
