/**
 * Comments that silence a rule for one line, and say why:
 *
 *     // mig-disable-next-line MIG301 MIG302 -- this VM may be stopped, its users know
 *
 * Only rules can be silenced. What the compiler refuses stays refused, and so does what the runtime cannot carry out.
 */
import { nearest } from '../nearest.js';
import type { SourceRange } from '../program.js';

export const directive = 'mig-disable-next-line';
/** A colon will do as well. */
const directives = 'mig[-:]disable-next-line';

export interface Suppression {
    /** Ids or names of rules, as they are written. */
    readonly words: readonly { readonly text: string; readonly range: SourceRange }[];
    readonly reason: string | undefined;
    /** From `//` to the end of the line. */
    readonly range: SourceRange;
    /** The comment with the white space before it, or with its whole line where nothing else stands there. */
    readonly whole: SourceRange;
    /** The next line with anything but comments; undefined at the end of the text. */
    readonly line: number | undefined;
    /** Nothing but comments stands before that line: it answers for what has no place of its own. */
    readonly isFirst: boolean;
}

/** In the order of the text. `source` is what their ranges count as. */
export function suppressionsIn(text: string, source = 0): readonly Suppression[] {
    if (!text.includes('disable-next-line')) return [];
    const lines = new Lines(text, source);
    const comments = [...text.matchAll(stringOrComment)].filter((match) => match[0].startsWith('/'));
    const code = withoutComments(text, comments);
    const firstCode = code.search(/\S/);
    return comments.flatMap((match) => {
        const parts = shape.exec(match[0]);
        if (!parts) return [];
        const [, before = '', words = '', reason] = parts;
        const start = match.index;
        const end = start + match[0].length;
        const next = end + code.slice(end).search(/\S/);
        const wordsAt = start + before.length;
        return {
            words: [...words.matchAll(/[^\s,]+/g)].map((word) => ({
                text: word[0],
                range: lines.range(wordsAt + word.index, wordsAt + word.index + word[0].length),
            })),
            reason: reason?.trim() === '' ? undefined : reason?.trim(),
            range: lines.range(start, end),
            whole: lines.whole(start, end),
            line: next < end ? undefined : lines.at(next).line,
            isFirst: next === firstCode,
        };
    });
}

/** Comments that are meant to silence a rule, and do not: their first word is another. */
export function misspeltIn(text: string, source = 0): readonly { readonly word: string; readonly range: SourceRange }[] {
    if (!/\/\/\s*mig[-:]/i.test(text)) return [];
    const lines = new Lines(text, source);
    return [...text.matchAll(stringOrComment)].flatMap((match) => {
        const [, before = '', word = ''] = /^(\/\/\s*)(mig[-:]\S+)/i.exec(match[0]) ?? [];
        const isRight = word === directive || word === directive.replace('-', ':');
        const isMeant = /^mig[-:]disable/i.test(word) || nearest(word.replace(':', '-'), [directive]) !== undefined;
        if (word === '' || isRight || !isMeant) return [];
        const start = match.index + before.length;
        return [{ word, range: lines.range(start, start + word.length) }];
    });
}

/** What to write so that a rule is silent on a line; the reason is left for a person to write. */
export function suppressingEdit(text: string, line: number, id: string): { readonly range: SourceRange; readonly newText: string } {
    const there = suppressionsIn(text).find((one) => one.line === line && one.words.length > 0);
    const last = there?.words.at(-1)?.range.end;
    if (last) return { range: { source: 0, start: last, end: last }, newText: ` ${id}` };
    const start = { line, character: 0 };
    const content = text.split(newline)[line] ?? '';
    const indent = /^[ \t]*/.exec(content)?.[0] ?? '';
    const end = /\r\n|\r|\n/.exec(text)?.[0] ?? '\n';
    return { range: { source: 0, start, end: start }, newText: `${indent}// ${directive} ${id} -- ${end}` };
}

const newline = /\r\n|\r|\n/;
const stringOrComment = /"(?:\\.|[^"\\\n\r])*"|\/\*[\s\S]*?\*\/|\/\/[^\n\r]*/g;
/** What stands before the rules, the rules, and the reason after two dashes. */
const shape = new RegExp(String.raw`^(//\s*${directives}(?!\S))(.*?)(?:(?:^|\s)--(.*))?$`);

function withoutComments(text: string, comments: readonly RegExpExecArray[]): string {
    let code = '';
    let from = 0;
    for (const { 0: comment, index } of comments) {
        code += text.slice(from, index) + comment.replaceAll(/[^\n\r]/g, ' ');
        from = index + comment.length;
    }
    return code + text.slice(from);
}

/** Lines and columns as editors count them. */
class Lines {
    private readonly text: string;
    private readonly source: number;
    private readonly starts: readonly number[];

    constructor(text: string, source: number) {
        this.text = text;
        this.source = source;
        this.starts = [0, ...[...text.matchAll(/\r\n|\r|\n/g)].map((end) => end.index + end[0].length)];
    }

    at(offset: number): SourceRange['start'] {
        const line = this.starts.findLastIndex((start) => start <= offset);
        return { line, character: offset - (this.starts[line] ?? 0) };
    }

    range(from: number, to: number): SourceRange {
        return { source: this.source, start: this.at(from), end: this.at(to) };
    }

    /** Of a comment that goes to the end of its line. */
    whole(from: number, to: number): SourceRange {
        const start = this.starts[this.at(from).line] ?? 0;
        const before = this.text.slice(start, from);
        if (before.trim() !== '') return this.range(start + before.trimEnd().length, to);
        return this.range(start, this.starts.find((next) => next > from) ?? to);
    }
}
