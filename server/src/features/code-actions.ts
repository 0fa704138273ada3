import type { Fix } from '@mig/language';
import type { CodeActionProvider } from 'langium/lsp';
import { type CodeAction, CodeActionKind, type CodeActionParams, type Diagnostic } from 'vscode-languageserver';

/** Offers the fixes that findings bring with them. */
export class PolicyCodeActions implements CodeActionProvider {
    getCodeActions(document: { readonly uri: { toString(): string } }, { context }: CodeActionParams): CodeAction[] {
        const uri = document.uri.toString();
        return context.diagnostics.flatMap((diagnostic) =>
            fixesOf(diagnostic).map((fix, index) => ({
                title: fix.title,
                kind: CodeActionKind.QuickFix,
                diagnostics: [diagnostic],
                isPreferred: index === 0,
                edit: {
                    changes: { [uri]: fix.edits.map(({ range, newText }) => ({ range: { start: range.start, end: range.end }, newText })) },
                },
            })),
        );
    }
}

/** Diagnostics come back from the client as they were sent, with the fixes in their data. */
function fixesOf(diagnostic: Diagnostic): readonly Fix[] {
    const data: unknown = diagnostic.data;
    return typeof data === 'object' && data !== null && 'fixes' in data && Array.isArray(data.fixes) ? (data.fixes as Fix[]) : [];
}
