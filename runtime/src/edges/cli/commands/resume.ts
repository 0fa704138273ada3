import { MigrationError } from '../../../core/index.js';
import { systemClock } from '../../execute/clock.js';
import { resume } from '../../execute/resume.js';
import { openJournal } from '../../journal/journal.js';
import { status } from '../../journal/status.js';
import { controller, endAs } from '../carry-out.js';
import { type Console, Exit } from '../console.js';
import { readInventory } from '../load.js';
import { sessionsWith } from '../pipeline.js';
import { showEvents, showFindings } from '../show.js';
import { RunInterrupts } from '../signals.js';

/** Brings what an interrupted run left to a safe end. */
export async function resumeRun(
    run: string | undefined,
    options: { readonly inventory: string; readonly json?: boolean },
    console: Console,
): Promise<void> {
    const read = await readInventory(options.inventory);
    showFindings(read, console, options);
    if (read.inventory === undefined) throw new Exit('invalid');
    using journal = openJournal();
    const wanted = run ?? status(journal).find((one) => one.state !== 'ended' || one.moves.some((move) => move.outcome === 'held'))?.id;
    if (wanted === undefined) {
        throw new MigrationError('run-unknown', 'no run is unfinished', { hint: '`mig-run status` shows the last ones' });
    }
    await using sessions = sessionsWith(read.inventory);
    using interrupts = new RunInterrupts(console);
    const ports = { inventory: read.inventory, hypervisors: sessions, journal, clock: systemClock, run: wanted, controller: controller() };
    const events = await showEvents(resume(ports, interrupts.signals), options, console);
    endAs(events, interrupts.interrupted, options, console);
}
