import type { Writable } from 'node:stream';

/**
 * Where progress is written. A run must not fail, stop or slow down because nobody reads it any more: once the reader
 * has gone (a closed pipe, a terminal that was hung up) everything is dropped, and `lost` says why. It listens for
 * errors as long as the stream lives, since a stream reports a closed pipe only after the write that met it.
 */
export class Sink {
    readonly #stream: Writable;
    #lost: Error | undefined;

    constructor(stream: Writable) {
        this.#stream = stream;
        stream.on('error', (error) => (this.#lost ??= error));
    }

    /** Why nothing is written any more; undefined while somebody reads. */
    get lost(): Error | undefined {
        return this.#lost;
    }

    /** The reader does not keep up: what can be left out should be. */
    get isBehind(): boolean {
        return this.#stream.writableNeedDrain;
    }

    write(text: string): void {
        if (this.#lost !== undefined || text === '') return;
        if (this.#stream.destroyed || this.#stream.writableEnded) {
            this.#lost = new Error('the output was closed');
            return;
        }
        this.#stream.write(text);
    }
}
