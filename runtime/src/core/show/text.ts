/** Text that fits: widths are columns of a terminal, as wide characters and emoji take two of them. */
import stringWidth from 'fast-string-width';

/** How a part of the text is meant; a palette turns it into colour, or leaves it as it is. */
export type Meaning = 'plain' | 'strong' | 'faint' | 'good' | 'bad' | 'warning' | 'accent';

/** Adds colour to a piece of text without changing its width. */
export type Palette = (text: string, meaning: Meaning) => string;

export const noColour: Palette = (text) => text;

/** The 16 colours that every terminal has in its own theme. */
export const ansiColours: Palette = (text, meaning) => {
    const code = { plain: '', strong: '1', faint: '2', good: '32', bad: '31', warning: '33', accent: '36' }[meaning];
    return code === '' || text === '' ? text : `\u001b[${code}m${text}\u001b[0m`;
};

/** A piece of text with its meaning. */
export interface Piece {
    readonly text: string;
    readonly meaning?: Meaning;
}

export const widthOf = (text: string): number => stringWidth(text);

/** Text from hosts and files may hold anything: control characters, which could move the cursor, become spaces. */
export const clean = (text: string): string => text.replaceAll(/\p{Cc}+/gu, ' ').trim();

/** Cut to a width, with a mark where something is missing. */
export function fit(text: string, width: number): string {
    if (widthOf(text) <= width) return text;
    if (width <= 0) return '';
    let out = '';
    let used = 0;
    for (const { segment } of graphemes().segment(text)) {
        const w = widthOf(segment);
        if (used + w > width - 1) break;
        out += segment;
        used += w;
    }
    return `${out.trimEnd()}…`;
}

/** The same, cut in the middle: names that begin alike differ at their ends. */
export function fitName(text: string, width: number): string {
    if (widthOf(text) <= width || width < shortest) return fit(text, width);
    const segments = [...graphemes().segment(text)].map(({ segment }) => segment);
    let tail = '';
    for (const segment of segments.toReversed()) {
        if (widthOf(segment + tail) > Math.floor((width - 1) / 2)) break;
        tail = segment + tail;
    }
    const head = segments.join('').slice(0, text.length - tail.length);
    return fit(head, width - widthOf(tail)) + tail;
}

/** Narrower than this, both ends of a name say less than one. */
const shortest = 8;

/** Filled with spaces to a width; text that is wider stays as it is. */
export function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
    const missing = ' '.repeat(Math.max(0, width - widthOf(text)));
    return align === 'left' ? text + missing : missing + text;
}

/** Broken into lines at spaces; a word that is wider than a line is broken where the line ends. */
export function wrap(text: string, width: number): readonly string[] {
    const room = Math.max(1, width);
    const lines: string[] = [];
    let line = '';
    for (const word of clean(text)
        .split(/\s+/u)
        .flatMap((w) => broken(w, room))) {
        const joined = line === '' ? word : `${line} ${word}`;
        if (widthOf(joined) <= room || line === '') line = joined;
        else {
            lines.push(line);
            line = word;
        }
    }
    return line === '' && lines.length > 0 ? lines : [...lines, line];
}

/** Wrapped behind a first piece: `label text text` with the further lines below the text. */
export function hanging(label: string, text: string, width: number): readonly string[] {
    const indent = widthOf(label);
    return wrap(text, width - indent).map((line, i) => fit((i === 0 ? label : ' '.repeat(indent)) + line, width));
}

/** `a, b, c and 4 more`, at most as many as fit. */
export function listUpTo(names: readonly string[], width: number): string {
    for (let shown = names.length; shown > 0; shown -= 1) {
        const rest = names.length - shown;
        const text = names.slice(0, shown).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
        if (widthOf(text) <= width || shown === 1) return fit(text, width);
    }
    return '';
}

/** `1 VM`, `3 VMs`. */
export const counted = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

/** Made when the first text does not fit: that takes 20 ms, and most runs need none. */
const graphemes = (): Intl.Segmenter => (segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' }));
let segmenter: Intl.Segmenter | undefined;

function broken(word: string, width: number): readonly string[] {
    if (widthOf(word) <= width) return [word];
    const parts: string[] = [];
    let part = '';
    for (const { segment } of graphemes().segment(word)) {
        if (part !== '' && widthOf(part + segment) > width) {
            parts.push(part);
            part = '';
        }
        part += segment;
    }
    return [...parts, part];
}
