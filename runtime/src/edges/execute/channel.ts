/** A queue between those who push and one who iterates; what is pushed before it is read waits. */
export class Channel<T> implements AsyncIterable<T> {
    readonly #waiting: T[] = [];
    #closed = false;
    #wake: (() => void) | undefined;

    push(item: T): void {
        if (this.#closed) return;
        this.#waiting.push(item);
        this.#wake?.();
    }

    /** What was pushed is still read; then the iteration ends. */
    close(): void {
        this.#closed = true;
        this.#wake?.();
    }

    async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
        for (;;) {
            const item = this.#waiting.shift();
            if (item !== undefined) yield item;
            else if (this.#closed) return;
            else {
                await new Promise<void>((resolve) => {
                    this.#wake = resolve;
                });
                this.#wake = undefined;
            }
        }
    }
}
