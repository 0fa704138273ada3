import type { Writable } from 'node:stream';
import { noColour, nothingYet, progressLines, progressOf, type MigrationEvent, type Palette, type RunView } from '../../core/index.js';
import type { ProgressDisplay } from './display.js';
import { importantText, oneLine } from './lines.js';
import { Sink } from './sink.js';

export interface PipeOptions {
    readonly palette?: Palette;
}

/** Between two lines on how far the run is, while nothing else happens. */
const quietMs = 10_000;

/** What matters of a run as plain lines, each with the time since the start: for logs and pipes. */
export class PipeProgress implements ProgressDisplay {
    readonly #sink: Sink;
    readonly #palette: Palette;
    #view: RunView = nothingYet;
    #saidAt = 0;

    constructor(stream: Writable, { palette = noColour }: PipeOptions = {}) {
        this.#sink = new Sink(stream);
        this.#palette = palette;
    }

    show(event: MigrationEvent): void {
        this.#view = progressOf(this.#view, event);
        const text = importantText(event, this.#view, this.#palette) ?? (event.at - this.#saidAt >= quietMs ? this.#howFar() : undefined);
        if (text === undefined) return;
        this.#saidAt = event.at;
        const since = event.at - (this.#view.startedAt ?? event.at);
        this.#sink.write(`${this.#palette(`${(since / 1000).toFixed(1).padStart(7)} s`, 'faint')}  ${oneLine(text)}\n`);
    }

    [Symbol.dispose](): void {
        // nothing is held: lines stand where they were written
    }

    #howFar(): string | undefined {
        return progressLines(this.#view, { width: 200, height: 1 })[0];
    }
}
