import { type Fix, fixesTogether, suppressingEdit, textRules } from '@mig/language';
import { silenceable } from '@mig/runtime/core';
import type { LangiumDocument } from 'langium';
import type { CodeActionProvider } from 'langium/lsp';
import { type CodeAction, CodeActionKind, type CodeActionParams, type Diagnostic, type TextEdit } from 'vscode-languageserver';

/** Also reached as `source.fixAll`, when a file is saved or from the menu. */
export const fixAllKind = `${CodeActionKind.SourceFixAll}.mig`;

/** Offers the fixes that findings bring with them, to silence a rule on a line, and to make all fixes at once. */
export class PolicyCodeActions implements CodeActionProvider {
    getCodeActions(document: LangiumDocument, { context }: CodeActionParams): CodeAction[] {
        const wants = (kind: string): boolean =>
            context.only?.some((only) => only === '' || kind === only || kind.startsWith(`${only}.`)) ?? true;
        return [
            ...(wants(CodeActionKind.QuickFix) ? quickFixes(document, context.diagnostics) : []),
            ...(wants(fixAllKind) ? fixAll(document) : []),
        ];
    }
}

function quickFixes(document: LangiumDocument, diagnostics: readonly Diagnostic[]): CodeAction[] {
    const mending = diagnostics.flatMap((diagnostic) =>
        fixesOf(diagnostic).map((fix, index) => ({
            title: fix.title,
            kind: CodeActionKind.QuickFix,
            diagnostics: [diagnostic],
            isPreferred: index === 0,
            edit: changing(document, fix.edits),
        })),
    );
    return [...mending, ...diagnostics.flatMap((diagnostic) => silencing(document, diagnostic))];
}

/** A comment above the line. It holds once its reason is written. */
function silencing(document: LangiumDocument, diagnostic: Diagnostic): CodeAction[] {
    const rule = silenceable(textRules).find(({ id }) => id === diagnostic.code);
    if (!rule) return [];
    const edit = suppressingEdit(document.textDocument.getText(), diagnostic.range.start.line, rule.id);
    return [
        {
            title: `Silence ${rule.name} (${rule.id}) on this line, and say why`,
            kind: CodeActionKind.QuickFix,
            diagnostics: [diagnostic],
            edit: changing(document, [edit]),
        },
    ];
}

function fixAll(document: LangiumDocument): CodeAction[] {
    const found = (document.diagnostics ?? []).map((diagnostic) => ({ id: String(diagnostic.code), fixes: fixesOf(diagnostic) }));
    const edits = fixesTogether(found).flatMap(({ fix }) => fix.edits);
    return edits.length === 0 ? [] : [{ title: 'Fix all', kind: fixAllKind, edit: changing(document, edits) }];
}

function changing(document: LangiumDocument, edits: Fix['edits']): NonNullable<CodeAction['edit']> {
    const changes = edits.map(({ range: { start, end }, newText }): TextEdit => ({ range: { start, end }, newText }));
    return { changes: { [document.uri.toString()]: changes } };
}

/** Diagnostics come back from the client as they were sent, with the fixes in their data. */
function fixesOf({ data }: { readonly data?: unknown }): readonly Fix[] {
    return typeof data === 'object' && data !== null && 'fixes' in data && Array.isArray(data.fixes) ? (data.fixes as Fix[]) : [];
}
