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
import type { PlanLimits, PlannedGang } from '../model/plan.js';
import { linksOf, type QueuedMove } from './queued.js';

export interface QueueState {
    /** Those asked about, in the order of the plan. */
    readonly moves: readonly QueuedMove[];
    /** Where these are only some of a queue: all of it, and what of it is under way. Absent: they are all there are. */
    readonly within?: { readonly byId: QueuedById; readonly running: readonly QueuedMove[] };
}

type QueuedById = Pick<ReadonlyMap<MoveId, QueuedMove>, 'get'>;

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
    // A gang is made ready as a whole, when its turn has come.
    const alone = new Set(moves.filter((m) => m.gang === undefined).map((m) => m.id));
    return besides(
        startable({ moves }, limits, admits).start.filter((id) => alone.has(id)),
        ready,
    );
}

/** The first of these that are not ready, as many as there may be. */
export function besides(next: readonly MoveId[], ready: ReadonlySet<MoveId>): readonly MoveId[] {
    return next.filter((id) => !ready.has(id)).slice(0, Math.max(0, readyAtMost - ready.size));
}

/** A further condition on starting, such as a least share of bandwidth: why the candidate may not join those that run, or undefined. */
export type Admission = (candidate: MoveId, running: readonly MoveId[]) => string | undefined;

/** Moves that may start at once, all of them together, and why the other waiting ones may not. */
export function startable(state: QueueState, limits: PlanLimits, admits: Admission = () => undefined): Startable {
    const queue: Queue = {
        byId: state.within?.byId ?? new Map(state.moves.map((m) => [m.id, m])),
        running: [...(state.within?.running ?? state.moves.filter((m) => m.status === 'running'))],
        limits,
        admits,
    };
    const start: MoveId[] = [];
    const blocked = new Map<MoveId, Blocked>();
    const gangs = new Set<PlannedGang>();
    for (const move of state.moves) {
        if (move.status !== 'waiting') continue;
        if (move.gang && gangs.has(move.gang)) continue;
        if (move.gang) gangs.add(move.gang);
        const found = move.gang ? gangStart(move.gang, queue) : singleStart(move, queue);
        start.push(...found.start);
        for (const one of found.blocked) blocked.set(one.move, one);
    }
    // In the order of the plan, though the members of a gang are asked about together.
    return { start, blocked: state.moves.flatMap((m) => blocked.get(m.id) ?? []) };
}

interface Queue {
    readonly byId: QueuedById;
    /** Grows as moves are found that may start. */
    readonly running: QueuedMove[];
    readonly limits: PlanLimits;
    readonly admits: Admission;
}

function singleStart(move: QueuedMove, queue: Queue): Startable {
    const against = unfinishedBefore(move, queue.byId) ?? notNow(move, queue);
    if (against) return { start: [], blocked: [{ move: move.id, ...against }] };
    queue.running.push(move);
    return { start: [move.id], blocked: [] };
}

/**
 * A gang starts once all of its members can. One that is too wide for the limits starts as far as they allow, and never
 * where it is all or none.
 */
function gangStart(gang: PlannedGang, queue: Queue): Startable {
    const members = gang.moves.flatMap((id) => queue.byId.get(id) ?? []);
    const waiting = members.filter((m) => m.status === 'waiting');
    const failed = members.find((m) => m.status === 'failed');
    if (gang.allOrNone && failed) return all(waiting, `${failed.id} of ${gang.name} did not move, and it is all or none`, true);
    const delayed = gang.allOrNone ? members.find((m) => m.status === 'delayed') : undefined;
    if (delayed) return all(waiting, `waits for ${delayed.id} of ${gang.name}, which tries again`, false);
    // One of them goes elsewhere, and the others were called back: they start again together.
    const back = gang.allOrNone ? members.find((m) => m.status === 'running' || m.status === 'settling') : undefined;
    if (back) return all(waiting, `waits for ${back.id} of ${gang.name}, which comes back first`, false);
    const mates = new Set(waiting.map((m) => m.id));
    const before = new Map(waiting.map((m) => [m.id, unfinishedBefore(m, queue.byId)]));
    // Room that a mate makes is not there when the gang starts: that member comes after it.
    const later = waiting.filter((m) => before.get(m.id)?.never === false && m.after.some((id) => mates.has(id)));
    const never = waiting.filter((m) => before.get(m.id)?.never === true);
    const [lost] = never;
    if (gang.allOrNone && lost) return all(waiting, `${lost.id} of ${gang.name} cannot move: ${before.get(lost.id)?.because ?? ''}`, true);
    const blocked: Blocked[] = [...later, ...never].flatMap((m) => {
        const against = before.get(m.id);
        return against ? [{ move: m.id, ...against }] : [];
    });
    const party = waiting.filter((m) => !later.includes(m) && !never.includes(m));
    const open = party.find((m) => before.get(m.id));
    if (open) return { start: [], blocked: [...blocked, ...all(party, before.get(open.id)?.because ?? '', false).blocked] };

    const against = firstAgainst(party, queue);
    if (!against) {
        queue.running.push(...party);
        return { start: party.map((m) => m.id), blocked };
    }
    const alone = firstAgainst(party, { ...queue, running: [] });
    const together = `${gang.name} starts together: ${against}`;
    if (!alone) return { start: [], blocked: [...blocked, ...all(party, together, false).blocked] };
    if (gang.allOrNone) {
        // A moment that has not come may come yet; a limit that is too low stays so.
        const wait = party.some((m) => m.heldBack !== undefined);
        const why = wait ? together : `${gang.name} is all or none, and never fits: ${alone}`;
        return { start: [], blocked: [...blocked, ...all(party, why, !wait).blocked] };
    }
    const single = party.map((m) => singleStart(m, queue));
    return { start: single.flatMap((s) => s.start), blocked: [...blocked, ...single.flatMap((s) => s.blocked)] };
}

const all = (moves: readonly QueuedMove[], because: string, never: boolean): Startable => ({
    start: [],
    blocked: moves.map((m) => ({ move: m.id, because, never })),
});

/** Why the members of a party cannot all start now. */
function firstAgainst(party: readonly QueuedMove[], queue: Queue): string | undefined {
    const running = [...queue.running];
    for (const move of party) {
        const against = notNow(move, { ...queue, running });
        if (against) return against.because;
        running.push(move);
    }
    return undefined;
}

function notNow(move: QueuedMove, { byId, running, limits, admits }: Queue): { because: string; never: boolean } | undefined {
    const because =
        move.heldBack ??
        besideWhatItMayNot(move, byId, running) ??
        behindWhatRuns(move, running) ??
        fullLimit(move, running, limits) ??
        admits(
            move.id,
            running.map((m) => m.id),
        );
    return because === undefined ? undefined : { because, never: false };
}

/** Until it has ended: its last phases count too. */
function besideWhatItMayNot(move: QueuedMove, byId: Queue['byId'], running: readonly QueuedMove[]): string | undefined {
    const beside = move.neverDuring?.find((id) => byId.get(id)?.status === 'settling' || running.some((other) => other.id === id));
    return beside === undefined ? undefined : `never during the move of ${beside}`;
}

/** Only while they send: what follows needs the link no more. */
function behindWhatRuns(move: QueuedMove, running: readonly QueuedMove[]): string | undefined {
    const first = move.behind === undefined ? undefined : running.find(({ id }) => move.behind?.includes(id));
    return first && `${first.id} goes first`;
}

/** Moves that start now, each with those that it starts together with: of a gang all that do. */
export function parties(start: readonly MoveId[], gangOf: (id: MoveId) => PlannedGang | undefined): readonly (readonly MoveId[])[] {
    const single: MoveId[][] = [];
    const together = new Map<PlannedGang, MoveId[]>();
    for (const id of start) {
        const gang = gangOf(id);
        const party = gang && together.get(gang);
        if (!gang) single.push([id]);
        else if (party) party.push(id);
        else together.set(gang, [id]);
    }
    return [...single, ...together.values()];
}

function unfinishedBefore(move: QueuedMove, byId: QueuedById): { because: string; never: boolean } | undefined {
    const others = move.after.map((id) => ({ id, status: byId.get(id)?.status }));
    const failed = others.find((o) => o.status === 'failed' || o.status === undefined);
    if (failed) return { because: `${failed.id} had to end well first, and did not`, never: true };
    const open = others.find((o) => o.status !== 'moved');
    return open && { because: `waits for ${open.id} to end`, never: false };
}

function fullLimit(move: QueuedMove, running: readonly QueuedMove[], limits: PlanLimits): string | undefined {
    const { source, destination } = move;
    const hosts = source === destination ? [source] : [source, destination];
    let [out, into] = [0, 0];
    const touching = hosts.map(() => 0);
    for (const other of running) {
        if (other.source === source) out += 1;
        if (other.destination === destination) into += 1;
        for (let i = 0; i < hosts.length; i += 1)
            if (other.source === hosts[i] || other.destination === hosts[i]) touching[i] = (touching[i] ?? 0) + 1;
    }
    const full = (limit: number | undefined, words: string, now: number): string | undefined =>
        limit === undefined || now < limit ? undefined : `${words}: ${now} of ${limit} under way`;
    const first = <T>(all: readonly T[], check: (one: T, i: number) => string | undefined): string | undefined => {
        for (const [i, one] of all.entries()) {
            const found = check(one, i);
            if (found !== undefined) return found;
        }
        return undefined;
    };
    return (
        full(limits.inAll, 'the limit in all', running.length) ??
        full(limits.outOfHost, `the limit out of ${source}`, out) ??
        full(limits.intoHost, `the limit into ${destination}`, into) ??
        first(hosts, (h, i) => full(limits.perHost, `the limit of ${h}`, touching[i] ?? 0)) ??
        first(hosts, (h, i) => full(limits.workers[h], `the workers of ${h}'s daemon`, touching[i] ?? 0)) ??
        (limits.perLink === undefined
            ? undefined
            : first(linksOf(move), (link) =>
                  full(limits.perLink, `the limit of link ${link}`, running.filter((other) => linksOf(other).includes(link)).length),
              ))
    );
}
