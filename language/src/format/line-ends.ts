/** Lines end as editors and the lexer count them: with a line feed, a carriage return, or both. */
const lineEnds = /\r\n|\n|\r/g;

/** What ends the first line of a text; a line feed where it has one line only. */
export const lineEndOf = (text: string): string => /\r\n|\n|\r/.exec(text)?.[0] ?? '\n';

export const linesOf = (text: string): string[] => text.split(lineEnds);

/** Whether it goes over more than one line. */
export const hasLineEnd = (text: string): boolean => text.includes('\n') || text.includes('\r');

/** Where the line begins on which an offset stands. */
export const lineStart = (text: string, offset: number): number =>
    offset === 0 ? 0 : Math.max(text.lastIndexOf('\n', offset - 1), text.lastIndexOf('\r', offset - 1)) + 1;
