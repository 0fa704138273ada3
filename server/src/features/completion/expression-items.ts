/** Completion items for where a condition or a value begins. */
import { type CompletionItem, CompletionItemKind, InsertTextFormat, MarkupKind } from 'vscode-languageserver';
import { describeWord } from '../../words/word-texts.js';
import type { Place } from './place.js';

/** A param, a let or a group that may stand in an expression. */
export interface DeclaredName {
    readonly name: string;
    readonly kind: CompletionItemKind;
    readonly text: string | undefined;
}

type ExpressionPlace = Extract<Place, { kind: 'expression' }>;

const conditionLeads: ReadonlySet<string> = new Set(['when', 'until', 'where', 'except', 'and', 'or', 'not', '(']);

/** Entities, states, declared names and what else an expression can begin with. */
export function expressionItems(place: ExpressionPlace, declared: readonly DeclaredName[]): CompletionItem[] {
    const inTechnique = place.within === 'technique';
    const condition = conditionLeads.has(place.lead);
    return [
        ...declared.map(nameItem),
        ...(inTechnique ? ladderItems(place.lead) : []),
        ...(condition && !inTechnique ? states : []),
        ...entities,
        ...(condition ? [word('not'), metric] : []),
    ].map((item, index) => ({ ...item, sortText: String(index).padStart(3, '0') }));
}

const nameItem = ({ name, kind, text }: DeclaredName): CompletionItem => ({
    label: name,
    kind,
    ...(text !== undefined && { documentation: { kind: MarkupKind.Markdown, value: text } }),
});

/** With the dot, after which the attributes are asked for at once. */
const entity = (name: string, detail: string): CompletionItem => ({
    label: name,
    kind: CompletionItemKind.Struct,
    detail,
    insertText: `${name}.`,
    command: { title: 'Suggest', command: 'editor.action.triggerSuggest' },
});

const entities: readonly CompletionItem[] = [
    entity('vm', 'the candidate'),
    entity('host', 'the host, or the candidate destination after `to hosts`'),
    entity('source', 'the host that is being left'),
    entity('cluster', 'all hosts'),
];

const states: readonly CompletionItem[] = ['host is in maintenance', 'host is failing', 'host is healthy'].map((label) => ({
    label,
    kind: CompletionItemKind.Value,
}));

const word = (label: string): CompletionItem => {
    const text = describeWord(label);
    return {
        label,
        kind: CompletionItemKind.Keyword,
        ...(text !== undefined && { documentation: { kind: MarkupKind.Markdown, value: text } }),
    };
};

const metric: CompletionItem = {
    label: 'metric "…"',
    kind: CompletionItemKind.Snippet,
    detail: 'a Prometheus expression',
    insertText: 'metric "${1:up}" > ${2:0}',
    insertTextFormat: InsertTextFormat.Snippet,
};

/** What a rung can wait for. */
function ladderItems(lead: string): readonly CompletionItem[] {
    const stalled: CompletionItem = {
        label: 'stalled for … iterations: …',
        kind: CompletionItemKind.Snippet,
        insertText: 'stalled for ${1:3} iterations: downtime ${2:450 ms}',
        insertTextFormat: InsertTextFormat.Snippet,
        documentation: { kind: MarkupKind.Markdown, value: describeWord('stalled') ?? '' },
    };
    return [...(lead === 'when' ? [stalled] : []), word('iteration'), word('elapsed'), word('remaining')];
}
