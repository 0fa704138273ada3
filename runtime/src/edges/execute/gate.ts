/** What a move that was made ready waits at until its turn comes. */
export class Gate {
    /** Settles when the move may send; rejects with what it was closed for. */
    readonly opened: Promise<void>;
    #open: () => void = () => undefined;
    #close: (why: Error) => void = () => undefined;

    constructor() {
        this.opened = new Promise<void>((resolve, reject) => {
            this.#open = resolve;
            this.#close = reject;
        });
        this.opened.catch(() => undefined); // nobody may be waiting yet
    }

    open(): void {
        this.#open();
    }

    close(why: Error): void {
        this.#close(why);
    }
}
