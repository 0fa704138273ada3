import { type ast, formatChanges, type TextChange } from '@mig/language/lsp';
import { CstUtils, type LangiumDocument } from 'langium';
import type { Formatter } from 'langium/lsp';
import type {
    DocumentOnTypeFormattingOptions,
    DocumentOnTypeFormattingParams,
    DocumentRangeFormattingParams,
    TextEdit,
} from 'vscode-languageserver';

/**
 * Formats policies as `mig-run fmt` does. There is one style: what the editor says of tabs and widths does not count.
 * A text with syntax errors is left alone.
 */
export class PolicyFormatter implements Formatter {
    readonly formatOnTypeOptions: DocumentOnTypeFormattingOptions = { firstTriggerCharacter: '}', moreTriggerCharacter: [';', '\n'] };

    formatDocument(document: LangiumDocument): TextEdit[] {
        return edits(document, () => true);
    }

    /** The lines that the range touches: their words, and how they are indented. What stands behind their last word is left. */
    formatDocumentRange(document: LangiumDocument, { range }: DocumentRangeFormattingParams): TextEdit[] {
        const { textDocument } = document;
        const { start, end } = range;
        // A range that ends where a line begins does not touch it.
        const last = end.character === 0 && end.line > start.line ? end.line - 1 : end.line;
        const from = textDocument.offsetAt({ line: start.line, character: 0 });
        const to = textDocument.offsetAt({ line: last, character: Number.MAX_SAFE_INTEGER });
        return edits(document, (change) => change.end >= from && change.end <= to);
    }

    /** What a key has ended: `}` the part in its braces, `;` and a new line what stands before them on the line. */
    formatDocumentOnType(document: LangiumDocument, { ch, position }: DocumentOnTypeFormattingParams): TextEdit[] {
        const { textDocument } = document;
        const text = textDocument.getText();
        const at = textDocument.offsetAt(position);
        if (ch === '}') {
            const block = blockEndingAt(document, at);
            if (block === undefined) return [];
            const from = lineStart(textDocument, block);
            return edits(document, ({ end }) => end >= from && end <= at);
        }
        const to = ch === '\n' ? textDocument.offsetAt({ line: position.line, character: 0 }) - 1 : at;
        const from = lineStart(textDocument, to);
        // Whoever has just begun a line, and goes on writing, wants to keep it.
        return edits(document, ({ start, end, text: now }) => end >= from && end <= to && !joins(text.slice(start, end), now));
    }
}

const joins = (before: string, after: string): boolean => /[\r\n]/.test(before) && !/[\r\n]/.test(after);

/** Where the line begins on which an offset stands. */
const lineStart = (textDocument: LangiumDocument['textDocument'], offset: number): number =>
    textDocument.offsetAt({ line: textDocument.positionAt(offset).line, character: 0 });

/** Where the part begins that ends with the brace before this offset. */
function blockEndingAt({ parseResult }: LangiumDocument, offset: number): number | undefined {
    const root = parseResult.value.$cstNode;
    const brace = root && CstUtils.findLeafNodeAtOffset(root, offset - 1);
    return brace?.text === '}' ? brace.astNode.$cstNode?.offset : undefined;
}

function edits({ parseResult, textDocument }: LangiumDocument, wanted: (change: TextChange) => boolean): TextEdit[] {
    const changes = formatChanges(parseResult as LangiumDocument<ast.MigFile>['parseResult'], textDocument.getText()) ?? [];
    return changes.filter(wanted).map(({ start, end, text }) => ({
        range: { start: textDocument.positionAt(start), end: textDocument.positionAt(end) },
        newText: text,
    }));
}
