import os from 'node:os';
import { epochMs } from '@mig/language';
import { type Inventory, type MigrationEvent, type Plan, reportOf, type Snapshot } from '../../core/index.js';
import { systemClock } from '../execute/clock.js';
import { execute } from '../execute/execute.js';
import { placesOf } from '../execute/places.js';
import { type ExecutePorts, newRunId } from '../execute/ports.js';
import type { HostSessions } from '../hypervisor/sessions.js';
import { openJournal } from '../journal/journal.js';
import { type Console, Exit } from './console.js';
import { showEvents, showReport } from './show.js';
import { RunInterrupts } from './signals.js';

/** Finished runs that the journal keeps. */
const keepRuns = 200;
const keepMs = 90 * 86_400_000;

export interface CarryOutOptions {
    readonly json?: boolean;
    /** File or HOST:PORT for Prometheus. */
    readonly metrics?: string;
    /** The run is in the journal, and nothing has been done yet. */
    readonly accepted?: () => void;
}

/** Carries a plan out, shows it as it goes, and ends as the report says. */
export async function carryOut(
    plan: Plan,
    inventory: Inventory,
    snapshot: Snapshot,
    sessions: HostSessions,
    options: CarryOutOptions,
    console: Console,
): Promise<void> {
    using journal = openJournal();
    const now = systemClock.now();
    journal.prune({ keep: keepRuns, before: epochMs(now - keepMs) });
    // Simulated hosts have nobody to ask, and no command is run for what does not happen.
    const played = plan.moves.some((m) =>
        inventory.hosts.some((h) => h.driver === 'simulated' && (h.name === m.source || h.name === m.destination)),
    );
    await using places = played ? undefined : placesOf(inventory);
    const ports: ExecutePorts = {
        inventory,
        hypervisors: sessions,
        journal,
        clock: systemClock,
        run: newRunId(now),
        controller: controller(),
        ...(places && { places }),
        clockOffsets: Object.fromEntries(snapshot.hosts.flatMap((h) => (h.clockOffset === undefined ? [] : [[h.name, h.clockOffset.ms]]))),
    };
    using interrupts = new RunInterrupts(console);
    const happening = atFirst(execute(plan, ports, interrupts.signals), options.accepted);
    const told =
        options.metrics === undefined
            ? happening
            : (await import('../metrics/follow.js')).withMetrics(
                  options.metrics,
                  happening,
                  () => systemClock.now(),
                  (message) => console.err(`warning: ${message}`),
              );
    const events = await showEvents(told, options, console);
    endAs(events, interrupts.interrupted, options, console);
}

async function* atFirst<T>(events: AsyncIterable<T>, act: (() => void) | undefined): AsyncGenerator<T> {
    let due = act;
    for await (const event of events) {
        due?.();
        due = undefined;
        yield event;
    }
}

export const controller = (): string => `${os.userInfo().username}@${os.hostname()}`;

/** Shows the report and ends the command as it says. */
export function endAs(
    events: readonly MigrationEvent[],
    interrupted: boolean,
    options: { readonly json?: boolean },
    console: Console,
): void {
    const report = reportOf(events);
    showReport(report, options, console);
    if (report.moves.some((move) => move.outcome === 'held')) throw new Exit('held');
    if (interrupted) throw new Exit('interrupted');
    if (!report.allHeld) throw new Exit('broken');
}
