import type { Inventory } from '@mig/runtime/core';
import { AstUtils, GrammarAST, type LangiumDocument, type MaybePromise } from 'langium';
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
import { attributeItems, stringItems, unitItems } from './items.js';
import { type Place, placeAt } from './place.js';
import { snippets } from './snippets.js';

/** Characters after which the editor asks by itself. */
const triggerCharacters = ['.', '"', ' '];

/** What may be written next: words and clauses from the grammar, everything else from the catalogue and the inventory. */
export class PolicyCompletionProvider extends DefaultCompletionProvider {
    override readonly completionOptions = { triggerCharacters };
    readonly #inventoryOf: (document: LangiumDocument) => Promise<Inventory | undefined>;

    constructor(services: LangiumServices, inventoryOf: (document: LangiumDocument) => Promise<Inventory | undefined>) {
        super(services);
        this.#inventoryOf = inventoryOf;
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
            case 'word':
                return asked(params, place) ? super.getCompletion(document, params) : undefined;
        }
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
const asked = (params: CompletionParams, place: Extract<Place, { kind: 'word' }>): boolean =>
    params.context?.triggerCharacter === undefined || (params.context.triggerCharacter !== ' ' && place.typed !== '');

/** The rules in which a word may stand at this place: Langium asks once a word, whatever the number of rules. */
function rulesWith(word: string, context: CompletionContext): ReadonlySet<string> {
    const rules = context.features
        .map((next) => next.feature)
        .filter((feature) => GrammarAST.isKeyword(feature) && feature.value === word)
        .map((feature) => AstUtils.getContainerOfType(feature, GrammarAST.isParserRule)?.name);
    return new Set(rules.filter((name) => name !== undefined));
}
