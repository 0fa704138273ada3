/** A stream of events that one reader follows; what comes before it reads is kept. Ends when closed. */
export class EventQueue<T> implements AsyncIterable<T> {
    readonly #waiting: T[] = [];
    #wake: (() => void) | undefined;
    #closed = false;

    push(event: T): void {
        if (this.#closed) return;
        this.#waiting.push(event);
        this.#wake?.();
    }

    close(): void {
        this.#closed = true;
        this.#wake?.();
    }

    async *[Symbol.asyncIterator](): AsyncGenerator<T> {
        for (;;) {
            const event = this.#waiting.shift();
            if (event !== undefined) yield event;
            else if (this.#closed) return;
            else await new Promise<void>((resolve) => (this.#wake = resolve));
        }
    }
}
