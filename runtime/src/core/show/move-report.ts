/** What one move did, from its events alone. */
import { bytes, mebibyte, milliseconds, type Bytes, type Milliseconds } from '@mig/language';
import type { Blackout, MoveEvent, MoveFailure, MoveId } from '../model/events.js';
import type { HostName } from '../model/inventory.js';
import type { MovePhase, Plan, PlannedCheck, PlannedMove, PlannedTechnique, Reason } from '../model/plan.js';
import type { SettingValue } from '../model/settings.js';
import { type Brownout, brownoutOf } from './brownout.js';
import { judgePromises, type PromiseReport } from './promises.js';

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

export interface SettingReport {
    readonly setting: string;
    readonly on: HostName;
    readonly asked: SettingValue;
    readonly got: SettingValue | undefined;
    readonly agrees: boolean;
}

/** What became of one move, from its own events. */
export function moveReport(move: PlannedMove, plan: Plan | undefined, events: readonly MoveEvent[]): MoveReport {
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

/** After a switch to post-copy hypervisors tell a part of it only: the guest waits for the destination's word as well. */
function downtimeOf({ reported, stopToResume }: MoveReport['downtime'], switched: boolean): Milliseconds | undefined {
    if (switched && stopToResume !== undefined) return stopToResume;
    return reported !== undefined && reported > 0 ? reported : stopToResume;
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
