/** What a run did, from its events alone: a report of a simulation is the same thing as one of a run. */
import { bytes, milliseconds, type Bytes, type EpochMs, type Milliseconds } from '@mig/language';
import type { MigrationEvent, MoveEvent, MoveFailure, MoveId } from '../model/events.js';
import type { HostName } from '../model/inventory.js';
import type { MovePhase, Plan, PlannedMove, PlannedTechnique, Reason } from '../model/plan.js';
import { judgePromises, type PromiseReport } from './promises.js';

export const reportVersion = 1;

export interface Report {
    readonly kind: 'mig-report';
    readonly version: typeof reportVersion;
    readonly run: string;
    readonly simulated: boolean;
    /** The plan's id. */
    readonly plan: string;
    /** Of the plan, so that ranges can be shown. */
    readonly sources: readonly { readonly uri: string }[];
    readonly startedAt: EpochMs;
    readonly endedAt: EpochMs;
    readonly durationMs: Milliseconds;
    /** Undefined: the events end before the run did. */
    readonly outcome: 'complete' | 'incomplete' | 'stopped' | undefined;
    /** In the order of the plan. */
    readonly moves: readonly MoveReport[];
    readonly totals: ReportTotals;
    /** VMs that the plan had no place for. */
    readonly unplaced: readonly { readonly vm: string; readonly source: HostName }[];
    /** Warnings and alarms of the run. */
    readonly notes: readonly {
        readonly at: EpochMs;
        readonly level: 'warning' | 'alarm';
        readonly move: MoveId | undefined;
        readonly text: string;
    }[];
    /** Every move of the plan ended at its destination, and every promise was measured and held. */
    readonly allHeld: boolean;
}

export interface MoveReport {
    readonly id: MoveId;
    readonly vm: string;
    readonly uuid: string;
    readonly policy: string | undefined;
    readonly technique: Pick<PlannedTechnique, 'kind' | 'name'>;
    readonly source: HostName;
    readonly destination: HostName;
    readonly memory: Bytes;
    /** `unfinished`: the events end before the move did. */
    readonly outcome: 'moved' | 'failed' | 'aborted' | 'skipped' | 'held' | 'unfinished';
    readonly vmOn: HostName | undefined;
    readonly attempts: number;
    /** From its start (what made it ready before does not count) to the end of the last phase, retries and the waiting between them included. */
    readonly durationMs: Milliseconds | undefined;
    /** What counts: the hypervisors' own figure, or from stop to resume where they gave none. */
    readonly downtimeMs: Milliseconds | undefined;
    readonly downtime: { readonly reported: Milliseconds | undefined; readonly stopToResume: Milliseconds | undefined };
    /** Sent in all attempts. */
    readonly transferred: Bytes | undefined;
    /** Of the last attempt. */
    readonly iterations: number | undefined;
    readonly phases: readonly {
        readonly attempt: number;
        readonly phase: MovePhase;
        readonly tookMs: Milliseconds;
        readonly error: string | undefined;
    }[];
    readonly settings: readonly SettingReport[];
    readonly rungs: readonly { readonly action: string; readonly because: string }[];
    readonly carried: readonly string[];
    readonly reasons: readonly Reason[];
    readonly promises: readonly PromiseReport[];
    readonly error: MoveFailure | undefined;
}

export interface SettingReport {
    readonly setting: string;
    readonly on: HostName;
    readonly asked: number;
    readonly got: number | undefined;
    readonly agrees: boolean;
}

export interface ReportTotals {
    readonly moves: number;
    readonly moved: number;
    readonly memory: Bytes;
    readonly transferred: Bytes;
    readonly longestDowntimeMs: Milliseconds | undefined;
    readonly promises: { readonly held: number; readonly broken: number; readonly unknown: number };
}

/** The report of a run, or of as much of it as the events tell. */
export function reportOf(events: readonly MigrationEvent[]): Report {
    const started = events.find((e) => e.type === 'run-started');
    const ended = events.findLast((e) => e.type === 'run-ended');
    const plan = started?.plan;
    const byMove = eventsByMove(events);
    const moves = (plan?.moves ?? []).map((move) => moveReport(move, plan, byMove.get(move.id) ?? []));
    const startedAt = started?.at ?? events[0]?.at ?? (0 as EpochMs);
    const endedAt = ended?.at ?? events.at(-1)?.at ?? startedAt;
    const totals = totalsOf(moves);
    return {
        kind: 'mig-report',
        version: reportVersion,
        run: started?.run ?? '',
        simulated: started?.simulated ?? false,
        plan: plan?.id ?? '',
        sources: plan?.sources ?? [],
        startedAt,
        endedAt,
        durationMs: milliseconds(endedAt - startedAt),
        outcome: ended?.outcome,
        moves,
        totals,
        unplaced: plan?.unplaced.map(({ vm, source }) => ({ vm, source })) ?? [],
        notes: events.flatMap((e) =>
            e.type === 'note' && e.level !== 'info' ? [{ at: e.at, level: e.level, move: e.move, text: e.text }] : [],
        ),
        allHeld: moves.every((m) => m.outcome === 'moved') && totals.promises.broken + totals.promises.unknown === 0,
    };
}

function eventsByMove(events: readonly MigrationEvent[]): ReadonlyMap<MoveId, readonly MoveEvent[]> {
    const found = new Map<MoveId, MoveEvent[]>();
    for (const event of events) {
        if (!('move' in event) || event.type === 'note') continue;
        const own = found.get(event.move);
        if (own) own.push(event);
        else found.set(event.move, [event]);
    }
    return found;
}

function moveReport(move: PlannedMove, plan: Plan | undefined, events: readonly MoveEvent[]): MoveReport {
    const of = <T extends MoveEvent['type']>(type: T) => events.filter((e): e is Extract<MoveEvent, { type: T }> => e.type === type);
    const instance = plan?.instances[move.instance];
    const end = of('move-ended').at(-1);
    const job = of('job-completed').at(-1);
    const started = of('move-started')[0];
    const last = of('phase-ended').at(-1);
    const attempts = attemptsOf(events);
    const downtime = { reported: job?.downtimeMs, stopToResume: stopToResume(events) };
    const measured = {
        duration: started && last && last.at >= started.at ? milliseconds(last.at - started.at) : undefined,
        downtime: downtime.reported !== undefined && downtime.reported > 0 ? downtime.reported : downtime.stopToResume,
        traffic: transferredIn(attempts),
    };
    return {
        id: move.id,
        vm: move.vm.name,
        uuid: move.vm.uuid,
        policy: instance?.policy,
        technique: { kind: move.technique.kind, name: move.technique.name },
        source: move.source,
        destination: move.destination,
        memory: move.memory,
        outcome: end?.outcome ?? 'unfinished',
        vmOn: end?.vmOn,
        attempts: attempts.at(-1)?.number ?? 0,
        durationMs: measured.duration,
        downtimeMs: measured.downtime,
        downtime,
        transferred: measured.traffic,
        iterations: job?.iterations ?? of('iteration').at(-1)?.iteration,
        phases: attempts.flatMap(phasesOf),
        settings: of('setting-applied').map(({ setting, on, asked, got, agrees }) => ({ setting, on, asked, got, agrees })),
        rungs: of('rung-fired').map(({ action, because }) => ({ action, because })),
        carried: of('arrived').at(-1)?.carried ?? [],
        reasons: move.because,
        promises:
            end?.outcome === 'moved' ? judgePromises(instance?.requires ?? [], measured) : judgePromises(instance?.requires ?? [], {}),
        error: end?.error,
    };
}

/** All the time that the guest stood still between a stop and the next resume, wherever. Undefined: a stop or its end was not seen. */
function stopToResume(events: readonly MoveEvent[]): Milliseconds | undefined {
    let total: number | undefined;
    let since: number | undefined;
    for (const event of [...events].sort((a, b) => a.at - b.at)) {
        if (event.type === 'guest-stopped') since ??= event.at;
        if (event.type === 'guest-resumed' && since !== undefined) {
            total = (total ?? 0) + event.at - since;
            since = undefined;
        }
    }
    return total === undefined || since !== undefined ? undefined : milliseconds(total);
}

interface Attempt {
    /** One-based. */
    number: number;
    started: boolean;
    readonly events: MoveEvent[];
}

/** An attempt begins with `move-started`, or with its first phase where the move was made ready before its turn; being queued again ends it. */
function attemptsOf(events: readonly MoveEvent[]): readonly Attempt[] {
    const attempts: Attempt[] = [];
    let current: Attempt | undefined;
    for (const event of events) {
        const start = event.type === 'move-started' ? event : undefined;
        if (event.type === 'move-queued' || (start && current?.started)) current = undefined;
        if (!current && (start !== undefined || event.type === 'phase-entered')) {
            current = { number: (attempts.at(-1)?.number ?? 0) + 1, started: false, events: [] };
            attempts.push(current);
        }
        if (current && start) {
            current.number = start.attempt;
            current.started = true;
        }
        current?.events.push(event);
    }
    return attempts;
}

/** Each attempt's own count begins anew: the last figure of every attempt is added up. */
function transferredIn(attempts: readonly Attempt[]): Bytes | undefined {
    const known = attempts.flatMap(({ events }) => {
        const last = events.findLast((e) => e.type === 'progress' || e.type === 'job-completed');
        return last ? [last.transferred] : [];
    });
    return known.length === 0 ? undefined : bytes(known.reduce((sum, n) => sum + n, 0));
}

function phasesOf({ number, events }: Attempt): MoveReport['phases'] {
    return events.flatMap((e) => (e.type === 'phase-ended' ? [{ attempt: number, phase: e.phase, tookMs: e.tookMs, error: e.error }] : []));
}

function totalsOf(moves: readonly MoveReport[]): ReportTotals {
    const promises = moves.flatMap((m) => m.promises);
    const count = (verdict: PromiseReport['verdict']): number => promises.filter((p) => p.verdict === verdict).length;
    const downtimes = moves.flatMap((m) => m.downtimeMs ?? []);
    return {
        moves: moves.length,
        moved: moves.filter((m) => m.outcome === 'moved').length,
        memory: bytes(moves.reduce((sum, m) => sum + m.memory, 0)),
        transferred: bytes(moves.reduce((sum, m) => sum + (m.transferred ?? 0), 0)),
        longestDowntimeMs: downtimes.length === 0 ? undefined : milliseconds(Math.max(...downtimes)),
        promises: { held: count('held'), broken: count('broken'), unknown: count('unknown') },
    };
}
