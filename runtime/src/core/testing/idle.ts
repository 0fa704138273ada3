/** Reads from the events of a run whether its limits held, and whether a slot was idle while a move could have started. For tests and benchmarks alone. */
import { startable } from '../decide/queue.js';
import { linksOf, queueOf, type QueuedMove } from '../decide/queued.js';
import type { MigrationEvent } from '../model/events.js';
import type { Plan } from '../model/plan.js';

export interface Kept {
    /** Moves under way beyond a limit, in words. */
    readonly exceeded: readonly string[];
    /** Milliseconds for which, at the longest, a move that could have started did not. */
    readonly longestIdle: number;
    readonly mostAtOnce: number;
    /** Pairs that must not run beside each other, and did. */
    readonly beside: readonly string[];
    /** Moves that started before one that had to end first. */
    readonly early: readonly string[];
}

/** `plan` where it is not the one of the events. */
export function keptBy(events: readonly MigrationEvent[], given?: Plan): Kept {
    const plan = given ?? events.flatMap((e) => (e.type === 'run-started' ? [e.plan] : []))[0];
    if (!plan) throw new Error('the events do not begin with a run');
    const moves = new Map(queueOf(plan).map((m) => [m.id, m]));
    const exceeded = new Set<string>();
    const beside = new Set<string>();
    const early = new Set<string>();
    let mostAtOnce = 0;
    let longestIdle = 0;
    let idleSince: number | undefined;
    let stopped = false;
    for (const [i, event] of events.entries()) {
        if (event.type === 'run-stopping' || event.type === 'run-ended') stopped = true;
        if ('move' in event && event.move !== undefined) {
            const move = moves.get(event.move);
            const status = move && statusAfter(event, move);
            if (move && status !== undefined) {
                if (status === 'running')
                    for (const id of move.after) if (moves.get(id)?.status !== 'moved') early.add(`${move.id} before ${id}`);
                moves.set(move.id, { ...move, status });
            }
            if (move && event.type === 'move-redirected') moves.set(move.id, { ...move, destination: event.destination });
        }
        const running = [...moves.values()].filter((m) => m.status === 'running');
        mostAtOnce = Math.max(mostAtOnce, running.length);
        for (const words of beyond(running, plan)) exceeded.add(words);
        const underWay = [...moves.values()].filter((m) => m.status === 'running' || m.status === 'settling');
        for (const one of underWay)
            for (const other of underWay) if (one.neverDuring?.includes(other.id) === true) beside.add(`${one.id} ${other.id}`);
        if (events[i + 1]?.at === event.at) continue;
        const idle = !stopped && startable({ moves: [...moves.values()] }, plan.limits).start.length > 0;
        if (!idle) idleSince = undefined;
        else {
            idleSince ??= event.at;
            longestIdle = Math.max(longestIdle, (events[i + 1]?.at ?? event.at) - idleSince);
        }
    }
    return { exceeded: [...exceeded], longestIdle, mostAtOnce, beside: [...beside], early: [...early] };
}

function statusAfter(event: MigrationEvent, { status }: QueuedMove): QueuedMove['status'] | undefined {
    if (event.type === 'move-started') return 'running';
    if (event.type === 'move-queued') return status === 'waiting' ? undefined : 'delayed';
    if (event.type === 'move-ended') return event.outcome === 'moved' ? 'moved' : 'failed';
    // All has been sent, however finish ended.
    const sent = event.type === 'phase-ended' && event.phase === 'finish';
    return sent && status === 'running' ? 'settling' : undefined;
}

function* beyond(running: readonly QueuedMove[], { limits }: Plan): Generator<string> {
    const check = (what: string, counts: (m: QueuedMove) => boolean, limit: number | undefined): string[] => {
        const now = running.filter(counts).length;
        return limit !== undefined && now > limit ? [`${what}: ${now} of ${limit}`] : [];
    };
    yield* check('in all', () => true, limits.inAll);
    const hosts = new Set(running.flatMap((m) => [m.source, m.destination]));
    for (const host of hosts) {
        const touches = (m: QueuedMove): boolean => m.source === host || m.destination === host;
        yield* check(`per host ${host}`, touches, limits.perHost);
        yield* check(`workers ${host}`, touches, limits.workers[host]);
        yield* check(`out of ${host}`, (m) => m.source === host, limits.outOfHost);
        yield* check(`into ${host}`, (m) => m.destination === host, limits.intoHost);
    }
    for (const link of new Set(running.flatMap(linksOf))) yield* check(`link ${link}`, (m) => linksOf(m).includes(link), limits.perLink);
}
