import type { IToken } from 'chevrotain';
import type { LexerResult, TokenizeOptions } from 'langium';
import { DefaultLexer } from 'langium';

/** Deeper than anyone writes, and shallow enough for the parser, which calls itself once for each level and rule. */
const deepest = 40;

const opening: ReadonlySet<string> = new Set(['(', '[', '{']);
const closing: ReadonlySet<string> = new Set([')', ']', '}']);
/** Words and signs that may stand before an expression any number of times. */
const prefixes: ReadonlySet<string> = new Set(['not', '-']);

/** Ends the text, with an error, where brackets or prefixes are nested deeper than the parser can follow. */
export class MigLexer extends DefaultLexer {
    override tokenize(text: string, options?: TokenizeOptions): LexerResult {
        const result = super.tokenize(text, options);
        const cut = tooDeep(result.tokens);
        const token = result.tokens[cut];
        if (!token) return result;
        const error = {
            message: `This is nested too deeply: at most ${deepest} levels.`,
            offset: token.startOffset,
            line: token.startLine,
            column: token.startColumn,
            length: token.image.length,
        };
        return { ...result, tokens: result.tokens.slice(0, cut), errors: [...result.errors, error] };
    }
}

/** The place of the first token that is too deep, or one that there is not. */
function tooDeep(tokens: readonly IToken[]): number {
    let brackets = 0;
    let before = 0;
    return tokens.findIndex(({ image }) => {
        if (opening.has(image)) brackets++;
        if (closing.has(image)) brackets = Math.max(0, brackets - 1);
        before = prefixes.has(image) ? before + 1 : 0;
        return brackets > deepest || before > deepest;
    });
}
