import { ast, withImports } from '@mig/language/lsp';
import type { Inventory } from '@mig/runtime/core';
import { AstUtils, GrammarAST, type LangiumDocument, type LangiumDocuments, type MaybePromise } from 'langium';
import { type CompletionAcceptor, type CompletionContext, DefaultCompletionProvider, type LangiumServices } from 'langium/lsp';
import {
    type CompletionItem,
    CompletionItemKind,
    CompletionList,
    type CompletionParams,
    InsertTextFormat,
    MarkupKind,
    type Position,
} from 'vscode-languageserver';
import { describeWord } from '../../words/word-texts.js';
import { describeDeclaration } from '../hover/declaration.js';
import { type DeclaredName, expressionItems } from './expression-items.js';
import { attributeItems, stringItems, unitItems } from './items.js';
import { type Place, placeAt } from './place.js';
import { snippets } from './snippets.js';

/** Characters after which the editor asks by itself. */
const triggerCharacters = ['.', '"', ' '];

/** What may be written next: words and clauses from the grammar, everything else from the catalogue and the inventory. */
export class PolicyCompletionProvider extends DefaultCompletionProvider {
    override readonly completionOptions = { triggerCharacters };
    readonly #inventoryOf: (document: LangiumDocument) => Promise<Inventory | undefined>;
    readonly #documents: () => LangiumDocuments;
    /** Matches the beginning of a keyword of several words, from its second word on, at the end of a text. */
    readonly #keywords: RegExp;

    constructor(services: LangiumServices, inventoryOf: (document: LangiumDocument) => Promise<Inventory | undefined>) {
        super(services);
        this.#inventoryOf = inventoryOf;
        this.#documents = () => services.shared.workspace.LangiumDocuments;
        this.#keywords = beginnings(phrasesOf(services.Grammar));
    }

    override async getCompletion(document: LangiumDocument, params: CompletionParams): Promise<CompletionList | undefined> {
        const offset = document.textDocument.offsetAt(params.position);
        const place = placeAt(document.textDocument.getText().slice(0, offset));
        switch (place.kind) {
            case 'comment':
                return undefined;
            case 'string':
                return this.#list(stringItems(place.before, await this.#inventoryOf(document)), document, offset, place.typed);
            case 'attribute':
                return this.#list(
                    attributeItems(place.entity, place.path, await this.#inventoryOf(document)),
                    document,
                    offset,
                    place.typed,
                );
            case 'unit': {
                const list = this.#list(unitItems(place.before, place.spaced), document, offset, place.typed);
                // A count needs no unit: what else may follow is offered too, once a blank has ended the number.
                const words = place.spaced ? await super.getCompletion(document, params) : undefined;
                return CompletionList.create([...list.items, ...(words?.items ?? [])], true);
            }
            case 'expression':
                return asked(params, place)
                    ? this.#list(expressionItems(place, this.#declared(document)), document, offset, place.typed)
                    : undefined;
            case 'word':
                return asked(params, place)
                    ? ((await this.#phrases(document, params)) ?? (await super.getCompletion(document, params)))
                    : undefined;
        }
    }

    /** What is left of a keyword of several words: `on fa|`. The keyword is looked for where its first word stands. */
    async #phrases(document: LangiumDocument, params: CompletionParams): Promise<CompletionList | undefined> {
        const end = document.textDocument.offsetAt(params.position);
        const begun = this.#keywords.exec(document.textDocument.getText().slice(0, end));
        if (begun === null) return undefined;
        const position = document.textDocument.positionAt(begun.index);
        const list = await super.getCompletion(document, { ...params, position });
        const written = begun[0].replaceAll(/\s+/g, ' ');
        const range = { start: position, end: params.position };
        const fitting = (list?.items ?? []).filter((item) => item.label.startsWith(written));
        const items = fitting.map((item) => ({
            ...item,
            filterText: begun[0],
            textEdit: { range, newText: item.insertText ?? item.label },
        }));
        return items.length === 0 ? undefined : CompletionList.create(items, true);
    }

    /** Everything that a name in an expression can stand for. */
    #declared(document: LangiumDocument): readonly DeclaredName[] {
        const files = withImports(document as LangiumDocument<ast.MigFile>, this.#documents());
        return files
            .flatMap((file) => file.parseResult.value.declarations)
            .filter((node) => ast.isParam(node) || ast.isLet(node) || ast.isGroup(node))
            .flatMap((node) => {
                // A declaration that is being written has no name yet, whatever its type says.
                const { name } = node as Partial<typeof node>;
                if (name === undefined) return [];
                const text = describeDeclaration(node, this.documentationProvider.getDocumentation(node));
                return [{ name, kind: this.nodeKindProvider.getCompletionItemKind(node), text }];
            });
    }

    /** A word by itself and, where there are, the clauses that begin with it. */
    protected override completionForKeyword(
        context: CompletionContext,
        keyword: GrammarAST.Keyword,
        acceptor: CompletionAcceptor,
    ): MaybePromise<void> {
        if (!this.filterKeyword(context, keyword)) return;
        const text = describeWord(keyword.value);
        const documentation = text === undefined ? {} : { documentation: { kind: MarkupKind.Markdown, value: text } };
        acceptor(context, { label: keyword.value, kind: CompletionItemKind.Keyword, sortText: '2', ...documentation });
        if (this.clientCapabilities?.completionItem?.snippetSupport !== true) return;
        const rules = rulesWith(keyword.value, context);
        for (const snippet of snippets.filter((s) => s.word === keyword.value && rules.has(s.rule))) {
            acceptor(context, {
                label: snippet.label,
                kind: CompletionItemKind.Snippet,
                insertText: snippet.insert,
                insertTextFormat: InsertTextFormat.Snippet,
                sortText: '1',
                ...documentation,
            });
        }
    }

    /** Items with the edit that replaces what was typed of them. */
    #list(items: readonly CompletionItem[], document: LangiumDocument, offset: number, typed: string): CompletionList {
        const at = (where: number): Position => document.textDocument.positionAt(where);
        const range = { start: at(offset - typed.length), end: at(offset) };
        const edited = items.map(({ insertText, ...item }) => ({ ...item, textEdit: { range, newText: insertText ?? item.label } }));
        return CompletionList.create(edited, false);
    }
}

/** A blank asks by itself only after a number, where units follow; elsewhere it would be in the way of writing. */
const asked = (params: CompletionParams, place: Extract<Place, { kind: 'word' | 'expression' }>): boolean =>
    params.context?.triggerCharacter === undefined || (params.context.triggerCharacter !== ' ' && place.typed !== '');

/** The rules in which a word may stand at this place: Langium asks once a word, whatever the number of rules. */
function rulesWith(word: string, context: CompletionContext): ReadonlySet<string> {
    const rules = context.features
        .map((next) => next.feature)
        .filter((feature) => GrammarAST.isKeyword(feature) && feature.value === word)
        .map((feature) => AstUtils.getContainerOfType(feature, GrammarAST.isParserRule)?.name);
    return new Set(rules.filter((name) => name !== undefined));
}

const phrasesOf = (grammar: GrammarAST.Grammar): readonly string[] => [
    ...new Set(
        AstUtils.streamAllContents(grammar)
            .filter(GrammarAST.isKeyword)
            .map((keyword) => keyword.value)
            .filter((value) => value.includes(' ')),
    ),
];

/** For `on failure`: `on `, `on f`, … `on failure` at the end of a text. */
function beginnings(phrases: readonly string[]): RegExp {
    const optional = (letters: string): string =>
        letters === '' ? '' : `(?:${letters[0] === ' ' ? String.raw`\s+` : letters[0]}${optional(letters.slice(1))})?`;
    const alternatives = phrases.map((phrase) => {
        const second = phrase.indexOf(' ');
        return `${phrase.slice(0, second)}\\s+${optional(phrase.slice(second + 1))}`;
    });
    return new RegExp(`(?<![\\w.])(?:${alternatives.join('|')})$`);
}
