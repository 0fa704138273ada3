import type { IToken } from 'chevrotain';
import type { LexerResult, TokenizeOptions } from 'langium';
import { DefaultLexer } from 'langium';

/** Deeper than anyone writes, and shallow enough for the parser, which calls itself once for each level and rule. */
const deepest = 40;

/** Longer than anyone writes: an expression is as deep as it has operators, and what reads it calls itself once for each. */
const mostOperators = 1200;

const opening: ReadonlySet<string> = new Set(['(', '[', '{']);
const closing: ReadonlySet<string> = new Set([')', ']', '}']);
/** Words and signs that may stand before an expression any number of times. */
const prefixes: ReadonlySet<string> = new Set(['not', '-']);
const operators: ReadonlySet<string> = new Set(['and', 'or', '+', '-', '*', '/']);
/** With what another expression begins, or the one before it is over. */
const between: ReadonlySet<string> = new Set(['{', '}', ';', 'let', 'param', 'group', 'where', 'when', 'until', 'except', 'expect']);

/** Ends the text, with an error, where brackets or prefixes are nested deeper, or an expression is longer, than can be followed. */
export class MigLexer extends DefaultLexer {
    override tokenize(text: string, options?: TokenizeOptions): LexerResult {
        const result = super.tokenize(text, options);
        const { cut, message } = tooMuch(result.tokens);
        const token = result.tokens[cut];
        if (!token) return result;
        const error = {
            message,
            offset: token.startOffset,
            line: token.startLine,
            column: token.startColumn,
            length: token.image.length,
        };
        return { ...result, tokens: result.tokens.slice(0, cut), errors: [...result.errors, error] };
    }
}

/** The place of the first token that is too much, or one that there is not. */
function tooMuch(tokens: readonly IToken[]): { readonly cut: number; readonly message: string } {
    let brackets = 0;
    let before = 0;
    let inARow = 0;
    const cut = tokens.findIndex(({ image }) => {
        if (opening.has(image)) brackets++;
        if (closing.has(image)) brackets = Math.max(0, brackets - 1);
        before = prefixes.has(image) ? before + 1 : 0;
        if (between.has(image)) inARow = 0;
        else if (operators.has(image)) inARow++;
        return brackets > deepest || before > deepest || inARow > mostOperators;
    });
    const message =
        inARow > mostOperators
            ? `This expression is too long: at most ${mostOperators} operators.`
            : `This is nested too deeply: at most ${deepest} levels.`;
    return { cut, message };
}
