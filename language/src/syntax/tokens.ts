/**
 * Tokens that Langium's grammar language cannot describe.
 *
 * - A quantity is one token, `300 ms` and `300ms` alike, that ends where a word ends. What looks like a quantity and is
 *   none (`300msx`, `8 Gbps`) is still one token, so that the compiler can say which unit was meant instead of the
 *   parser stumbling over half of it.
 * - Every word of the language belongs to the category of names, so that `policy s {}` and `vm.tag.order` are written as
 *   a person would expect.
 * - A string that is not closed, or is closed with the wrong quote, is one token with a message of its own.
 */
import type { CustomPatternMatcherFunc, TokenPattern, TokenType } from 'chevrotain';
import type { GrammarAST, LexingDiagnostic, LexingReport, Stream } from 'langium';
import { DefaultTokenBuilder } from 'langium';
import { unitNicknames, units } from '../units.js';

export class MigTokenBuilder extends DefaultTokenBuilder {
    private wrongStrings: { offset: number; image: string }[] = [];

    protected override buildTerminalTokens(rules: Stream<GrammarAST.AbstractRule>): TokenType[] {
        const tokens = super.buildTerminalTokens(rules);
        for (const token of tokens) {
            if (token.name === 'QUANTITY') usePattern(token, quantityAt, digits);
            if (token.name === 'STRING') usePattern(token, (text, offset) => this.stringAt(text, offset), ['"', "'"]);
        }
        return tokens;
    }

    protected override buildKeywordToken(keyword: GrammarAST.Keyword, terminalTokens: TokenType[], caseInsensitive: boolean): TokenType {
        const token = super.buildKeywordToken(keyword, terminalTokens, caseInsensitive);
        const name = terminalTokens.find((terminal) => terminal.name === 'ID');
        if (name && isWord(keyword.value)) token.CATEGORIES = [name];
        if (keyword.value.includes(' ')) token.LINE_BREAKS = true;
        return token;
    }

    /** A keyword of several words has any white space between them. */
    protected override buildKeywordPattern(keyword: GrammarAST.Keyword, caseInsensitive: boolean): TokenPattern {
        if (!keyword.value.includes(' ')) return super.buildKeywordPattern(keyword, caseInsensitive);
        return new RegExp(`${keyword.value.replaceAll(' ', String.raw`\s+`)}(?!\\w)`);
    }

    /** A word may go on as a name. Langium finds this out by trying every terminal on every keyword, which costs a start of the program dearly. */
    protected override findLongerAlt(keyword: GrammarAST.Keyword, terminalTokens: TokenType[]): TokenType[] {
        if (keyword.value === '/') return super.findLongerAlt(keyword, terminalTokens);
        return isWord(keyword.value) ? terminalTokens.filter((terminal) => terminal.name === 'ID') : [];
    }

    override flushLexingReport(text: string): LexingReport {
        const report = super.flushLexingReport(text);
        const diagnostics = this.wrongStrings.map((wrong) => wrongStringDiagnostic(text, wrong.offset, wrong.image));
        this.wrongStrings = [];
        return { ...report, diagnostics: [...report.diagnostics, ...diagnostics] };
    }

    private stringAt(text: string, offset: number): [string] | null {
        const closed = matchAt(/"(?:\\.|[^"\\\n\r])*"/y, text, offset);
        if (closed) return [closed];
        const wrong = matchAt(/'[^'\n\r]*'?|"[^\n\r]*/y, text, offset);
        if (!wrong) return null;
        this.wrongStrings.push({ offset, image: wrong });
        return [wrong];
    }
}

/** Whether a keyword could also be a name. */
export function isWord(text: string): boolean {
    return /^[A-Za-z_]\w*$/.test(text);
}

const digits: readonly string[] = Array.from({ length: 10 }, (_, digit) => String(digit));

function usePattern(token: TokenType, pattern: CustomPatternMatcherFunc, firstCharacters: readonly string[]): void {
    token.PATTERN = pattern;
    token.LINE_BREAKS = false;
    token.START_CHARS_HINT = [...firstCharacters];
}

function matchAt(sticky: RegExp, text: string, offset: number): string | undefined {
    sticky.lastIndex = offset;
    return sticky.exec(text)?.[0];
}

const escape = (text: string): string => text.replaceAll(/[/.*+?^${}()|[\]\\]/g, String.raw`\$&`);
const longestFirst = (a: string, b: string): number => b.length - a.length;

const number = String.raw`\d+(?:\.\d+)?`;
const unitWords = units.map((unit) => unit.symbol).filter((symbol) => symbol !== '%');
const allWords = [...unitWords, ...Object.keys(unitNicknames)].sort(longestFirst).map(escape).join('|');
/** A number with a unit after it; in wrong case or by its nickname too, which the compiler then corrects. */
const withUnit = new RegExp(`${number}[ \\t]*(?:%(?!\\w)|(?:${allWords})(?!\\w))`, 'iy');
/** A number with letters right after it. */
const withLetters = new RegExp(`${number}(?:%\\w+|[A-Za-z_]\\w*(?:/[A-Za-z]\\w*)?)`, 'y');

const quantityAt: CustomPatternMatcherFunc = (text, offset) => {
    const image = matchAt(withUnit, text, offset) ?? matchAt(withLetters, text, offset);
    return image === undefined ? null : [image];
};

function wrongStringDiagnostic(text: string, offset: number, image: string): LexingDiagnostic {
    const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
    const line = text.slice(0, offset).split('\n').length;
    const message = image.startsWith("'")
        ? `Text is written in double quotes: "${image.replaceAll("'", '')}".`
        : 'This text is not closed: its double quote is missing at the end of the line.';
    return { severity: 'error', message, offset, length: image.length, line, column: offset - lineStart + 1 };
}
