/** What a run did, from its events alone: a report of a simulation is the same thing as one of a run. */
import { bytes, mebibyte, milliseconds, type Bytes, type EpochMs, type Milliseconds } from '@mig/language';
import type { Blackout, MigrationEvent, MoveEvent, MoveFailure, MoveId } from '../model/events.js';
import type { HostName } from '../model/inventory.js';
import type { MovePhase, Plan, PlannedCheck, PlannedMove, PlannedTechnique, Reason } from '../model/plan.js';
import type { SettingValue } from '../model/settings.js';
import { type Brownout, brownoutOf } from './brownout.js';
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
    /** How long it did not answer on the network. Undefined: the policy promises nothing of it, or the move was not made. */
    readonly blackout: (Blackout & { readonly from: string | undefined }) | undefined;
    /** How long the guest ran slowed. */
    readonly brownout: Brownout;
    /** CPU seconds of the hypervisor's process, beside those of the guest, for each GiB that was sent; undefined where a host does not count them. */
    readonly cpuSecondsPerGib: { readonly source: number | undefined; readonly destination: number | undefined };
    readonly hooks: readonly HookReport[];
    readonly checks: readonly CheckReport[];
    readonly carried: readonly string[];
    readonly reasons: readonly Reason[];
    readonly promises: readonly PromiseReport[];
    readonly error: MoveFailure | undefined;
}

/** What was run before or after a move. */
export interface HookReport {
    readonly when: 'before' | 'after';
    readonly command: readonly string[];
    /** Undefined: the machine of mig-run. */
    readonly on: string | undefined;
    readonly outcome: 'ok' | 'failed';
    readonly detail: string | undefined;
    readonly output: string | undefined;
    readonly tookMs: Milliseconds;
}

/** What was asked of a VM that has arrived. `not-run`: it has not arrived, or hosts were simulated. */
export interface CheckReport extends PlannedCheck {
    readonly outcome: 'ok' | 'failed' | 'not-run';
    readonly detail: string | undefined;
    readonly tookMs: Milliseconds | undefined;
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

export interface SettingReport {
    readonly setting: string;
    readonly on: HostName;
    readonly asked: SettingValue;
    readonly got: SettingValue | undefined;
    readonly agrees: boolean;
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

/** After a switch to post-copy hypervisors tell a part of it only: the guest waits for the destination's word as well. */
function downtimeOf({ reported, stopToResume }: MoveReport['downtime'], switched: boolean): Milliseconds | undefined {
    if (switched && stopToResume !== undefined) return stopToResume;
    return reported !== undefined && reported > 0 ? reported : stopToResume;
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
    const brownout = brownoutOf(events, move.technique);
    const blackout = of('blackout').at(-1);
    const measured = {
        duration: started && last && last.at >= started.at ? milliseconds(last.at - started.at) : undefined,
        downtime: downtimeOf(downtime, of('postcopy-started').length > 0),
        traffic: transferredIn(attempts),
        brownout: brownout.totalMs,
        blackout: blackout?.blackoutMs,
    };
    return {
        id: move.id,
        vm: move.vm.name,
        uuid: move.vm.uuid,
        policy: instance?.policy,
        technique: { kind: move.technique.kind, name: move.technique.name },
        source: move.source,
        destination: of('move-redirected').at(-1)?.destination ?? move.destination,
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
        blackout: blackout && blackoutOf(blackout),
        brownout,
        cpuSecondsPerGib: {
            source: perGib(of('effort'), 'source', job?.transferred),
            destination: perGib(of('effort'), 'destination', job?.transferred),
        },
        hooks: of('hook-ended').map(({ hook: { when, command, on }, outcome, detail, output, tookMs }) => ({
            when,
            command,
            on,
            outcome,
            detail,
            output,
            tookMs,
        })),
        checks: checksOf(move, of('verified')),
        carried: of('arrived').at(-1)?.carried ?? [],
        reasons: move.because,
        promises:
            end?.outcome === 'moved' ? judgePromises(instance?.requires ?? [], measured) : judgePromises(instance?.requires ?? [], {}),
        error: end?.error,
    };
}

function blackoutOf({ blackoutMs, goesOn, modelled, detail, from }: Extract<MoveEvent, { type: 'blackout' }>): MoveReport['blackout'] {
    return { blackoutMs, ...(goesOn && { goesOn }), ...(modelled && { modelled }), detail, from };
}

/** In the order of the plan; those that no event tells of were not run. */
function checksOf(move: PlannedMove, told: readonly Extract<MoveEvent, { type: 'verified' }>[]): readonly CheckReport[] {
    return (move.checks ?? []).map((check) => {
        const last = told.findLast((event) => JSON.stringify(event.check) === JSON.stringify(check));
        return { ...check, outcome: last?.outcome ?? 'not-run', detail: last?.detail, tookMs: last?.tookMs };
    });
}

/** Of the last attempt: what it used for what it sent. */
function perGib(
    efforts: readonly Extract<MoveEvent, { type: 'effort' }>[],
    side: 'source' | 'destination',
    sent: Bytes | undefined,
): number | undefined {
    const cpuMs = efforts.findLast((event) => event.side === side)?.cpuMs;
    return cpuMs === undefined || sent === undefined || sent <= 0 ? undefined : cpuMs / 1000 / (sent / gibibyte);
}

const gibibyte = 1024 * mebibyte;

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
