import type { Writable } from 'node:stream';
import { epochMs, type EpochMs } from '@mig/language';
import { ansiColours, nothingYet, progressLines, progressOf, type MigrationEvent, type Palette, type RunView } from '../../core/index.js';
import type { ProgressDisplay } from './display.js';
import { Frame } from './frame.js';
import { importantText } from './lines.js';
import { Sink } from './sink.js';

/** A stream that is a terminal: process.stdout and process.stderr are. */
export interface TerminalStream extends Writable {
    readonly columns?: number;
    readonly rows?: number;
}

export interface TerminalOptions {
    readonly palette?: Palette;
    /** The time that clocks show between events: the machine's own, unless said. A simulation has no time but that of its events. */
    readonly now?: () => EpochMs;
}

/** Redrawn no more often than an eye can follow. */
const redrawEveryMs = 100;
/** Clocks tick while no event comes. */
const tickEveryMs = 500;

/**
 * The run as a table that is redrawn in place. What a person must not miss (warnings, failures, alarms) is written above
 * it once and stays. Disposed of, the last table stays too, and the cursor is back; it also comes back if the process ends.
 */
export class TerminalProgress implements ProgressDisplay {
    readonly #stream: TerminalStream;
    readonly #sink: Sink;
    readonly #frame: Frame;
    readonly #palette: Palette;
    readonly #clock: () => EpochMs;
    readonly #ticking: NodeJS.Timeout;
    readonly #onResize = (): void => this.#draw();
    readonly #onExit = (): void => this.#sink.write(showCursor);
    #view: RunView = nothingYet;
    #pending: NodeJS.Timeout | undefined;
    #ended = false;

    constructor(stream: TerminalStream, { palette = ansiColours, now = () => epochMs(Date.now()) }: TerminalOptions = {}) {
        this.#stream = stream;
        this.#sink = new Sink(stream);
        this.#frame = new Frame((text) => this.#sink.write(text));
        this.#palette = palette;
        this.#clock = now;
        stream.on('resize', this.#onResize);
        process.once('exit', this.#onExit);
        this.#sink.write(hideCursor);
        this.#ticking = setInterval(() => this.#draw(), tickEveryMs);
        this.#ticking.unref();
    }

    show(event: MigrationEvent): void {
        this.#view = progressOf(this.#view, event);
        const text = staysInSight(event) ? importantText(event, this.#view, this.#palette) : undefined;
        if (text !== undefined) this.#frame.above(text, this.#columns);
        this.#pending ??= setTimeout(() => this.#draw(), redrawEveryMs);
    }

    [Symbol.dispose](): void {
        if (this.#ended) return;
        this.#ended = true;
        clearInterval(this.#ticking);
        clearTimeout(this.#pending);
        this.#stream.off('resize', this.#onResize);
        process.off('exit', this.#onExit);
        this.#redraw();
        this.#sink.write(showCursor);
    }

    /** A terminal that does not keep up gets the newest state when it does, not every one in between. */
    #draw(): void {
        this.#pending = undefined;
        if (!this.#ended && !this.#sink.isBehind) this.#redraw();
    }

    #redraw(): void {
        const rows = Math.max(2, this.#stream.rows ?? 24);
        const over = this.#view.outcome !== undefined;
        const now = over || this.#view.simulated ? this.#view.now : this.#clock();
        const lines = progressLines(this.#view, {
            width: this.#columns,
            height: rows - 1,
            palette: this.#palette,
            now,
            notes: false,
        });
        this.#frame.draw(lines, this.#columns);
    }

    get #columns(): number {
        return Math.max(20, this.#stream.columns ?? 80);
    }
}

const hideCursor = '\u001b[?25l';
const showCursor = '\u001b[?25h';

/** What starts and what ends well is seen in the table anyway. */
function staysInSight(event: MigrationEvent): boolean {
    if (event.type === 'move-ended') return event.outcome !== 'moved';
    return event.type !== 'run-started' && event.type !== 'run-ended' && event.type !== 'move-started';
}
