import { fc, test } from '@fast-check/vitest';
import { type AstNode, type CstNode, EmptyFileSystem, isAstNode, isCompositeCstNode, isReference } from 'langium';
import { describe, expect } from 'vitest';
import type { MigFile } from '../generated/ast.js';
import { createMigCoreServices } from '../services.js';
import { untidyPrograms } from '../testing/programs.js';
import { type ParsedFile, reparse } from './reparse.js';

const { mig } = createMigCoreServices(EmptyFileSystem);
const parse = (text: string): ParsedFile => mig.parser.LangiumParser.parse<MigFile>(text);

/** A syntax tree as text: every property, with the place of each node and of each word of it. */
function shown(result: ParsedFile): unknown {
    const node = (one: AstNode): unknown =>
        Object.fromEntries([
            ['where', cst(one.$cstNode)],
            ['in', [one.$container?.$type, one.$containerProperty, one.$containerIndex]],
            ...Object.entries(one)
                .filter(([name]) => !name.startsWith('$') || name === '$type')
                .map(([name, value]) => [name, property(value)]),
        ]);
    const property = (value: unknown): unknown => {
        if (Array.isArray(value)) return value.map(property);
        if (isReference(value)) return { to: value.$refText, where: cst(value.$refNode) };
        return isAstNode(value) ? node(value) : value;
    };
    const cst = (one: CstNode | undefined): unknown =>
        one && [
            one.offset,
            one.end,
            one.range,
            one.hidden,
            one.text,
            one.root === result.value.$cstNode,
            isCompositeCstNode(one) && one.content.map(cst),
        ];
    return {
        value: node(result.value),
        lexer: result.lexerErrors.map(({ offset, message }) => [offset, message]),
        report: result.lexerReport?.diagnostics,
        parser: result.parserErrors.map(({ token, message }) => [token.startOffset, message]),
    };
}

const three = ['let a = vm.cpu > 50%', '/** Second. */', 'let b = vm.memory > 2 GiB', '', 'technique t = precopy { downtime 5 ms }'].join(
    '\n',
);

describe('a text that is changed', () => {
    test('keeps the items that stand as they stood', () => {
        const before = parse(three);
        const [a, b, t] = before.value.declarations;
        const after = reparse(before, three.replace('2 GiB', '16 GiB'), parse);
        expect(after.value.declarations[0]).toBe(a);
        expect(after.value.declarations[1]).not.toBe(b);
        expect(after.value.declarations[2]).toBe(t);
    });

    test('keeps them through an error, and when it is mended', () => {
        const before = parse(three);
        const [a, b, t] = before.value.declarations;
        const broken = reparse(before, three.replace('2 GiB', '2 GiB >'), parse);
        expect(broken.parserErrors).not.toEqual([]);
        expect([broken.value.declarations[0], broken.value.declarations[2]]).toEqual([a, t]);
        expect(broken.value.declarations[0]).toBe(a);
        const mended = reparse(broken, three, parse);
        expect(mended.value.declarations[0]).toBe(a);
        expect(mended.value.declarations[1]).not.toBe(b);
        expect(mended.value.declarations[2]).toBe(t);
    });

    test('is moved once where the change turns out to reach further than it seemed', () => {
        const before = 'let a = vm.cpu > 5%\nlet b = vm.cpu > 6%\ncalendar c = [2027-04-02]';
        const after = before.replace('let b =', 'and');
        expect(shown(reparse(parse(before), after, parse))).toEqual(shown(parse(after)));
    });

    test('is read around the change only', () => {
        const texts: string[] = [];
        const long = Array.from({ length: 50 }, (_, n) => `let a${n} = vm.cpu > ${n}%`).join('\n');
        reparse(parse(long), long.replace('> 25%', '> 26%'), (text) => {
            texts.push(text);
            return parse(text);
        });
        expect(texts).toHaveLength(1);
        expect(texts[0]?.split('\n').filter((line) => line !== '')).toHaveLength(2);
    });

    test.each([
        ['at its start', (text: string) => `param p: rate\n${text}`],
        ['at its end', (text: string) => `${text}\nparam p: rate`],
        ['so that one item takes from the next', (text: string) => text.replace('50%', '50% and')],
        ['so that one item becomes two', (text: string) => text.replace('= vm.memory', '= vm.cpu let c = vm.memory')],
        ['so that a comment swallows an item', (text: string) => text.replace('50%', '50% /*')],
        ['by taking all of it away', () => ''],
        ['on one long line', (text: string) => text.replaceAll('\n', ' ').replace('2 GiB', '20000 GiB')],
    ])('%s reads as it would by itself', (_, change) => {
        for (const before of [three, three.replaceAll('\n', ' ')]) {
            const after = change(before);
            expect(shown(reparse(parse(before), after, parse))).toEqual(shown(parse(after)));
            expect(shown(reparse(parse(after), before, parse))).toEqual(shown(parse(before)));
        }
    });
});

const pieces = fc.constantFrom(
    '',
    ' ',
    '\n',
    '\r',
    '1',
    'x',
    '{',
    '}',
    '/*',
    '*/',
    '//',
    '"',
    'let c = 3 > 2\n',
    'policy',
    ' and ',
    'until',
    '§',
    'where',
);
const edit = fc.record({ at: fc.nat(), cut: fc.oneof(fc.constant(0), fc.nat(3), fc.nat(200)), put: pieces });

test.prop([untidyPrograms, fc.array(edit, { minLength: 1, maxLength: 6 })], { numRuns: 300 })(
    'however often it is changed, it reads as it would by itself',
    (text, edits) => {
        let now = text;
        let result = parse(now);
        for (const { at, cut, put } of edits) {
            const place = at % (now.length + 1);
            now = now.slice(0, place) + put + now.slice(place + cut);
            result = reparse(result, now, parse);
            expect(shown(result)).toEqual(shown(parse(now)));
        }
    },
);
