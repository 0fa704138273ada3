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
            const { message, length } = withUnitMeant(error.message, document, token);
            return placed(document, message, token.startOffset, length);
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
function withUnitMeant(message: string, document: LangiumDocument, token: IToken): { readonly message: string; readonly length: number } {
    const text = document.textDocument.getText();
    const plain = { message, length: token.image.length };
    const afterNumber = /\d[ \t]+$/.test(text.slice(Math.max(0, token.startOffset - 20), token.startOffset));
    if (!afterNumber || token.tokenType.name !== 'ID' || message.includes('Did you mean')) return plain;
    // `100 Mbits/s`: what stands behind the slash belongs to the unit.
    const end = token.startOffset + token.image.length;
    const per = /^\/[a-z]+/i.exec(text.slice(end, end + 20))?.[0] ?? '';
    const unit = unitMeantBy(token.image + per);
    return unit === undefined ? plain : { message: `${message} Did you mean '${unit}'?`, length: token.image.length + per.length };
}

/** The last character that is not blank, or the start of a text that has none. */
function lastVisible(text: string): number {
    return Math.max(0, text.trimEnd().length - 1);
}
