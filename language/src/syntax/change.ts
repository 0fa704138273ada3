/** How far what stands behind a change moves. */
export interface Shift {
    readonly offset: number;
    readonly lines: number;
    /** What stands on this line, as lines were counted before, moves along it too. */
    readonly onLine: number;
    readonly columns: number;
}

/** What differs between two versions of a text, as one piece. */
export interface Change {
    /** The new text. */
    readonly text: string;
    readonly oldLength: number;
    /** Where the two begin to differ. */
    readonly from: number;
    /** In the old text, where they are the same again. */
    readonly oldTo: number;
    /** Of what stands behind the change. */
    readonly shift: Shift;
    /** Of what was read from a part of the new text that starts at an offset. */
    to(offset: number): Shift;
}

/** The smallest piece in which two versions of a text differ. */
export function changeBetween(before: string, text: string): Change {
    const shorter = Math.min(before.length, text.length);
    let from = 0;
    while (from < shorter && before.charCodeAt(from) === text.charCodeAt(from)) from++;
    let same = 0;
    while (same < shorter - from && before.charCodeAt(before.length - 1 - same) === text.charCodeAt(text.length - 1 - same)) same++;
    const oldTo = before.length - same;
    const was = placeOf(before, oldTo);
    const is = placeOf(text, text.length - same);
    return {
        text,
        oldLength: before.length,
        from,
        oldTo,
        shift: {
            offset: text.length - before.length,
            lines: is.line - was.line,
            onLine: was.line,
            columns: is.column - was.column,
        },
        to: (offset) => {
            const { line, column } = placeOf(text, offset);
            return { offset, lines: line, onLine: 0, columns: column };
        },
    };
}

/** Lines end as the lexer has them end. */
const lineEnd = /\r\n|\r|\n/g;

function placeOf(text: string, offset: number): { readonly line: number; readonly column: number } {
    let line = 0;
    let start = 0;
    lineEnd.lastIndex = 0;
    for (let end = lineEnd.exec(text); end && end.index + end[0].length <= offset; end = lineEnd.exec(text)) {
        line++;
        start = end.index + end[0].length;
    }
    return { line, column: offset - start };
}
