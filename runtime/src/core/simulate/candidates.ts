/**
 * Which waiting moves are worth asking about. A plan of thousands of moves asks after each end; all but a few of those
 * that wait are sure to be blocked by a host or a limit that is full, and are left out here. What remains is decided by
 * `startable`, so that this changes how long an answer takes, never what it is.
 */
import type { MoveId } from '../model/events.js';
import type { HostName } from '../model/inventory.js';
import { besides, readyAtMost, type QueueState } from '../decide/queue.js';
import type { QueuedMove } from '../decide/queued.js';
import type { Load } from './load.js';

/** Moves asked about together. */
const portionSize = 16;

/** A queue that is kept as moves start and end. */
export interface LiveQueue {
    readonly byId: Pick<ReadonlyMap<MoveId, QueuedMove>, 'get'>;
    /** Moves that wait, in the order of the plan. */
    readonly waiting: ReadonlyMap<MoveId, QueuedMove>;
    /** The same by the host that they leave, with their place in the plan. Absent: `waiting` is gone through. */
    readonly waitingAt?: ReadonlyMap<HostName, ReadonlyMap<MoveId, number>>;
    readonly running: Iterable<MoveId>;
    /** What those that run make of the hosts. */
    readonly load: Load;
}

/**
 * Portions of the queue to ask about, in the order of the plan. The queue may change between two portions: the next one
 * sees it as it is then.
 */
export function* portions(queue: LiveQueue): Generator<QueueState> {
    const { load, waiting } = queue;
    if (waiting.size === 0 || load.isFull()) return;
    let portion: QueuedMove[] = [];
    for (const move of withRoom(queue)) {
        if (load.isFull()) return;
        if (load.isFullOut(move.source) || load.isFullIn(move.destination)) continue;
        portion.push(move);
        if (portion.length < portionSize) continue;
        yield portionOf(portion, queue);
        portion = [];
    }
    if (portion.length > 0) yield portionOf(portion, queue);
}

/** Those that wait at hosts which they may leave, in the order of the plan. A host that is full now is so for all portions. */
function withRoom({ waiting, waitingAt, load }: LiveQueue): Iterable<QueuedMove> {
    if (!waitingAt) return waiting.values();
    const found: (readonly [number, QueuedMove])[] = [];
    for (const [host, moves] of waitingAt) {
        if (moves.size === 0 || load.isFullOut(host)) continue;
        for (const [id, place] of moves) {
            const move = waiting.get(id);
            if (move && !load.isFullIn(move.destination)) found.push([place, move]);
        }
    }
    return found.sort(([a], [b]) => a - b).map(([, move]) => move);
}

/**
 * The moves that `toReady` would name (decide/queue.ts): those that would start if the ones that are `ending` had ended.
 * `ask` says which of a portion may start.
 */
export function nextInLine(
    queue: LiveQueue & { readonly running: ReadonlySet<MoveId> },
    ending: ReadonlySet<MoveId>,
    ready: ReadonlySet<MoveId>,
    ask: (portion: QueueState) => readonly MoveId[],
): readonly MoveId[] {
    if (queue.waiting.size === 0) return [];
    const { load } = queue;
    const changed = new Map<MoveId, QueuedMove>();
    const become = (id: MoveId, status: QueuedMove['status']): void => {
        const move = queue.byId.get(id);
        if (move) changed.set(id, { ...move, status });
    };
    const byId = { get: (id: MoveId) => changed.get(id) ?? queue.byId.get(id) };
    const gone = [...ending].flatMap((id) => (queue.running.has(id) ? (queue.byId.get(id) ?? []) : []));
    for (const move of gone) {
        become(move.id, 'settling');
        load.remove(move);
    }
    const started: QueuedMove[] = [];
    const next: MoveId[] = [];
    const running = {
        *[Symbol.iterator]() {
            for (const id of queue.running) if (!ending.has(id)) yield id;
            for (const { id } of started) yield id;
        },
    };
    for (const portion of portions({ ...queue, byId, running })) {
        for (const id of ask(portion)) {
            become(id, 'running');
            const move = byId.get(id);
            if (move) started.push(move);
            if (move) load.add(move);
            // A gang is made ready as a whole, when its turn has come.
            if (!move?.gang) next.push(id);
        }
        if (besides(next, ready).length >= readyAtMost - ready.size) break;
    }
    for (const move of started) load.remove(move);
    for (const move of gone) load.add(move);
    return besides(next, ready);
}

const portionOf = (moves: readonly QueuedMove[], { byId, running }: LiveQueue): QueueState => ({
    moves,
    within: { byId, running: [...running].flatMap((id) => byId.get(id) ?? []) },
});
