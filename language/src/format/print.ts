import type { Group, Layout } from './layout.js';
import { lineEndOf, lineStart, linesOf } from './line-ends.js';
import type { Comment, Gap, Source, Word } from './source.js';
import { spaceAfterComment, spaceBeforeComment, spaceBetween } from './spacing.js';

/** A stretch of the source and what stands there canonically. Pieces lie side by side and cover the source. */
export interface Piece {
    readonly start: number;
    readonly end: number;
    readonly text: string;
}

/** A line is kept within this where it can be broken. */
const lineWidth = 100;
const indentation = '  ';

/** Writes words and comments as the layout says. */
export function print(source: Source, layout: Layout): readonly Piece[] {
    return new Printer(source, layout).pieces();
}

interface Open {
    readonly group: Group;
    readonly broken: boolean;
}

class Printer {
    private readonly source: Source;
    private readonly layout: Layout;
    private readonly newLine: string;
    /** How many of the gaps up to and with this one must break. */
    private readonly breaksUpTo: number[] = [];
    private open: Open[] = [];
    private column = 0;
    /** Of the line on which the last word stands. */
    private lineLevel = 0;
    /** That line begins with a word, and not with a comment. */
    private wordFirst = true;

    constructor(source: Source, layout: Layout) {
        this.source = source;
        this.layout = layout;
        this.newLine = lineEndOf(source.text);
        let sum = 0;
        for (const gap of source.gaps) this.breaksUpTo.push((sum += gap.mustBreak ? 1 : 0));
    }

    pieces(): Piece[] {
        const { words, gaps } = this.source;
        const all: Piece[] = [];
        const put = (start: number, end: number, text: string): void => {
            this.advance(text);
            all.push({ start, end, text: this.newLine === '\n' ? text : text.replaceAll('\n', this.newLine) });
        };
        for (const [index, word] of words.entries()) {
            while (this.open.length > 0 && (this.open.at(-1)?.group.last ?? 0) < index) this.open.pop();
            const gap = gaps[index];
            if (gap) put(gap.start, gap.end, this.gap(index, gap));
            for (const group of this.layout.groups.get(index) ?? []) this.open.push({ group, broken: this.breaks(group) });
            put(word.start, word.end, word.text);
        }
        const end = gaps.at(-1);
        if (end) put(end.start, end.end, this.lastGap(end));
        return all;
    }

    private advance(text: string): void {
        const line = text.lastIndexOf('\n');
        this.column = line < 0 ? this.column + text.length : text.length - line - 1;
        if (line >= 0) this.wordFirst = text.slice(line).trim() === '';
    }

    // ------------------------------------------------------------ groups

    private breaks(group: Group): boolean {
        return group.always || this.mustBreak(group) || !this.fits(group);
    }

    private mustBreak(group: Group): boolean {
        if (group.braces) return this.breaksUpTo[group.last] !== this.breaksUpTo[group.first];
        return group.breaks.some((word) => this.source.gaps[word]?.mustBreak === true);
    }

    /** Whether the group, and what must stay on its last line, fits on the line. */
    private fits(group: Group): boolean {
        let width = this.column;
        for (let index = group.first; index < this.source.words.length; index++) {
            const decides = this.layout.breaks.get(index);
            if (index > group.first) {
                if (decides?.always === true || this.source.gaps[index]?.mustBreak === true) break;
                if (index > group.last && decides !== undefined && !this.isFlat(decides)) break;
                width += widthOf(this.flatGap(index));
            }
            width += this.source.words[index]?.text.length ?? 0;
            if (width > lineWidth) return false;
        }
        return true;
    }

    private isFlat(group: Group): boolean {
        return this.open.some((one) => one.group === group && !one.broken);
    }

    /** How deep a word is indented that begins a line. */
    private level(index: number): number {
        const inside = this.open.filter(({ broken, group: { indented } }) => broken && indented[0] <= index && index <= indented[1]);
        return inside.length;
    }

    // ------------------------------------------------------------ gaps

    private gap(index: number, gap: Gap): string {
        const decides = this.layout.breaks.get(index);
        const broken = index === 0 || (decides !== undefined && !this.isFlat(decides));
        if (!broken && !gap.mustBreak) {
            return this.flatGap(index);
        }
        // What a comment breaks in the middle goes on a little further in.
        const level = this.level(index) + (broken ? 0 : 1);
        const text = this.brokenGap(index, gap, level, decides);
        if (text.includes('\n')) this.lineLevel = level;
        return text;
    }

    private flatGap(index: number): string {
        const { words, gaps } = this.source;
        const [before, after, gap] = [words[index - 1], words[index], gaps[index]];
        if (!before || !after || !gap) return '';
        const mark = this.mark(index);
        if (gap.comments.length === 0) return mark === '' ? spaceBetween(before, after) : `${mark} `;
        const comments = gap.comments.map((comment) => trimmed(comment.text)).join(' ');
        return `${mark}${mark === '' ? spaceBeforeComment(before) : ' '}${comments}${spaceAfterComment(after)}`;
    }

    /** What separates two parts of a block that stand on one line. */
    private mark(index: number): string {
        const group = this.layout.breaks.get(index);
        if (group === undefined || index === group.breaks[0] || index === group.breaks.at(-1)) return '';
        return group.mark;
    }

    private brokenGap(index: number, gap: Gap, level: number, decides: Group | undefined): string {
        const { words } = this.source;
        const [before, after] = [words[index - 1], words[index]];
        if (!after) return '';
        const begins = before === undefined || (decides?.braces === true && index === decides.breaks[0]);
        const ends = decides?.braces === true && index === decides.breaks.at(-1);
        const blanks = before === undefined || decides?.blanks === true;
        const inner = ends ? level + 1 : level;
        const written = new Lines(gap.separated && decides?.parted.has(index) === true ? ';' : '');
        for (const comment of gap.comments) {
            if (before === undefined && written.empty) {
                written.own(comment, 0);
            } else if (comment.breakBefore) {
                const at = this.commentLevel(comment, index, inner);
                written.line(at, blanks && comment.blankBefore && !(begins && !written.hasLine));
                written.own(comment, at);
            } else {
                written.beside(comment.text, written.empty && before ? spaceBeforeComment(before) : ' ');
            }
        }
        const last = gap.comments.at(-1);
        if (before === undefined && last === undefined) return '';
        if (last && !last.breakAfter && last.breakBefore && !ends) return written.text + spaceAfterComment(after);
        written.line(level, blanks && gap.blankBefore && !ends && !(begins && !written.hasLine));
        return written.text;
    }

    /** At the end of the file. */
    private lastGap(gap: Gap): string {
        const before = this.source.words.at(-1);
        const written = new Lines('');
        for (const comment of gap.comments) {
            if (before === undefined && written.empty) {
                written.own(comment, 0);
            } else if (comment.breakBefore) {
                written.line(0, comment.blankBefore);
                written.own(comment, 0);
            } else written.beside(comment.text, ' ');
        }
        return before === undefined && gap.comments.length === 0 ? '' : `${written.text}\n`;
    }

    /**
     * A comment of its own stands with what follows it. One that stood as deep as the line before it, deeper than what
     * follows, belongs to that line still: a part that was taken out for a while.
     */
    private commentLevel(comment: Comment, index: number, usual: number): number {
        const before = this.source.words[index - 1];
        const after = this.source.words[index];
        if (!before || !after || this.lineLevel <= usual || !this.wordFirst) return usual;
        const deeper = comment.column > this.columnOf(after) && comment.column >= this.columnOfLine(before);
        return deeper ? this.lineLevel : usual;
    }

    private columnOf(word: Word): number {
        return word.start - lineStart(this.source.text, word.start);
    }

    /** The column of the first word of the line on which a word stands; infinite where something else stands before it. */
    private columnOfLine(word: Word): number {
        const line = lineStart(this.source.text, word.start);
        const column = this.source.text.slice(line, word.end).search(/\S/);
        return this.source.at.has(line + column) ? column : Infinity;
    }
}

/** The text of a gap with line breaks in it, as it is written. */
class Lines {
    text: string;
    hasLine = false;

    constructor(mark: string) {
        this.text = mark;
    }

    get empty(): boolean {
        return this.text === '' || this.text === ';';
    }

    line(level: number, blank: boolean): void {
        this.text += `${blank ? '\n\n' : '\n'}${indentation.repeat(level)}`;
        this.hasLine = true;
    }

    /** A comment that begins its line. */
    own({ text, column }: Comment, level: number): void {
        this.text += moved(text, column, level * indentation.length);
        this.hasLine = true;
    }

    beside(text: string, space: string): void {
        this.text += space + trimmed(text);
    }
}

/** How far the lines of a comment are indented does not count: it changes when the comment moves. */
const widthOf = (text: string): number => text.replaceAll(/\n\s*/g, ' ').length;

const trimmedLines = (comment: string): string[] => linesOf(comment).map((line) => line.trimEnd());
const trimmed = (comment: string): string => trimmedLines(comment).join('\n');

/** The further lines of a comment move with its first; those that begin with a star stand below its own. */
function moved(comment: string, from: number, to: number): string {
    const [first = '', ...rest] = trimmedLines(comment);
    const starred = rest.every((line) => line.trimStart().startsWith('*'));
    const lines = rest.map((line) => {
        const text = line.trimStart();
        if (starred) return `${' '.repeat(to + 1)}${text}`;
        return text === '' ? '' : ' '.repeat(Math.max(0, line.length - text.length + to - from)) + text;
    });
    return [first, ...lines].join('\n');
}
