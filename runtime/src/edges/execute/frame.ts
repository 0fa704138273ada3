import { milliseconds } from '@mig/language';
import type { MigrationEvent, Plan } from '../../core/index.js';
import { defaultBounds } from './bounds.js';
import { Channel } from './channel.js';
import { messageOf, note, type RunContext } from './context.js';
import { Control } from './control.js';
import { HostWatch } from './host-watch.js';
import type { Emit, ExecutePorts, RunSignals } from './ports.js';
import { ShareOut } from './share-out.js';

/** How long a silent host is asked before a move is left on hold. */
export const defaultPatience = milliseconds(60_000);

/** Events of some work in the frame of a run: control, journal and the end of both. */
export async function* running(
    ports: ExecutePorts,
    plan: Plan,
    signals: RunSignals,
    work: (context: RunContext) => Promise<'complete' | 'incomplete' | 'stopped'>,
): AsyncGenerator<MigrationEvent, void, undefined> {
    const { journal, clock, run } = ports;
    const channel = new Channel<MigrationEvent>();
    const emit: Emit = (untimed) => {
        // Untimed is each event without its time: with one it is an event again.
        const event = { at: clock.now(), ...untimed };
        journal.note(run, event);
        channel.push(event);
    };
    const control = new Control();
    control.follow(signals);
    const context: RunContext = {
        ports: { ...ports, hypervisors: new HostWatch(ports.hypervisors, emit) },
        clock,
        emit,
        control,
        bandwidth: new ShareOut(plan, ports, emit),
        bounds: { ...defaultBounds, ...ports.bounds },
        patience: ports.patience ?? defaultPatience,
    };
    const over = new AbortController();
    const watching = control.watch(journal, run, clock, over.signal, complainOnce(context));
    const told = (): void => {
        if (control.reason) emit({ type: 'run-stopping', ...control.reason });
    };
    if (control.stop.aborted) queueMicrotask(told);
    else control.stop.addEventListener('abort', told, { once: true });
    const working = work(context)
        .then((outcome) => {
            emit({ type: 'run-ended', outcome });
            journal.endRun(run, outcome, clock.now());
        })
        .finally(async () => {
            over.abort();
            await watching;
            channel.close();
        });
    working.catch(() => undefined); // awaited below; a reader that waits for an event must not make it unhandled
    try {
        yield* channel;
    } finally {
        control.cancelAll({ why: 'interrupted', detail: 'nobody follows the run any more' });
        await working;
    }
}

function complainOnce(context: RunContext): (error: unknown) => void {
    let told = false;
    return (error) => {
        if (!told) note(context, 'alarm', undefined, messageOf(error));
        told = true;
    };
}
