import type { AstNode, CstNode, LexerResult, ParseResult } from 'langium';
import { CompositeCstNodeImpl, LeafCstNodeImpl, RootCstNodeImpl } from 'langium';
import type { Declaration, Import, Inventory, MigFile } from '../generated/ast.js';
import { type Change, changeBetween, type Shift, shiftTo } from './change.js';
import { firstWord } from './words.js';

/** What a file consists of. */
type Item = Inventory | Import | Declaration;

/** An item with its place, and where its part of the root's content begins (with the comments before it) and ends. */
interface Piece {
    readonly item: Item;
    readonly node: CstNode;
    readonly start: number;
    readonly end: number;
    readonly firstNode: number;
    readonly endNode: number;
}

export type ParsedFile = ParseResult<MigFile>;

/**
 * Parses a text of which an earlier version has been parsed. Items that stand unchanged keep their nodes, which are moved to
 * where they stand now: the earlier result cannot be used any more. Comes to the same as `parse(text)`.
 *
 * Where there are no errors, only what stands around the change is read: the items that it touches and the one behind them,
 * since a change may make an item end earlier or later; and the one before them, where the change is in a first word.
 */
export function reparse(earlier: ParsedFile, text: string, parse: (text: string) => ParsedFile): ParsedFile {
    const old = piecesOf(earlier.value);
    const before = earlier.value.$cstNode?.root.fullText;
    if (old === undefined || before === undefined) return parse(text);
    const change = changeBetween(before, text);
    return around(earlier, old, change, parse) ?? inFull(earlier, old, change, parse);
}

function around(earlier: ParsedFile, old: readonly Piece[], change: Change, parse: (text: string) => ParsedFile): ParsedFile | undefined {
    if (old.length === 0 || !isSound(earlier)) return undefined;
    const { from, oldTo, shift, text } = change;
    const first = firstToRead(old, from);
    const next = old.findIndex((piece) => piece.start > oldTo);
    const last = next < 0 ? undefined : old[next];
    const before = old[first - 1];
    const start = before?.end ?? 0;
    const part = text.slice(start, last ? last.end + shift.offset : undefined);
    const slice = parse(part);
    if (!isSound(slice)) return undefined;
    const root = rootOf(slice.value);
    const there = shiftTo({ offset: start, ...(before?.node.range.end ?? { line: 0, character: 0 }) }, part);
    for (const node of root?.content ?? []) move(node, there);
    const read = piecesOf(slice.value);
    if (!root || !read) return undefined;
    const kept = keep(old.slice(first, last && next + 1), read, change);
    // What nothing has touched has to read as it did: else it takes some of what was changed, or gives some of it away.
    const sameStart = (old[first]?.end ?? from) >= from || kept.has(read[0]);
    const sameEnd = last === undefined || kept.has(read.at(-1));
    if (!sameStart || !sameEnd) return undefined;
    const content = rootOf(earlier.value)?.content ?? [];
    const behind = last ? content.slice(last.endNode) : [];
    for (const node of behind) move(node, shift);
    const nodes = [...content.slice(0, old[first]?.firstNode), ...contentWith(root, read, kept, change), ...behind];
    const items = [
        ...old.slice(0, first).map(({ item }) => item),
        ...read.map((piece) => (kept.get(piece) ?? piece).item),
        ...(last ? old.slice(next + 1).map(({ item }) => item) : []),
    ];
    return { ...slice, value: assembled(slice.value, items, nodes, text) };
}

/**
 * The first item that the change touches; the one before it where the change may be in its first word, by which the one
 * before knows that it has ended.
 */
function firstToRead(old: readonly Piece[], from: number): number {
    const touched = old.findIndex((piece) => piece.end >= from);
    const piece = old[touched];
    if (piece && firstWord(piece.node).end < from) return touched;
    return Math.max(0, (touched < 0 ? old.length : touched) - 1);
}

/** Reads all of it, and takes over what is unchanged. */
function inFull(earlier: ParsedFile, old: readonly Piece[], change: Change, parse: (text: string) => ParsedFile): ParsedFile {
    const result = parse(change.text);
    const read = piecesOf(result.value);
    const root = rootOf(result.value);
    if (!read || !root) return result;
    const oldErrors = errorPlaces(earlier, change.oldLength);
    const errors = errorPlaces(result, change.text.length);
    const isClean = (pieces: readonly Piece[], places: readonly number[]): ((piece: Piece) => boolean) => {
        const broken = new Set(places.map((place) => pieces.findLast((piece) => piece.start <= place)));
        return (piece) => !broken.has(piece);
    };
    const kept = keep(old.filter(isClean(old, oldErrors)), read.filter(isClean(read, errors)), change);
    if (kept.size === 0) return result;
    const items = read.map((piece) => (kept.get(piece) ?? piece).item);
    return { ...result, value: assembled(result.value, items, contentWith(root, read, kept, change), change.text) };
}

/** What was read again and stands unchanged, with what it was read as before. */
function keep(old: readonly Piece[], read: readonly Piece[], { from, oldTo, shift }: Change): ReadonlyMap<Piece | undefined, Piece> {
    const before = new Map(old.filter((piece) => piece.end <= from).map((piece) => [piece.start, piece]));
    const after = new Map(old.filter((piece) => piece.start >= oldTo).map((piece) => [piece.start + shift.offset, piece]));
    const kept = new Map<Piece, Piece>();
    for (const piece of read) {
        const ahead = before.get(piece.start);
        const behind = after.get(piece.start);
        if (ahead?.end === piece.end) kept.set(piece, ahead);
        else if (behind && behind.end + shift.offset === piece.end) kept.set(piece, behind);
    }
    return kept;
}

/** The content of a root, with what is kept in the place of what was read for it, moved to where that stands. */
function contentWith(
    root: RootCstNodeImpl,
    read: readonly Piece[],
    kept: ReadonlyMap<Piece | undefined, Piece>,
    { from, shift }: Change,
): readonly CstNode[] {
    for (const { node, end } of kept.values()) if (end > from) move(node, shift);
    const instead = new Map(read.flatMap((piece) => (kept.has(piece) ? [[piece.node, kept.get(piece)?.node]] : [])));
    return root.content.map((node) => instead.get(node) ?? node);
}

function assembled(value: MigFile, items: readonly Item[], nodes: readonly CstNode[], text: string): MigFile {
    const root = new RootCstNodeImpl(text);
    root.content = [...nodes];
    for (const node of nodes) Object.assign(node, { container: root });
    const file: MigFile = Object.assign(value, { $cstNode: root });
    root.astNode = file;
    const put = <Kind extends Item>(property: 'inventories' | 'imports' | 'declarations', chosen: readonly Kind[]): Kind[] =>
        chosen.map((item, index) => Object.assign(item, { $container: file, $containerProperty: property, $containerIndex: index }));
    const inventories = items.filter((item) => item.$type === 'Inventory');
    const imports = items.filter((item) => item.$type === 'Import');
    const declarations = items.filter((item): item is Declaration => item.$type !== 'Inventory' && item.$type !== 'Import');
    return Object.assign(file, {
        inventories: put('inventories', inventories),
        imports: put('imports', imports),
        declarations: put('declarations', declarations),
    });
}

const rootOf = (file: MigFile): RootCstNodeImpl | undefined => (file.$cstNode instanceof RootCstNodeImpl ? file.$cstNode : undefined);

/** Undefined where the nodes of the text and those of its meaning do not go together, which errors can bring about. */
function piecesOf(file: MigFile): readonly Piece[] | undefined {
    const root = rootOf(file);
    if (!root) return undefined;
    const pieces: Piece[] = [];
    let firstNode = 0;
    for (const [index, node] of root.content.entries()) {
        if (node.hidden) continue;
        const item = itemIn(node, file);
        if (!item) return undefined;
        pieces.push({ item, node, start: node.offset, end: node.end, firstNode, endNode: index + 1 });
        firstNode = index + 1;
    }
    const count = file.inventories.length + file.imports.length + file.declarations.length;
    return pieces.length === count ? pieces : undefined;
}

/** The item that a node of the root's content is the text of. */
function itemIn(node: CstNode, file: MigFile): Item | undefined {
    let within: CstNode | undefined = node;
    while (within instanceof CompositeCstNodeImpl) {
        const found: AstNode = within.astNode;
        if (found !== file) return found.$container === file ? (found as Item) : undefined;
        within = within.content.find((part) => !part.hidden);
    }
    return undefined;
}

/** What Langium keeps of a token's place. It moves no tokens itself. */
interface Place {
    _offset: number;
    readonly _length: number;
    _startLine: number;
    _startColumn: number;
    _endLine: number;
    _endColumn: number;
}

function move(top: CstNode, { offset, lines, columns, lineEnd }: Shift): void {
    if (offset === 0 && lines === 0 && columns === 0) return;
    const waiting: CstNode[] = [top];
    for (let node = waiting.pop(); node; node = waiting.pop()) {
        if (node instanceof CompositeCstNodeImpl) {
            (node as unknown as { _rangeCache: undefined })._rangeCache = undefined;
            waiting.push(...node.content);
        } else if (node instanceof LeafCstNodeImpl) {
            const place = node as unknown as Place;
            if (place._offset < lineEnd) place._startColumn += columns;
            if (place._offset + place._length <= lineEnd) place._endColumn += columns;
            place._offset += offset;
            place._startLine += lines;
            place._endLine += lines;
        }
    }
}

const diagnosticsOf = ({ lexerReport }: ParsedFile): NonNullable<LexerResult['report']>['diagnostics'] => lexerReport?.diagnostics ?? [];

const isSound = (result: ParsedFile): boolean =>
    result.lexerErrors.length === 0 && result.parserErrors.length === 0 && diagnosticsOf(result).length === 0;

/** Where the errors are; those without a place are at the end. */
function errorPlaces(result: ParsedFile, end: number): readonly number[] {
    const tokens = result.parserErrors.flatMap((error) => [
        error.token.startOffset,
        ...error.resyncedTokens.map((token) => token.startOffset),
    ]);
    const lexing = [...result.lexerErrors, ...diagnosticsOf(result)].map(({ offset }) => offset);
    return [...tokens, ...lexing].map((place) => (Number.isFinite(place) && place >= 0 ? place : end));
}
