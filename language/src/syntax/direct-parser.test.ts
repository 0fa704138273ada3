import { fc, test as property } from '@fast-check/vitest';
import type { AstNode, CstNode, ParseResult } from 'langium';
import { EmptyFileSystem, isAstNode, isCompositeCstNode, isLeafCstNode, isReference, LangiumParser } from 'langium';
import { describe, expect, test } from 'vitest';
import type { MigFile } from '../generated/ast.js';
import { createMigCoreServices } from '../services.js';
import { untidyPrograms } from '../testing/programs.js';
import { evacuate, techniques, tour } from '../testing/tour.js';
import { DirectParser } from './direct-parser.js';
import { LookaheadWhenNeeded } from './lookahead.js';

const { mig: services } = createMigCoreServices(EmptyFileSystem);
const parser = services.parser.LangiumParser;
const ours = (text: string): ParseResult<MigFile> => parser.parse<MigFile>(text);
const theirs = (text: string): ParseResult<MigFile> => LangiumParser.prototype.parse.call(parser, text) as ParseResult<MigFile>;

/** Pieces of the grammar, numbered: two trees name the very same. */
const pieces = new Map<object, number>();
const pieceOf = (piece: object): number => pieces.get(piece) ?? (pieces.set(piece, pieces.size), pieces.size - 1);

/** Everything that two trees can differ in, without their circles. */
function shape({ value, parserErrors, lexerErrors, lexerReport }: ParseResult<MigFile>): unknown {
    const numbers = new Map<AstNode, number>();
    const numbered = (node: AstNode): number => numbers.get(node) ?? (numbers.set(node, numbers.size), numbers.size - 1);
    const places = new Map<object, number>();
    const ofText = (node: CstNode): unknown => ({
        at: [node.offset, node.length, node.range, node.hidden, node.text],
        source: node.grammarSource && pieceOf(node.grammarSource),
        token: isLeafCstNode(node) ? node.tokenType.name : undefined,
        ast: numbered(node.astNode),
        container: node.container && places.get(node.container),
        content: isCompositeCstNode(node) ? (places.set(node, places.size), node.content.map(ofText)) : undefined,
    });
    const of = (part: unknown): unknown => {
        if (Array.isArray(part)) return part.map(of);
        if (isReference(part)) return { text: part.$refText, at: part.$refNode?.offset };
        if (!isAstNode(part)) return part;
        const { $container, $containerProperty, $containerIndex, $cstNode } = part;
        const own = Object.entries(part).filter(([name]) => !name.startsWith('$'));
        return {
            number: numbered(part),
            type: part.$type,
            in: [$container && numbered($container), $containerProperty, $containerIndex],
            text: $cstNode && places.get($cstNode),
            at: $cstNode && [$cstNode.offset, $cstNode.end],
            ...Object.fromEntries(own.map(([name, inner]) => [name, of(inner)])),
        };
    };
    return [value.$cstNode && ofText(value.$cstNode), of(value), parserErrors.map(({ message }) => message), lexerErrors, lexerReport];
}

describe('a text is read to the same trees as by the parser that goes on after errors', () => {
    test.each([
        ['of every clause', tour],
        ['of a real policy', evacuate],
        ['of techniques', techniques],
        ['of nothing', ''],
        ['of comments only', '// one\n\n/* two */\n'],
        ['with comments everywhere', evacuate.replaceAll(/ (?=\S)/g, ' /* here */ ')],
        ['with a sign that is no token', 'policy p { ~ move vms to hosts using precopy }'],
    ])('%s', (_, text) => {
        expect(shape(ours(text))).toEqual(shape(theirs(text)));
    });

    property.prop([untidyPrograms], { numRuns: 200 })('of any clauses', (text) => {
        expect(shape(ours(text))).toEqual(shape(theirs(text)));
    });

    property.prop([fc.nat(), fc.nat({ max: 30 })], { numRuns: 100 })('of clauses with something left out', (at, length) => {
        const start = at % evacuate.length;
        const text = evacuate.slice(0, start) + evacuate.slice(start + length);
        expect(shape(ours(text))).toEqual(shape(theirs(text)));
    });
});

describe('a long text, which is read in parts', () => {
    const long = (block: string): string => Array.from({ length: Math.ceil(100_000 / block.length) }, () => block).join('\n');
    test.each([
        ['as it is', long(evacuate)],
        ['with lines that end as on Windows', long(evacuate).replaceAll('\n', '\r\n')],
        ['with comments between and behind', `${long(`// one\n${evacuate}/* two\n}\n*/\n/** three */\n`)}// four`],
        ['in which parts would end inside a comment', long(`/*\n${'}\n'.repeat(3000)}*/\n${evacuate}`)],
        ['without an end of a block', long(evacuate).replaceAll('\n}', '\n  }')],
        ['with a sign that is no token', `${long(evacuate)}~\n${evacuate}`],
        ['with an error at its end', `${long(evacuate)}policy`],
    ])('%s', (_, text) => {
        // A difference would be too long to be shown.
        expect(JSON.stringify(shape(ours(text))) === JSON.stringify(shape(theirs(text)))).toBe(true);
    });
});

test('texts without errors are read directly, others are not', () => {
    const { lookaheadStrategy } = (parser as unknown as { wrapper: { lookaheadStrategy: LookaheadWhenNeeded } }).wrapper;
    const direct = new DirectParser(services, lookaheadStrategy);
    expect(direct.parse(tour)?.value.$type).toBe('MigFile');
    expect(direct.parse(`${tour}}`)).toBeUndefined();
    expect(direct.parse('policy p {')).toBeUndefined();
    expect(direct.parse(evacuate)?.value.$type).toBe('MigFile');
});
