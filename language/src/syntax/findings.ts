import type { IToken } from 'chevrotain';
import type { LangiumDocument } from 'langium';
import type { Position } from '../program.js';
import { unitMeantBy } from '../units.js';

/** A syntax error, with where it stands in the text. */
export interface SyntaxProblem {
    readonly message: string;
    /** The word that was probably meant. */
    readonly meant: string | undefined;
    readonly offset: number;
    readonly start: Position;
    readonly end: Position;
}

/** What the lexer and the parser stumbled over, in the order of the text. */
export function syntaxProblems(document: LangiumDocument): readonly SyntaxProblem[] {
    const { lexerErrors, lexerReport, parserErrors } = document.parseResult;
    const lexing = [...lexerErrors, ...(lexerReport?.diagnostics ?? [])].map(({ message, offset, length }) =>
        placed(document, message, offset, length),
    );
    const parsing = parserErrors.map((error) => {
        const token = error.token;
        if (token.image !== '' && Number.isFinite(token.startOffset) && token.startOffset >= 0) {
            return placed(document, withUnitMeant(error.message, document, token), token.startOffset, token.image.length);
        }
        // The token is missing: at the end of the file, or put there by the parser's recovery.
        return placed(document, error.message, lastVisible(document.textDocument.getText()), 1);
    });
    // At the same place the lexer knows better.
    return [...lexing, ...parsing].sort((a, b) => a.offset - b.offset);
}

/** One problem for each line: what comes after an error on its line is most often its echo. */
export function withoutEchoes(problems: readonly SyntaxProblem[]): readonly SyntaxProblem[] {
    const lines = new Set<number>();
    return problems.filter(({ start }) => !lines.has(start.line) && lines.add(start.line));
}

function placed(document: LangiumDocument, message: string, offset: number, length: number): SyntaxProblem {
    const text = document.textDocument;
    const start = text.positionAt(offset);
    const end = text.positionAt(Math.min(offset + Math.max(1, length), text.getText().length));
    const meant = /Did you mean '([^']+)'\?$/.exec(message);
    const cut = meant ? message.slice(0, meant.index).trim() : message;
    return { message: cut, meant: meant?.[1], offset, start, end };
}

/** After a number, a word that is out of place is most likely a unit with a slip in it. */
function withUnitMeant(message: string, document: LangiumDocument, token: IToken): string {
    const before = document.textDocument.getText({
        start: { line: (token.startLine ?? 1) - 1, character: 0 },
        end: document.textDocument.positionAt(token.startOffset),
    });
    const afterNumber = /\d[ \t]+$/.test(before);
    const unit = afterNumber && token.tokenType.name === 'ID' && !message.includes('Did you mean') ? unitMeantBy(token.image) : undefined;
    return unit === undefined ? message : `${message} Did you mean '${unit}'?`;
}

/** The last character that is not blank, or the start of a text that has none. */
function lastVisible(text: string): number {
    return Math.max(0, text.trimEnd().length - 1);
}
