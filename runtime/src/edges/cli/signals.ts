import type { RunSignals } from '../execute/ports.js';
import type { Console } from './console.js';

/** Ctrl-C while a run is under way: once starts nothing more, twice cancels what is still safe to cancel. */
export class RunInterrupts implements Disposable {
    readonly #stop = new AbortController();
    readonly #cancel = new AbortController();
    readonly #console: Console;

    constructor(console: Console) {
        this.#console = console;
        process.on('SIGINT', this.#interrupt);
        process.on('SIGTERM', this.#interrupt);
        process.on('SIGHUP', this.#hangUp);
    }

    get signals(): RunSignals {
        return { stop: this.#stop.signal, cancel: this.#cancel.signal };
    }

    get interrupted(): boolean {
        return this.#stop.signal.aborted;
    }

    readonly #interrupt = (): void => {
        if (!this.#stop.signal.aborted) {
            this.#console.err('\nstopping: nothing more is started, moves under way are brought to their end (again to cancel them)');
            this.#stop.abort();
        } else if (!this.#cancel.signal.aborted) {
            this.#console.err('\ncancelling what can still be cancelled safely');
            this.#cancel.abort();
        } else {
            this.#console.err('\nevery move is being brought to a safe end; see `mig-run status` in another terminal');
        }
    };

    /** The terminal is gone: bring things to an end without it. */
    readonly #hangUp = (): void => this.#stop.abort();

    [Symbol.dispose](): void {
        process.off('SIGINT', this.#interrupt);
        process.off('SIGTERM', this.#interrupt);
        process.off('SIGHUP', this.#hangUp);
    }
}

/** Ctrl-C before anything has begun: leaves at once. */
export function interruptible(): { readonly signal: AbortSignal } & Disposable {
    const controller = new AbortController();
    const abort = () => controller.abort();
    process.on('SIGINT', abort);
    process.on('SIGTERM', abort);
    return {
        signal: controller.signal,
        [Symbol.dispose]: () => {
            process.off('SIGINT', abort);
            process.off('SIGTERM', abort);
        },
    };
}
