/** How far what stands behind a change moves. */
export interface Shift {
    readonly offset: number;
    readonly lines: number;
    readonly columns: number;
    /** What stands before this offset, as it was, stands on the line of the change and moves along it. */
    readonly lineEnd: number;
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
}

/** The smallest piece in which two versions of a text differ. */
export function changeBetween(before: string, text: string): Change {
    const shorter = Math.min(before.length, text.length);
    let from = 0;
    while (from < shorter && before.charCodeAt(from) === text.charCodeAt(from)) from++;
    let same = 0;
    while (same < shorter - from && before.charCodeAt(before.length - 1 - same) === text.charCodeAt(text.length - 1 - same)) same++;
    const oldTo = before.length - same;
    const newTo = text.length - same;
    return {
        text,
        oldLength: before.length,
        from,
        oldTo,
        shift: {
            offset: text.length - before.length,
            // The characters on both sides count too: a line may end with two, and the change may stand between them.
            lines: lineEnds(text, from - 1, newTo + 1) - lineEnds(before, from - 1, oldTo + 1),
            columns: newTo - lineStart(text, newTo) - (oldTo - lineStart(before, oldTo)),
            lineEnd: lineEnd(before, oldTo),
        },
    };
}

/** Of a text that is read by itself and stands somewhere in another one: what moves it there. */
export function shiftTo(place: { readonly offset: number; readonly line: number; readonly character: number }, text: string): Shift {
    return { offset: place.offset, lines: place.line, columns: place.character, lineEnd: lineEnd(text, 0) };
}

const [lineFeed, carriageReturn] = [10, 13];

/** Lines end as the lexer has them end: at a line feed, and at a carriage return that none follows. */
function lineEnds(text: string, from: number, to: number): number {
    let ends = 0;
    for (let at = Math.max(0, from); at < Math.min(to, text.length); at++) {
        const code = text.charCodeAt(at);
        if (code === lineFeed || (code === carriageReturn && text.charCodeAt(at + 1) !== lineFeed)) ends++;
    }
    return ends;
}

function lineStart(text: string, offset: number): number {
    let at = offset;
    while (at > 0 && lineEnds(text, at - 1, at) === 0) at--;
    return at;
}

function lineEnd(text: string, offset: number): number {
    let at = offset;
    while (at < text.length && lineEnds(text, at, at + 1) === 0) at++;
    return at;
}
