import { EmptyFileSystem, type LangiumParser, type ParseResult } from 'langium';
import type { MigFile } from '../generated/ast.js';
import { createMigCoreServices } from '../services.js';
import { layoutOf } from './layout.js';
import { print } from './print.js';
import { sourceOf } from './source.js';

/** A change of a text, by offsets in it. */
export interface TextChange {
    readonly start: number;
    readonly end: number;
    readonly text: string;
}

/**
 * The text of a policy file in its canonical style; undefined where it has syntax errors, and is better left alone.
 * What it means does not change: the same tree comes out of it, and the same comments in the same order.
 */
export function formatText(text: string): string | undefined {
    const changes = formatChanges(parser().parse<MigFile>(text), text);
    return changes && applied(changes, text);
}

/** What has to change in a parsed text to bring it into its canonical style, in the order of the text and nowhere overlapping. */
export function formatChanges(result: ParseResult<MigFile>, text: string): readonly TextChange[] | undefined {
    const { lexerErrors, lexerReport, parserErrors } = result;
    if (lexerErrors.length + parserErrors.length + (lexerReport?.diagnostics.length ?? 0) > 0) return undefined;
    const source = sourceOf(result);
    if (source === undefined) return undefined;
    return print(source, layoutOf(result.value, source)).filter((piece) => text.slice(piece.start, piece.end) !== piece.text);
}

function applied(changes: readonly TextChange[], text: string): string {
    let at = 0;
    const parts: string[] = [];
    for (const change of changes) {
        parts.push(text.slice(at, change.start), change.text);
        at = change.end;
    }
    return parts.join('') + text.slice(at);
}

let ours: LangiumParser | undefined;
/** Built for the first text: it holds nothing between two of them. */
const parser = (): LangiumParser => (ours ??= createMigCoreServices(EmptyFileSystem).mig.parser.LangiumParser);
