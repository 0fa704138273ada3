/**
 * Carries out a plan: starts what may start, lets moves run side by side, shares the wire out among them, and tells
 * everything that happens as events. What decides is in core; what is here waits and acts.
 */
import { techniqueFeature } from '@mig/language';
import { eventsVersion, executable, type MigrationEvent, type Plan, type PlannedMove } from '../../core/index.js';
import { MigrationError } from '../../core/errors.js';
import type { RunContext } from './context.js';
import { Effort } from './effort.js';
import { running } from './frame.js';
import type { ExecutePorts, RunSignals } from './ports.js';
import { Run } from './run.js';
import { shutDownAll } from './shut-down.js';
import { Wire } from './wire.js';

/**
 * Carries out a plan. The run is in the journal before any host is asked for anything; every move that is begun ends in
 * a `move-ended`, one that is sent home after it has arrived in another, and the last event is `run-ended`. Whoever stops
 * reading the events cancels what is still safe to cancel.
 *
 * @throws JournalError before anything is done on any host, where the journal cannot be written
 * @throws MigrationError `not-built` for a ladder that cannot be carried out yet, before anything is done
 */
export async function* execute(plan: Plan, ports: ExecutePorts, signals: RunSignals = {}): AsyncGenerator<MigrationEvent, void, undefined> {
    for (const move of plan.moves) refuseWhatIsNotBuilt(move);
    const { journal, clock, run: id, controller } = ports;
    journal.startRun({ id, at: clock.now(), controller, simulated: ports.simulated ?? false, plan });
    yield* running(ports, plan, signals, async (context) => {
        context.emit({ type: 'run-started', version: eventsVersion, run: id, plan, simulated: ports.simulated ?? false });
        const listening: RunContext = {
            ...context,
            emit: (event) => {
                context.emit(event);
                run.hear(event);
                effort.hear(event);
                wire.hear(event);
            },
        };
        const effort = new Effort(plan.moves, context);
        const wire = new Wire(plan.moves, context);
        const run = new Run(plan, listening);
        const outcome = await run.carryOut();
        await Promise.all([effort.settled(), wire.settled()]);
        const off = await shutDownAll(plan, context);
        return outcome === 'complete' && !off ? 'incomplete' : outcome;
    });
}

function refuseWhatIsNotBuilt(move: PlannedMove): void {
    const { kind } = move.technique;
    const feature = techniqueFeature[kind];
    if (executable.has(feature)) return;
    throw new MigrationError('not-built', `${move.vm.name} is to move by ${kind}, which is not built yet (${feature})`, {
        hint: 'use precopy',
        where: { vm: move.vm.name },
    });
}
