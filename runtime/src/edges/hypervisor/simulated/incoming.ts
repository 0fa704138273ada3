/** What a destination has been told of a guest's memory: the source reports, and finish waits. */
export class IncomingMemory {
    /** The source has stopped its guest for a switch to post-copy. */
    switched = false;
    /** All that the guest needs to run is there. */
    readonly runnable: Promise<void>;
    /** Every page is there. */
    readonly whole: Promise<void>;
    readonly #settle: { runnable: () => void; whole: () => void; fail: (error: Error) => void };

    constructor() {
        const runnable = Promise.withResolvers<undefined>();
        const whole = Promise.withResolvers<undefined>();
        this.runnable = runnable.promise;
        this.whole = whole.promise;
        // Nobody has to wait for either: a failure is told to those who do.
        for (const promise of [this.runnable, this.whole]) promise.catch(() => undefined);
        const fail = (error: Error): void => {
            runnable.reject(error);
            whole.reject(error);
        };
        this.#settle = { runnable: () => runnable.resolve(undefined), whole: () => whole.resolve(undefined), fail };
    }

    /** Called when the source sends the rest of a post-copy that broke. */
    onRecovery: () => void = () => undefined;

    hasWhatRuns(): void {
        this.#settle.runnable();
    }
    hasAll(): void {
        this.#settle.runnable();
        this.#settle.whole();
    }
    breaksOff(error: Error): void {
        this.#settle.fail(error);
    }
}
