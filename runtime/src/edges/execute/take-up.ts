/** A post-copy that broke is taken up again: what its destination lacks is sent by a new migration, under the caps of the run. */
import { milliseconds } from '@mig/language';
import type { PlannedMove } from '../../core/index.js';
import type { Departure } from '../hypervisor/port.js';
import { recoverPostcopy } from '../hypervisor/recover-postcopy.js';
import { within } from './bounds.js';
import { messageOf, note, type RunContext } from './context.js';
import { parametersOf } from './parameters.js';
import { sessionWith } from './ports.js';

/** A destination that has not heard of its source by then does not reach it. */
const recoversWithin = milliseconds(20_000);
const lookEvery = milliseconds(1_000);

/**
 * Returns once the source has sent everything and what was left of the VM there is removed. That it begins is on disk
 * before, behind the events that say why. Nothing is cancelled where it fails: it may be tried again.
 * Errors: as of the phases; `feature-missing` where a host cannot do it, and nothing was touched.
 */
export async function takeUpPostcopy(step: PlannedMove, run: RunContext): Promise<void> {
    const { ports, clock, bounds } = run;
    const { source, destination, vm } = step;
    ports.journal.flush();
    ports.journal.enter(ports.run, step.id, ['take-up'], clock.now());
    const what = { call: 'the rest of its memory', host: source, vm: vm.name };
    await within(clock, bounds.perform, what, async (signal) => {
        const [from, to] = await Promise.all([sessionWith(ports, source, signal), sessionWith(ports, destination, signal)]);
        await using arrival = await to.arrival(vm.uuid, signal);
        arrival.checkResume?.();
        await using departure = await from.departure(vm.uuid, signal);
        await capAgain(step, departure, run, signal);
        const over = new AbortController();
        const watching = watch(step, departure, run, over.signal);
        try {
            const sleep = clock.sleep.bind(clock);
            await recoverPostcopy(
                { departure, arrival, parameters: parametersOf(step), destination, within: recoversWithin, sleep },
                signal,
            );
        } finally {
            over.abort();
            await watching;
            await run.bandwidth.leave(step.id, signal);
        }
    });
}

/** Its share, as of any move that sends. Where it is not taken, the one holds that it broke with: no reason to leave the guest without its memory. */
async function capAgain(step: PlannedMove, departure: Departure, run: RunContext, signal: AbortSignal): Promise<void> {
    try {
        await run.bandwidth.join(step, departure, signal);
        await run.bandwidth.switched(step.id, signal);
    } catch (error) {
        note(run, 'warning', step.id, `${step.vm.name} goes on under the cap that it broke with: ${messageOf(error)}`);
    }
}

/** Tells how far it is. A figure that cannot be had is no news. */
async function watch(step: PlannedMove, departure: Departure, run: RunContext, over: AbortSignal): Promise<void> {
    for (;;) {
        try {
            await run.clock.sleep(lookEvery, over);
        } catch {
            return; // it has ended
        }
        const progress = await departure.progress(over).catch(() => undefined);
        if (progress === undefined) continue;
        run.emit({ type: 'progress', move: step.id, ...progress, cap: run.bandwidth.capOf(step.id) ?? progress.cap });
        await run.bandwidth.measured(step.id, progress, over).catch(() => undefined);
    }
}
