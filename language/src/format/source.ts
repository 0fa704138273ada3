import { type AstNode, CstUtils, type LeafCstNode, type ParseResult } from 'langium';
import type { MigFile } from '../generated/ast.js';
import { unitNicknames, units } from '../units.js';
import { hasLineEnd, lineStart, linesOf } from './line-ends.js';

/** A token as the formatter sees it. */
export interface Word {
    readonly start: number;
    readonly end: number;
    /** As it is written canonically. */
    readonly text: string;
    readonly node: AstNode;
}

export interface Comment {
    readonly text: string;
    /** Where it begins on its line. */
    readonly column: number;
    readonly line: boolean;
    /** A line break stands before it, or the start of the file. */
    readonly breakBefore: boolean;
    readonly breakAfter: boolean;
    /** An empty line stands before it. */
    readonly blankBefore: boolean;
}

/** What stands between two tokens, marks that only separate left out: the formatter writes its own. */
export interface Gap {
    readonly start: number;
    readonly end: number;
    readonly comments: readonly Comment[];
    /** An empty line stands before the next token, after the last comment. */
    readonly blankBefore: boolean;
    /** A mark was written here that only separates. */
    readonly separated: boolean;
    /** A comment asks for a new line: one that runs to the end of its line, or stands on lines of its own. */
    readonly mustBreak: boolean;
}

/** A text as words and what stands between them: `gaps[i]` is before `words[i]`, and the last one at the end of the file. */
export interface Source {
    readonly text: string;
    readonly words: readonly Word[];
    readonly gaps: readonly Gap[];
    /** By the offset of their first character. */
    readonly at: ReadonlyMap<number, number>;
    /** By the offset behind their last character. */
    readonly endingAt: ReadonlyMap<number, number>;
}

export function sourceOf(result: ParseResult<MigFile>): Source | undefined {
    const root = result.value.$cstNode;
    if (root === undefined) return undefined;
    const text = root.root.fullText;
    const words: Word[] = [];
    const gaps: Gap[] = [];
    let between: LeafCstNode[] = [];
    let last = 0;
    for (const leaf of CstUtils.flattenCst(root)) {
        if (leaf.hidden || separates(leaf)) {
            between.push(leaf);
            continue;
        }
        gaps.push(gapOf(text, last, leaf.offset, between));
        words.push({ start: leaf.offset, end: leaf.end, text: canonical(leaf), node: leaf.astNode });
        between = [];
        last = leaf.end;
    }
    gaps.push(gapOf(text, last, text.length, between));
    return {
        text,
        words,
        gaps,
        at: new Map(words.map((word, index) => [word.start, index])),
        endingAt: new Map(words.map((word, index) => [word.end, index])),
    };
}

/** Whether a token only stands between two others: `;`, and the comma where one may be left out. */
function separates({ text, astNode }: LeafCstNode): boolean {
    return text === ';' || (text === ',' && (astNode.$type === 'BandwidthClause' || astNode.$type === 'Given'));
}

/** What the lexer takes for a unit also where a blank stands before it. */
const knownUnits: ReadonlySet<string> = new Set(
    [...units.map((unit) => unit.symbol), ...Object.keys(unitNicknames)].map((name) => name.toLowerCase()),
);

/** A quantity has one blank before its unit, and none before `%`; a keyword of several words has one between each two. */
function canonical({ text, tokenType }: LeafCstNode): string {
    if (tokenType.name !== 'QUANTITY') return tokenType.name.includes(' ') ? tokenType.name : text;
    const [, number, unit] = /^(\d+(?:\.\d+)?)[ \t]*(.+)$/.exec(text) ?? [];
    if (number === undefined || unit === undefined) return text;
    if (unit === '%') return `${number}%`;
    return knownUnits.has(unit.toLowerCase()) ? `${number} ${unit}` : text;
}

function gapOf(text: string, start: number, end: number, between: readonly LeafCstNode[]): Gap {
    const comments: Comment[] = [];
    let separated = false;
    // Line breaks since the last comment or token; a separator is as if it were not there.
    let breaks = start === 0 ? 1 : 0;
    let blank = false;
    let from = start;
    const passOver = (to: number): void => {
        const found = linesOf(text.slice(from, to)).length - 1;
        blank ||= found > 1;
        breaks += found;
    };
    for (const [index, leaf] of between.entries()) {
        passOver(leaf.offset);
        from = leaf.end;
        if (!leaf.hidden) {
            separated = true;
            continue;
        }
        const next = between.slice(index + 1).find((one) => one.hidden)?.offset ?? end;
        const line = leaf.text.startsWith('//');
        comments.push({
            text: leaf.text,
            column: leaf.offset - lineStart(text, leaf.offset),
            line,
            breakBefore: breaks > 0,
            breakAfter: line || hasLineEnd(text.slice(leaf.end, next)),
            blankBefore: blank,
        });
        breaks = 0;
        blank = false;
    }
    passOver(end);
    const mustBreak = comments.some((comment) => comment.line || (comment.breakBefore && comment.breakAfter));
    return { start, end, comments, blankBefore: blank, separated, mustBreak };
}
