import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import vscodeOniguruma from 'vscode-oniguruma';
import vscodeTextmate, { type IGrammar, INITIAL } from 'vscode-textmate';

/** A piece of a line, and the innermost scope it is coloured by. */
export interface Token {
    readonly text: string;
    readonly scope: string;
}

/** Loads the grammar of the extension with the tokenizer of the editor. */
export async function loadGrammar(): Promise<IGrammar> {
    const wasm = await readFile(createRequire(import.meta.url).resolve('vscode-oniguruma/release/onig.wasm'));
    await vscodeOniguruma.loadWASM(wasm);
    const path = new URL('../../syntaxes/mig.tmLanguage.json', import.meta.url);
    const registry = new vscodeTextmate.Registry({
        onigLib: Promise.resolve({
            createOnigScanner: (patterns) => new vscodeOniguruma.OnigScanner(patterns),
            createOnigString: (text) => new vscodeOniguruma.OnigString(text),
        }),
        loadGrammar: async () => vscodeTextmate.parseRawGrammar(await readFile(path, 'utf8'), path.pathname),
    });
    const grammar = await registry.loadGrammar('source.mig');
    if (!grammar) throw new Error('the grammar has no scope source.mig');
    return grammar;
}

/** The tokens of a text, line by line, white space left out. */
export function tokenize(grammar: IGrammar, text: string): readonly (readonly Token[])[] {
    let state = INITIAL;
    return text.split('\n').map((line) => {
        const result = grammar.tokenizeLine(line, state);
        state = result.ruleStack;
        return result.tokens
            .map((token) => ({ text: line.slice(token.startIndex, token.endIndex).trim(), scope: innermost(token.scopes) }))
            .filter((token) => token.text !== '');
    });
}

/** One line a token under its source line: made to be read in a review. */
export function describeTokens(grammar: IGrammar, text: string): string {
    const lines = text.split('\n');
    return tokenize(grammar, text)
        .flatMap((tokens, index) => [
            `> ${lines[index] ?? ''}`.trimEnd(),
            ...tokens.map((token) => `    ${token.text.padEnd(24)} ${token.scope}`),
        ])
        .join('\n');
}

const innermost = (scopes: readonly string[]): string => (scopes.at(-1) ?? 'source.mig').replace(/\.mig$/, '');
