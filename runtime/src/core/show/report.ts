/** What a run did, from its events alone: a report of a simulation is the same thing as one of a run. */
import { bytes, milliseconds, type Bytes, type EpochMs, type Milliseconds } from '@mig/language';
import type { MigrationEvent, MoveEvent, MoveFailure, MoveId } from '../model/events.js';
import type { HostName } from '../model/inventory.js';
import type { Plan, Reason } from '../model/plan.js';
import { moveReport, type MoveReport } from './move-report.js';
import type { PromiseReport } from './promises.js';

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
    /** By the counters of the hosts' own links, whatever they carried meanwhile; a link that could not be read is not here. */
    readonly links: readonly LinkReport[];
    /** VMs that the plan had no place for. */
    readonly unplaced: readonly { readonly vm: string; readonly source: HostName }[];
    /** VMs that could not move and were to be shut down, in the order of the plan. */
    readonly shutdowns: readonly ShutdownReport[];
    /** Warnings and alarms of the run. */
    readonly notes: readonly {
        readonly at: EpochMs;
        readonly level: 'warning' | 'alarm';
        readonly move: MoveId | undefined;
        readonly text: string;
    }[];
    /** Every move of the plan ended at its destination, what was to be shut down is off, every promise was measured and held, and no check or hook failed. */
    readonly allHeld: boolean;
}

/** `unfinished`: the events end before it did. */
export interface ShutdownReport {
    readonly vm: string;
    readonly host: HostName;
    readonly outcome: 'off' | 'failed' | 'skipped' | 'unfinished';
    readonly tookMs: Milliseconds | undefined;
    readonly reasons: readonly Reason[];
    readonly error: MoveFailure | undefined;
}

/** What went over a link between the first move over it and the end of the run. */
export interface LinkReport {
    readonly host: HostName;
    readonly network: string;
    /** As the host's interface counted, headers of every layer included. */
    readonly sent: Bytes;
    readonly received: Bytes;
    /** Of these, what moves out of this host and into it sent, as the hypervisors say. */
    readonly movedOut: Bytes;
    readonly movedIn: Bytes;
    readonly overMs: Milliseconds;
}

export interface ReportTotals {
    readonly moves: number;
    readonly moved: number;
    readonly memory: Bytes;
    readonly transferred: Bytes;
    readonly longestDowntimeMs: Milliseconds | undefined;
    /** Of those that were seen; undefined where none was. */
    readonly longestBlackoutMs: Milliseconds | undefined;
    readonly promises: { readonly held: number; readonly broken: number; readonly unknown: number };
    readonly checks: { readonly ok: number; readonly failed: number; readonly notRun: number };
    readonly hooks: { readonly ok: number; readonly failed: number };
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
    const shutdowns = shutdownsOf(plan, events);
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
        links: linksOf(events, moves),
        unplaced: plan?.unplaced.map(({ vm, source }) => ({ vm, source })) ?? [],
        shutdowns,
        notes: events.flatMap((e) =>
            e.type === 'note' && e.level !== 'info' ? [{ at: e.at, level: e.level, move: e.move, text: e.text }] : [],
        ),
        allHeld:
            moves.every((m) => m.outcome === 'moved') &&
            shutdowns.every((one) => one.outcome === 'off') &&
            totals.promises.broken + totals.promises.unknown + totals.checks.failed === 0 &&
            moves.every((m) => m.hooks.every((hook) => hook.when === 'before' || hook.outcome === 'ok')),
    };
}

function shutdownsOf(plan: Plan | undefined, events: readonly MigrationEvent[]): readonly ShutdownReport[] {
    return (plan?.shutdowns ?? []).map(({ vm: { name: vm }, host, because: reasons }) => {
        const end = events.findLast((e) => e.type === 'shutdown-ended' && e.vm === vm && e.host === host);
        if (end?.type !== 'shutdown-ended') return { vm, host, outcome: 'unfinished', tookMs: undefined, reasons, error: undefined };
        return { vm, host, outcome: end.outcome, tookMs: end.tookMs, reasons, error: end.error };
    });
}

function linksOf(events: readonly MigrationEvent[], moves: readonly MoveReport[]): readonly LinkReport[] {
    const carried = (end: 'source' | 'destination', host: HostName): Bytes =>
        bytes(moves.reduce((sum, move) => sum + (move[end] === host ? (move.transferred ?? 0) : 0), 0));
    return events.flatMap((event) => {
        if (event.type !== 'link-counted') return [];
        const { host, network, sent, received, since, at } = event;
        const moved = { movedOut: carried('source', host), movedIn: carried('destination', host) };
        return [{ host, network, sent, received, ...moved, overMs: milliseconds(at - since) }];
    });
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

function totalsOf(moves: readonly MoveReport[]): ReportTotals {
    const promises = moves.flatMap((m) => m.promises);
    const count = (verdict: PromiseReport['verdict']): number => promises.filter((p) => p.verdict === verdict).length;
    const blackouts = moves.flatMap((m) => m.blackout?.blackoutMs ?? []);
    const downtimes = moves.flatMap((m) => m.downtimeMs ?? []);
    const [checks, hooks] = [moves.flatMap((m) => m.checks), moves.flatMap((m) => m.hooks)];
    return {
        moves: moves.length,
        moved: moves.filter((m) => m.outcome === 'moved').length,
        memory: bytes(moves.reduce((sum, m) => sum + m.memory, 0)),
        transferred: bytes(moves.reduce((sum, m) => sum + (m.transferred ?? 0), 0)),
        longestDowntimeMs: downtimes.length === 0 ? undefined : milliseconds(Math.max(...downtimes)),
        longestBlackoutMs: blackouts.length === 0 ? undefined : milliseconds(Math.max(...blackouts)),
        promises: { held: count('held'), broken: count('broken'), unknown: count('unknown') },
        checks: { ok: countOf(checks, 'ok'), failed: countOf(checks, 'failed'), notRun: countOf(checks, 'not-run') },
        hooks: { ok: countOf(hooks, 'ok'), failed: countOf(hooks, 'failed') },
    };
}

const countOf = <T extends string>(all: readonly { readonly outcome: T }[], outcome: T): number =>
    all.filter((one) => one.outcome === outcome).length;
