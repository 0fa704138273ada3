import type { Writable } from 'node:stream';
import type { MigrationEvent } from '../../core/index.js';
import type { ProgressDisplay } from './display.js';
import { Sink } from './sink.js';

/** Every event as one line of JSON, for programs. */
export class JsonProgress implements ProgressDisplay {
    readonly #sink: Sink;

    constructor(stream: Writable) {
        this.#sink = new Sink(stream);
    }

    show(event: MigrationEvent): void {
        this.#sink.write(`${JSON.stringify(event)}\n`);
    }

    [Symbol.dispose](): void {
        // nothing is held: lines stand where they were written
    }
}
