/**
 * Which waiting moves are worth asking about. A plan of thousands of moves asks after each end; all but a few of those
 * that wait are sure to be blocked by a host or a limit that is full, and are left out here. What remains is decided by
 * `startable`, so that this changes how long an answer takes, never what it is.
 */
import type { MoveId } from '../model/events.js';
import type { HostName } from '../model/inventory.js';
import type { PlanLimits } from '../model/plan.js';
import { besides, readyAtMost, type QueuedMove } from '../decide/queue.js';

/** Moves asked about together. */
const portionSize = 16;

/** A queue that is kept as moves start and end. */
export interface LiveQueue {
    readonly byId: Pick<ReadonlyMap<MoveId, QueuedMove>, 'get'>;
    /** Moves that wait, in the order of the plan. */
    readonly waiting: ReadonlyMap<MoveId, QueuedMove>;
    /** The same by the host that they leave, with their place in the plan. Absent: `waiting` is gone through. */
    readonly waitingAt?: ReadonlyMap<HostName, ReadonlyMap<MoveId, number>>;
    readonly running: ReadonlySet<MoveId>;
}

/**
 * Portions of the queue, in the order of the plan, each with what runs and what it has to wait for.
 * The queue may change between two portions: the next one sees it as it is then.
 */
export function* portions(queue: LiveQueue, limits: PlanLimits): Generator<readonly QueuedMove[]> {
    let load = loadOf(queue, limits);
    let portion: QueuedMove[] = [];
    if (load.allFull) return;
    for (const move of withRoom(queue, load)) {
        if (load.allFull) return;
        if (load.out.has(move.source) || load.in.has(move.destination)) continue;
        portion.push(move);
        if (portion.length < portionSize) continue;
        yield withWhatCounts(portion, queue);
        portion = [];
        load = loadOf(queue, limits);
    }
    if (portion.length > 0) yield withWhatCounts(portion, queue);
}

/** Those that wait at hosts which they may leave, in the order of the plan. A host that is full now is so for all portions. */
function withRoom({ waiting, waitingAt }: LiveQueue, load: Load): Iterable<QueuedMove> {
    if (!waitingAt) return waiting.values();
    const found: (readonly [number, QueuedMove])[] = [];
    for (const [host, moves] of waitingAt) {
        if (load.out.has(host)) continue;
        for (const [id, place] of moves) {
            const move = waiting.get(id);
            if (move && !load.in.has(move.destination)) found.push([place, move]);
        }
    }
    return found.sort(([a], [b]) => a - b).map(([, move]) => move);
}

/**
 * The moves that `toReady` would name (decide/queue.ts): those that would start if the ones that are `ending` had ended.
 * `ask` says which of a portion may start.
 */
export function nextInLine(
    queue: LiveQueue,
    limits: PlanLimits,
    ending: ReadonlySet<MoveId>,
    ready: ReadonlySet<MoveId>,
    ask: (portion: readonly QueuedMove[]) => readonly MoveId[],
): readonly MoveId[] {
    const changed = new Map<MoveId, QueuedMove>();
    const become = (id: MoveId, status: QueuedMove['status']): void => {
        const move = queue.byId.get(id);
        if (move) changed.set(id, { ...move, status });
    };
    const running = new Set(queue.running);
    for (const id of ending) if (running.delete(id)) become(id, 'settling');
    const byId = { get: (id: MoveId) => changed.get(id) ?? queue.byId.get(id) };
    const next: MoveId[] = [];
    for (const portion of portions({ ...queue, byId, running }, limits)) {
        for (const id of ask(portion)) {
            become(id, 'running');
            running.add(id);
            // A gang is made ready as a whole, when its turn has come.
            if (!byId.get(id)?.gang) next.push(id);
        }
        if (besides(next, ready).length >= readyAtMost - ready.size) break;
    }
    return besides(next, ready);
}

interface Load {
    readonly allFull: boolean;
    /** Hosts that no further move can leave, and that none can go to. */
    readonly out: ReadonlySet<HostName>;
    readonly in: ReadonlySet<HostName>;
}

function loadOf(queue: LiveQueue, limits: PlanLimits): Load {
    const touching = new Map<HostName, number>();
    const leaving = new Map<HostName, number>();
    const coming = new Map<HostName, number>();
    const running = runningOf(queue);
    for (const { source, destination } of running) {
        count(touching, source);
        if (destination !== source) count(touching, destination);
        count(leaving, source);
        count(coming, destination);
    }
    const full = (directed: ReadonlyMap<HostName, number>, limit: number | undefined): ReadonlySet<HostName> =>
        new Set(
            [...touching.keys()].filter(
                (host) =>
                    (touching.get(host) ?? 0) >= Math.min(limits.perHost ?? Infinity, limits.workers[host] ?? Infinity) ||
                    (directed.get(host) ?? 0) >= (limit ?? Infinity),
            ),
        );
    return {
        allFull: running.length >= (limits.inAll ?? Infinity),
        out: full(leaving, limits.outOfHost),
        in: full(coming, limits.intoHost),
    };
}

function runningOf({ byId, running }: LiveQueue): readonly QueuedMove[] {
    return [...running].flatMap((id) => byId.get(id) ?? []);
}

/** A move that has to come first and is not asked about itself only has to be seen as not ended. */
function withWhatCounts(portion: readonly QueuedMove[], queue: LiveQueue): readonly QueuedMove[] {
    const seen = new Map([...runningOf(queue), ...portion].map((m) => [m.id, m]));
    // A gang starts as a whole, and what must not run beside another has to see that one to its very end.
    const beside = new Set(portion.flatMap((m) => m.gang?.moves ?? []));
    for (const id of beside) {
        const mate = queue.byId.get(id);
        if (mate && !seen.has(id)) seen.set(id, mate);
    }
    for (const id of [...seen.values()].flatMap((m) => m.neverDuring ?? [])) {
        const other = queue.byId.get(id);
        if (other?.status === 'settling') seen.set(id, other);
    }
    for (const id of [...seen.values()].flatMap((m) => m.after)) {
        const before = queue.byId.get(id);
        if (before && !seen.has(id)) seen.set(id, before.status === 'waiting' ? { ...before, status: 'delayed' } : before);
    }
    return [...seen.values()];
}

function count(counts: Map<HostName, number>, host: HostName): void {
    counts.set(host, (counts.get(host) ?? 0) + 1);
}
