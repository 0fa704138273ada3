/** What a run looks like now: a reducer over its events, pure, so that a live run, a replay and a simulation look the same. */
import {
    bytesPerSecond,
    milliseconds,
    ratio,
    type Bytes,
    type BytesPerSecond,
    type EpochMs,
    type Milliseconds,
    type Ratio,
} from '@mig/language';
import type { MigrationEvent, MoveEvent, MoveFailure, MoveId, Progress } from '../model/events.js';
import type { HostName } from '../model/inventory.js';
import type { MovePhase, PlannedMove } from '../model/plan.js';

export interface RunView {
    readonly run: string | undefined;
    readonly simulated: boolean;
    readonly startedAt: EpochMs | undefined;
    /** Time of the latest event. */
    readonly now: EpochMs | undefined;
    readonly outcome: 'complete' | 'incomplete' | 'stopped' | undefined;
    /** Why no further move is started. */
    readonly stopping: string | undefined;
    readonly lostHosts: readonly HostName[];
    /** In the order of the plan. */
    readonly moves: ReadonlyMap<MoveId, MoveView>;
    /** The latest thing that a person should know. */
    readonly note: { readonly level: 'info' | 'warning' | 'alarm'; readonly text: string } | undefined;
}

export type MoveStatus = 'waiting' | 'running' | 'moved' | 'failed' | 'aborted' | 'skipped' | 'held';

export interface MoveView {
    readonly id: MoveId;
    readonly vm: string;
    readonly source: HostName;
    readonly destination: HostName;
    readonly memory: Bytes;
    readonly status: MoveStatus;
    readonly because: string | undefined;
    readonly attempt: number;
    readonly phase: MovePhase | undefined;
    /** It has switched to post-copy: the guest runs at its destination, and its pages follow. */
    readonly postcopy: boolean;
    /** What the last rung of its ladder that fired did. */
    readonly rung: string | undefined;
    /** What is run beside the phases. */
    readonly doing: 'hook' | 'verify' | undefined;
    /** Checks that the plan has for it. */
    readonly checks: number;
    /** It waits for its turn, with begin and prepare behind it. */
    readonly ready: boolean;
    /** Of the memory, and never less than before: remaining bytes follow a saw-tooth, and a bar that goes back tells nobody anything. */
    readonly done: Ratio;
    readonly transferred: Bytes | undefined;
    /** When that last grew. */
    readonly sentAt: EpochMs | undefined;
    readonly remaining: Bytes | undefined;
    /** Of the disks that go along, what is there already. Undefined: none does. */
    readonly disksDone: Ratio | undefined;
    readonly rate: BytesPerSecond | undefined;
    readonly dirtyRate: BytesPerSecond | undefined;
    readonly iteration: number;
    /** When it began, as far as events tell. */
    readonly iterationSince: EpochMs | undefined;
    readonly cap: BytesPerSecond | undefined;
    readonly throttle: Ratio | undefined;
    readonly eta: Milliseconds | undefined;
    readonly startedAt: EpochMs | undefined;
    readonly endedAt: EpochMs | undefined;
    /** Set while the guest stands still. */
    readonly stoppedSince: EpochMs | undefined;
    /** Of the stops that have ended, by the events. */
    readonly downtime: Milliseconds | undefined;
    /** What the hypervisors say in the end; it counts, as in the report. */
    readonly reportedDowntime: Milliseconds | undefined;
    /** For so long it did not answer on the network; undefined: not known, or not yet. */
    readonly blackout: Milliseconds | undefined;
    readonly error: MoveFailure | undefined;
}

/** Hypervisors go on telling the rate of a while ago when nothing goes out any more: so long without a byte, it is none. */
const silentMs = 3000;

/** Before the first event. */
export const nothingYet: RunView = {
    run: undefined,
    simulated: false,
    startedAt: undefined,
    now: undefined,
    outcome: undefined,
    stopping: undefined,
    lostHosts: [],
    moves: new Map(),
    note: undefined,
};

/** The view after one more event. */
export function progressOf(view: RunView, event: MigrationEvent): RunView {
    const now: RunView = { ...view, now: event.at };
    switch (event.type) {
        case 'run-started':
            return {
                ...now,
                run: event.run,
                simulated: event.simulated,
                startedAt: event.at,
                moves: new Map(event.plan.moves.map((move) => [move.id, waiting(move)])),
            };
        case 'link-counted':
        case 'shutdown-started':
        case 'shutdown-ended':
            return now;
        case 'run-stopping':
            return { ...now, stopping: event.detail };
        case 'run-ended':
            return { ...now, outcome: event.outcome };
        case 'host-lost':
            return { ...now, lostHosts: [...view.lostHosts.filter((h) => h !== event.host), event.host] };
        case 'host-back':
            return { ...now, lostHosts: view.lostHosts.filter((h) => h !== event.host) };
        case 'note':
            return event.level === 'info' ? now : { ...now, note: { level: event.level, text: event.text } };
        case 'move-queued':
        case 'move-redirected':
        case 'move-returning':
        case 'move-started':
        case 'phase-entered':
        case 'phase-ended':
        case 'setting-applied':
        case 'iteration':
        case 'progress':
        case 'rung-fired':
        case 'guest-stopped':
        case 'guest-resumed':
        case 'job-completed':
        case 'postcopy-started':
        case 'hook-started':
        case 'hook-ended':
        case 'verified':
        case 'blackout':
        case 'effort':
        case 'arrived':
        case 'move-ended': {
            const move = view.moves.get(event.move);
            return move ? { ...now, moves: new Map(view.moves).set(event.move, after(move, event)) } : now;
        }
    }
}

/** Of the guest so far, the present stop included. */
export function downtimeSoFar(move: MoveView, now: EpochMs | undefined): Milliseconds | undefined {
    if (move.stoppedSince === undefined || now === undefined) return move.reportedDowntime ?? move.downtime;
    return milliseconds((move.downtime ?? 0) + Math.max(0, now - move.stoppedSince));
}

function after(move: MoveView, event: MoveEvent): MoveView {
    switch (event.type) {
        case 'move-queued':
            return { ...move, ...still, status: 'waiting', phase: undefined, ready: false, because: event.because };
        case 'move-redirected':
            return { ...move, destination: event.destination };
        case 'move-returning':
            return { ...move, source: event.from, destination: event.home, status: 'waiting', because: event.because };
        case 'move-started':
            return {
                ...move,
                status: 'running',
                attempt: event.attempt,
                because: undefined,
                phase: move.status === 'waiting' ? move.phase : undefined, // it may have been made ready before its turn
                ready: false,
                done: ratio(0),
                postcopy: false,
                iteration: 0,
                iterationSince: undefined,
                eta: undefined,
                startedAt: move.startedAt ?? event.at,
            };
        case 'phase-entered':
            return { ...move, phase: event.phase, ready: false, ...(event.phase === 'perform' ? {} : still) };
        case 'phase-ended':
            if (event.error !== undefined) return { ...move, because: event.error };
            return { ...move, ready: event.phase === 'prepare' && move.status === 'waiting' };
        case 'setting-applied':
            return event.setting === 'bandwidth' && event.got !== undefined ? { ...move, cap: event.got as BytesPerSecond } : move;
        case 'iteration':
            return { ...move, iteration: event.iteration, iterationSince: event.at, remaining: event.remaining ?? move.remaining };
        case 'progress': {
            const stuck = event.transferred === move.transferred;
            const silent = stuck && event.at - (move.sentAt ?? event.at) >= silentMs;
            return {
                ...move,
                transferred: event.transferred,
                sentAt: stuck ? move.sentAt : event.at,
                remaining: event.remaining,
                disksDone: disksDone(event) ?? move.disksDone,
                rate: silent ? bytesPerSecond(0) : event.rate,
                dirtyRate: event.dirtyRate,
                iteration: Math.max(move.iteration, event.iteration),
                iterationSince: event.iteration > move.iteration ? event.at : move.iterationSince,
                throttle: event.throttle,
                cap: event.cap ?? move.cap,
                eta: silent ? undefined : expectedEnd(move, event),
                done: ratio(Math.max(move.done, doneOf(event, move.memory))),
            };
        }
        case 'rung-fired':
            return { ...move, rung: event.action, because: event.because };
        case 'guest-stopped':
            return { ...move, stoppedSince: event.at };
        case 'guest-resumed':
            if (move.stoppedSince === undefined) return move;
            return { ...move, downtime: downtimeSoFar(move, event.at), stoppedSince: undefined };
        case 'job-completed':
            return {
                ...move,
                transferred: event.transferred,
                iteration: event.iterations,
                done: ratio(1),
                reportedDowntime: event.downtimeMs !== undefined && event.downtimeMs > 0 ? event.downtimeMs : undefined,
            };
        case 'postcopy-started':
            return { ...move, postcopy: true };
        case 'hook-started':
            return { ...move, doing: 'hook' };
        case 'hook-ended':
            return { ...move, doing: undefined };
        case 'arrived':
            return { ...move, done: ratio(1), doing: move.checks > 0 ? 'verify' : undefined };
        case 'verified':
            return { ...move, doing: undefined, because: event.outcome === 'ok' ? move.because : `verify: ${event.detail ?? 'failed'}` };
        case 'blackout':
            return { ...move, blackout: event.blackoutMs };
        case 'effort':
            return move;
        case 'move-ended':
            return {
                ...move,
                ...still,
                status: event.outcome,
                endedAt: event.at,
                error: event.error,
                phase: undefined,
                ready: false,
                stoppedSince: undefined,
                doing: undefined,
            };
    }
}

/** Of memory and disks together. While disks are mirrored nothing of the memory has been sent. */
function doneOf({ total, remaining, disks }: Progress, memory: Bytes): number {
    const waits = disks !== undefined && total === 0;
    const all = (waits ? memory : total) + (disks?.total ?? 0);
    const left = (waits ? memory : remaining) + (disks?.remaining ?? 0);
    return all > 0 ? Math.min(1, 1 - left / all) : 0;
}

const disksDone = ({ disks }: Progress): Ratio | undefined =>
    disks && ratio(disks.total > 0 ? 1 - Math.min(1, disks.remaining / disks.total) : 1);

/** Nothing is sent. */
const still = { rate: undefined, dirtyRate: undefined, eta: undefined } as const;

/**
 * What is left shrinks by what is sent and grows by what is dirtied; undefined where it does not shrink. Hypervisors count
 * what was dirtied in a pass only when it ends, and say until then how long that pass takes.
 */
function expectedEnd(move: MoveView, event: Progress & { readonly at: EpochMs }): Milliseconds | undefined {
    const { rate, remaining, disks } = event;
    const dirtyRate = event.dirtyRate ?? 0;
    if (rate === undefined || dirtyRate === 0 || move.postcopy) return event.eta;
    if (rate <= dirtyRate) return undefined;
    const passSince = event.iteration > move.iteration ? event.at : (move.iterationSince ?? event.at);
    const notCounted = Math.min(move.memory, (dirtyRate * (event.at - passSince)) / 1000);
    return milliseconds(((remaining + notCounted + (disks?.remaining ?? 0)) / (rate - dirtyRate)) * 1000);
}

function waiting(move: PlannedMove): MoveView {
    return {
        id: move.id,
        vm: move.vm.name,
        source: move.source,
        destination: move.destination,
        memory: move.memory,
        status: 'waiting',
        because: undefined,
        attempt: 0,
        phase: undefined,
        postcopy: false,
        rung: undefined,
        doing: undefined,
        checks: move.checks?.length ?? 0,
        ready: false,
        done: ratio(0),
        transferred: undefined,
        sentAt: undefined,
        remaining: undefined,
        disksDone: undefined,
        rate: undefined,
        dirtyRate: undefined,
        iteration: 0,
        iterationSince: undefined,
        cap: undefined,
        throttle: undefined,
        eta: undefined,
        startedAt: undefined,
        endedAt: undefined,
        stoppedSince: undefined,
        downtime: undefined,
        reportedDowntime: undefined,
        blackout: undefined,
        error: undefined,
    };
}
