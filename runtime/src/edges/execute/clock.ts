import { epochMs, milliseconds, type EpochMs, type Milliseconds } from '@mig/language';

/** Time as the executor and the simulated hosts see it: passed in, so that a run can be played faster than it happens. */
export interface Clock {
    now(): EpochMs;
    /** Rejects with the signal's reason when it is aborted. */
    sleep(duration: Milliseconds, signal?: AbortSignal): Promise<void>;
}

/** The time of this machine. */
export const systemClock: Clock = scaledClock(1);

/** Runs `factor` times as fast as the machine's, from its present time on. */
export function scaledClock(factor: number): Clock {
    const start = Date.now();
    return {
        now: () => epochMs(start + (Date.now() - start) * factor),
        sleep: (duration, signal) =>
            waiting(signal, (done) => {
                const timer = setTimeout(done, Math.min(duration / factor, longestTimerMs));
                return () => clearTimeout(timer);
            }),
    };
}

/** setTimeout takes no more; whoever sleeps longer than 24 days is woken and asks the clock. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * A clock that jumps to the next sleeper as soon as nobody has anything else to do: hours of a run in milliseconds, and
 * the same order of events every time. Only for parties that wait for nothing but this clock and each other.
 */
export class VirtualClock implements Clock {
    #now: EpochMs;
    #order = 0;
    #pumping = false;
    readonly #sleepers = new Map<number, { readonly at: number; readonly wake: () => void }>();

    constructor(start: EpochMs = epochMs(0)) {
        this.#now = start;
    }

    now(): EpochMs {
        return this.#now;
    }

    sleep(duration: Milliseconds, signal?: AbortSignal): Promise<void> {
        return waiting(signal, (wake) => {
            const id = this.#order++;
            this.#sleepers.set(id, { at: this.#now + Math.max(0, duration), wake });
            this.#pump();
            return () => this.#sleepers.delete(id);
        });
    }

    /** All promises that can settle have done so when the event loop comes round; then time jumps. */
    #pump(): void {
        if (this.#pumping) return;
        this.#pumping = true;
        setImmediate(() => {
            this.#pumping = false;
            let next: [number, { readonly at: number; readonly wake: () => void }] | undefined;
            for (const entry of this.#sleepers) if (!next || entry[1].at < next[1].at) next = entry;
            if (!next) return;
            this.#sleepers.delete(next[0]);
            this.#now = epochMs(Math.max(this.#now, next[1].at));
            next[1].wake();
            this.#pump();
        });
    }
}

/** Since an earlier time of the same clock. */
export const since = (clock: Clock, start: EpochMs): Milliseconds => milliseconds(clock.now() - start);

function waiting(signal: AbortSignal | undefined, arm: (wake: () => void) => () => unknown): Promise<void> {
    return new Promise((resolve, reject) => {
        if (signal?.aborted) {
            reject(asError(signal.reason));
            return;
        }
        const disarm = arm(() => {
            signal?.removeEventListener('abort', abort);
            resolve();
        });
        const abort = (): void => {
            disarm();
            reject(asError(signal?.reason));
        };
        signal?.addEventListener('abort', abort, { once: true });
    });
}

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)));
