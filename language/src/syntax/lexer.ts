import type { IToken, TokenType } from 'chevrotain';
import type { LangiumCoreServices, LexerResult, TokenizeOptions } from 'langium';
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

/** So much of a text is read into tokens at a time, in characters. */
const partLength = 2 ** 15;

/** A policy that is written out ends so. No token goes on behind it, but for a comment. */
const endOfBlock = /^\}[^\S\r\n]*\r?\n/gm;

/** Ends the text, with an error, where brackets or prefixes are nested deeper, or an expression is longer, than can be followed. */
export class MigLexer extends DefaultLexer {
    /** Where the part of the text begins that is read. */
    private readonly start = { offset: 0, line: 0 };

    constructor(services: LangiumCoreServices) {
        super(services);
        const { start } = this;
        const createTokenInstance = (...[image, offset, typeIndex, type, line, column]: TokenParts): Token =>
            new Token(image, offset + start.offset, typeIndex, type, line + start.line, column);
        const { updateTokenEndLineColumnLocation: setEnd } = this.chevrotainLexer as unknown as {
            updateTokenEndLineColumnLocation: SetEnd;
        };
        /** Of a token of several lines. */
        const updateTokenEndLineColumnLocation: SetEnd = (token, group, lastEnd, lines, line, column, length) => {
            setEnd(token, group, lastEnd, lines, line + start.line, column, length);
        };
        Object.assign(this.chevrotainLexer, { createTokenInstance, updateTokenEndLineColumnLocation });
    }

    override tokenize(text: string, options?: TokenizeOptions): LexerResult {
        return bounded(super.tokenize(text, options), new Measure());
    }

    /**
     * The same for one part of the text after the other, so that the tokens of all need not be there at once: they are much
     * larger than the text. Where one of the parts has errors, what follows from them is known of the whole text only.
     */
    *tokenizeParts(text: string): Generator<LexerResult, void> {
        const measure = new Measure();
        try {
            for (let from = 0, line = 0; from < text.length || from === 0; ) {
                endOfBlock.lastIndex = from + partLength;
                const to = endOfBlock.test(text) ? endOfBlock.lastIndex : text.length;
                const part = text.slice(from, to);
                Object.assign(this.start, { offset: from, line });
                yield bounded(super.tokenize(part), measure);
                if (to === text.length) return;
                from = to;
                line += part.split(/\r\n|\r|\n/).length - 1;
            }
        } finally {
            Object.assign(this.start, { offset: 0, line: 0 });
        }
    }
}

type TokenParts = readonly [image: string, offset: number, typeIndex: number, type: TokenType, line: number, column: number];

type SetEnd = (token: Token, group: unknown, lastEnd: number, lines: number, line: number, column: number, length: number) => void;

/**
 * A token like those of chevrotain, in half the room: there, figures are kept as if they might be fractions, since those of
 * the token that stands for the end of a text are none.
 */
class Token implements IToken {
    readonly image: string;
    readonly startOffset: number;
    readonly endOffset: number;
    readonly startLine: number;
    endLine: number;
    readonly startColumn: number;
    endColumn: number;
    readonly tokenTypeIdx: number;
    readonly tokenType: TokenType;

    constructor(...[image, offset, typeIndex, type, line, column]: TokenParts) {
        this.image = image;
        this.startOffset = offset;
        this.endOffset = offset + image.length - 1;
        this.startLine = line;
        this.endLine = line;
        this.startColumn = column;
        this.endColumn = column + image.length - 1;
        this.tokenTypeIdx = typeIndex;
        this.tokenType = type;
    }
}

function bounded(result: LexerResult, measure: Measure): LexerResult {
    const cut = result.tokens.findIndex(({ image }) => measure.isTooMuch(image));
    const token = result.tokens[cut];
    if (!token) return result;
    const error = {
        message: measure.message,
        offset: token.startOffset,
        line: token.startLine,
        column: token.startColumn,
        length: token.image.length,
    };
    return { ...result, tokens: result.tokens.slice(0, cut), errors: [...result.errors, error] };
}

/** How deep and how long what has been read so far is. */
class Measure {
    private brackets = 0;
    private before = 0;
    private inARow = 0;

    /** Whether this token is too much. */
    isTooMuch(image: string): boolean {
        if (opening.has(image)) this.brackets++;
        if (closing.has(image)) this.brackets = Math.max(0, this.brackets - 1);
        this.before = prefixes.has(image) ? this.before + 1 : 0;
        if (between.has(image)) this.inARow = 0;
        else if (operators.has(image)) this.inARow++;
        return this.brackets > deepest || this.before > deepest || this.inARow > mostOperators;
    }

    get message(): string {
        return this.inARow > mostOperators
            ? `This expression is too long: at most ${mostOperators} operators.`
            : `This is nested too deeply: at most ${deepest} levels.`;
    }
}
