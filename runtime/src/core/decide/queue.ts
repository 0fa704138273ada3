/**
 * Which moves may start now. Work-conserving: in the order of the plan every move that fits is started, and one that
 * does not fit holds nobody else up.
 *
 * A limit counts the moves that may send: from `move-started` until the guest runs at its destination (finish has ended).
 * What comes before (begin, prepare: a QEMU process is started at the destination) and after it (confirm, arrival) leaves
 * the wire idle, so the next in line is made ready while one under way comes to its end (`toReady`), and starts as soon
 * as that one's guest runs.
 */
import { milliseconds } from '@mig/language';
import type { MoveId } from '../model/events.js';
import type { HostName } from '../model/inventory.js';
import type { PlanLimits, PlannedMove } from '../model/plan.js';

export interface QueueState {
    /** In the order of the plan. */
    readonly moves: readonly QueuedMove[];
}

export interface QueuedMove {
    readonly id: MoveId;
    readonly source: HostName;
    readonly destination: HostName;
    /** The network that carries the bytes: with each host it names a link. */
    readonly network: string;
    readonly after: readonly MoveId[];
    /**
     * `settling`: the guest runs at its destination, and the move's last phases are under way; `delayed` waits for a retry;
     * `failed` is everything that did not end at its destination.
     */
    readonly status: 'waiting' | 'delayed' | 'running' | 'settling' | 'moved' | 'failed';
}

export interface Startable {
    readonly start: readonly MoveId[];
    readonly blocked: readonly Blocked[];
}

export interface Blocked {
    readonly move: MoveId;
    readonly because: string;
    /** Waiting is in vain, since a move that had to come first did not end well. */
    readonly never: boolean;
}

/**
 * A move under way that is expected to end within this time is about to end. Begin and prepare take 0.3 to 0.5 s on a
 * quiet host and several times that on a busy one; what is left to send counts zero pages too, so a move may end long
 * before it is expected to. What is ready waits this long at the most, at the price of its memory at the destination.
 */
export const readyLead = milliseconds(10_000);

/** Moves that are ready or being made so at one time: each holds memory at its destination, and a lock on its source. */
export const readyAtMost = 2;

/**
 * Moves to make ready now, in the order of the plan: those that would start if the ones that are `ending` had ended, as
 * many as may be ready beside those that are already. One that waits for another move is not made ready: its room at the
 * destination is not there yet.
 */
export function toReady(
    state: QueueState,
    limits: PlanLimits,
    ending: ReadonlySet<MoveId>,
    ready: ReadonlySet<MoveId>,
    admits?: Admission,
): readonly MoveId[] {
    if (ending.size === 0) return [];
    const moves = state.moves.map((m): QueuedMove => (m.status === 'running' && ending.has(m.id) ? { ...m, status: 'settling' } : m));
    return besides(startable({ moves }, limits, admits).start, ready);
}

/** The first of these that are not ready, as many as there may be. */
export function besides(next: readonly MoveId[], ready: ReadonlySet<MoveId>): readonly MoveId[] {
    return next.filter((id) => !ready.has(id)).slice(0, Math.max(0, readyAtMost - ready.size));
}

/** A further condition on starting, such as a least share of bandwidth: why the candidate may not join those that run, or undefined. */
export type Admission = (candidate: MoveId, running: readonly MoveId[]) => string | undefined;

/** Moves that may start at once, all of them together, and why the other waiting ones may not. */
export function startable(state: QueueState, limits: PlanLimits, admits: Admission = () => undefined): Startable {
    const byId = new Map(state.moves.map((m) => [m.id, m]));
    const running = state.moves.filter((m) => m.status === 'running');
    const start: MoveId[] = [];
    const blocked: Blocked[] = [];
    for (const move of state.moves) {
        if (move.status !== 'waiting') continue;
        const before = unfinishedBefore(move, byId);
        const because =
            before?.because ??
            fullLimit(move, running, limits) ??
            admits(
                move.id,
                running.map((m) => m.id),
            );
        if (because === undefined) {
            start.push(move.id);
            running.push(move);
        } else {
            blocked.push({ move: move.id, because, never: before?.never ?? false });
        }
    }
    return { start, blocked };
}

/** A move of a plan as it first stands in the queue. */
export function queued(move: PlannedMove): QueuedMove {
    return {
        id: move.id,
        source: move.source,
        destination: move.destination,
        network: move.route.network,
        after: move.after,
        status: 'waiting',
    };
}

/** The links that a move loads: its network at the source and at the destination, as `host/network`. */
export function linksOf(move: { readonly source: HostName; readonly destination: HostName; readonly network: string }): readonly string[] {
    return [`${move.source}/${move.network}`, `${move.destination}/${move.network}`];
}

function unfinishedBefore(move: QueuedMove, byId: ReadonlyMap<MoveId, QueuedMove>): { because: string; never: boolean } | undefined {
    const others = move.after.map((id) => ({ id, status: byId.get(id)?.status }));
    const failed = others.find((o) => o.status === 'failed' || o.status === undefined);
    if (failed) return { because: `${failed.id} had to end well first, and did not`, never: true };
    const open = others.find((o) => o.status !== 'moved');
    return open && { because: `waits for ${open.id} to end`, never: false };
}

function fullLimit(move: QueuedMove, running: readonly QueuedMove[], limits: PlanLimits): string | undefined {
    const full = (limit: number | undefined, words: string, counts: (other: QueuedMove) => boolean): string | undefined => {
        if (limit === undefined) return undefined;
        const now = running.filter(counts).length;
        return now < limit ? undefined : `${words}: ${now} of ${limit} under way`;
    };
    const touches = (host: HostName) => (other: QueuedMove) => other.source === host || other.destination === host;
    const hosts = [...new Set([move.source, move.destination])];
    const checks: (() => string | undefined)[] = [
        () => full(limits.inAll, 'the limit in all', () => true),
        () => full(limits.outOfHost, `the limit out of ${move.source}`, (o) => o.source === move.source),
        () => full(limits.intoHost, `the limit into ${move.destination}`, (o) => o.destination === move.destination),
        ...hosts.map((h) => () => full(limits.perHost, `the limit of ${h}`, touches(h))),
        ...hosts.map((h) => () => full(limits.workers[h], `the workers of ${h}'s daemon`, touches(h))),
        ...linksOf(move).map((link) => () => full(limits.perLink, `the limit of link ${link}`, (o) => linksOf(o).includes(link))),
    ];
    for (const check of checks) {
        const because = check();
        if (because !== undefined) return because;
    }
    return undefined;
}
