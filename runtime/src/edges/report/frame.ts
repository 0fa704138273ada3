import { widthOf } from '../../core/show/text.js';

/** Some lines at the bottom of a terminal that are drawn again in place. */
export class Frame {
    readonly #write: (text: string) => void;
    #lines: readonly string[] = [];
    #drawn = '';

    constructor(write: (text: string) => void) {
        this.#write = write;
    }

    /** Replaces the frame; writes nothing when nothing has changed. */
    draw(lines: readonly string[], columns: number): void {
        const text = lines.map((line) => `${line}\n`).join('');
        const key = `${columns}\n${text}`;
        if (key === this.#drawn) return;
        this.#write(this.#erase(columns) + text);
        this.#lines = lines;
        this.#drawn = key;
    }

    /** A line that stays, above the frame. */
    above(line: string, columns: number): void {
        const below = this.#lines.map((each) => `${each}\n`).join('');
        this.#write(`${this.#erase(columns)}${line.replaceAll(/\s*[\r\n]+\s*/g, ' ')}\n${below}`);
    }

    /** Up to the first line and clear from there. A terminal that became narrower has broken long lines into several rows. */
    #erase(columns: number): string {
        const rows = this.#lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / columns)), 0);
        return rows === 0 ? '' : `\u001b[${rows}A\u001b[0J`;
    }
}
