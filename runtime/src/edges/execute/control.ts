import { milliseconds } from '@mig/language';
import type { Journal } from '../journal/journal.js';
import type { Clock } from './clock.js';
import type { RunSignals } from './ports.js';

/** How often the journal is looked at for requests, and the events that wait are written down. */
const lookEveryMs = milliseconds(300);

export interface StopReason {
    readonly why: 'interrupted' | 'aborted' | 'plan-halted';
    readonly detail: string;
}

/** Everything that may stop a run: signals of this process, requests in the journal, and a failure that halts the plan. */
export class Control {
    readonly #stop = new AbortController();
    readonly #cancel = new AbortController();
    #reason: StopReason | undefined;

    /** Nothing more is started. */
    get stop(): AbortSignal {
        return this.#stop.signal;
    }
    /** What is still safe to stop is stopped. */
    get cancel(): AbortSignal {
        return this.#cancel.signal;
    }
    get reason(): StopReason | undefined {
        return this.#reason;
    }

    halt(reason: StopReason): void {
        this.#reason ??= reason;
        this.#stop.abort();
    }

    /** Its reason is the one that cancelled moves tell: that no more was to be started is not why they were stopped. */
    cancelAll(reason: StopReason): void {
        if (!this.#cancel.signal.aborted) this.#reason = reason;
        this.#stop.abort();
        this.#cancel.abort();
    }

    /** For one move: stopped and cancelled with this one, and by itself where only that move is to end. */
    forOne(): Control {
        const one = new Control();
        const follow = (signal: AbortSignal, act: () => void): void => {
            if (signal.aborted) act();
            else signal.addEventListener('abort', act, { once: true, signal: one.cancel });
        };
        const reason = (): StopReason => this.#reason ?? { why: 'interrupted', detail: 'the run was stopped' };
        follow(this.stop, () => one.halt(reason()));
        follow(this.cancel, () => one.cancelAll(reason()));
        return one;
    }

    /** Follows the signals of the process. */
    follow(signals: RunSignals): void {
        const whenAborted = (signal: AbortSignal | undefined, act: () => void): void => {
            if (signal?.aborted) act();
            else signal?.addEventListener('abort', act, { once: true });
        };
        whenAborted(signals.stop, () =>
            this.halt({ why: 'interrupted', detail: 'interrupted: nothing more is started, moves under way end' }),
        );
        whenAborted(signals.cancel, () =>
            this.cancelAll({ why: 'interrupted', detail: 'interrupted twice, so what could still be stopped safely was' }),
        );
    }

    /** Watches the journal for requests until the signal is aborted. A journal that cannot be read asks for nothing. */
    async watch(journal: Journal, run: string, clock: Clock, until: AbortSignal, complain: (error: unknown) => void): Promise<void> {
        let seen = 0;
        while (!until.aborted) {
            try {
                await clock.sleep(lookEveryMs, until);
            } catch {
                return; // the run is over
            }
            try {
                journal.flush();
                for (const request of journal.requests(run, seen)) {
                    seen = request.seq;
                    const detail = `${request.by} asked to ${request.ask === 'cancel' ? 'cancel' : 'stop'} the run`;
                    if (request.ask === 'cancel') this.cancelAll({ why: 'aborted', detail });
                    else this.halt({ why: 'aborted', detail });
                }
            } catch (error) {
                complain(error);
            }
        }
    }
}
