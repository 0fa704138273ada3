import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { fixesTogether, withEdits } from './fixes.js';

const edit = (from: number, to: number, newText: string, source = 0) => ({
    range: { source, start: { line: 0, character: from }, end: { line: 0, character: to } },
    newText,
});
const finding = (...edits: ReturnType<typeof edit>[]) => ({ id: 'MIG301', fixes: [{ title: 't', edits }] });
const mend = (text: string, ...findings: ReturnType<typeof finding>[]) =>
    withEdits(
        text,
        fixesTogether(findings).flatMap(({ fix }) => fix.edits),
    );

describe('fixes that are made together', () => {
    test('are made wherever they stand in the text', () => {
        expect(mend('one two three', finding(edit(8, 13, '3')), finding(edit(0, 3, '1')), finding(edit(4, 7, '2')))).toBe('1 2 3');
    });

    test('are the earlier ones where two overlap or touch', () => {
        expect(mend('one two', finding(edit(0, 5, 'A')), finding(edit(4, 7, 'B')))).toBe('Awo');
        expect(mend('one', finding(edit(3, 3, ' a')), finding(edit(3, 3, ' b')))).toBe('one a');
    });

    test('are whole, or not made', () => {
        expect(mend('one two', finding(edit(0, 3, '1')), finding(edit(4, 7, '2'), edit(1, 2, 'x')))).toBe('1 two');
        expect(mend('one', finding(edit(0, 3, '1', 1)))).toBe('one');
        expect(fixesTogether([{ id: 'MIG301', fixes: [] }])).toEqual([]);
    });

    test('are those of errors alone where there are any', () => {
        const error = { ...finding(edit(0, 3, '1')), id: 'MIG101' };
        expect(mend('one two', finding(edit(4, 7, '2')), error)).toBe('1 two');
        expect(mend('one two', finding(edit(4, 7, '2')), { id: 'MIG001', fixes: [] })).toBe('one two');
    });

    test('are none that a person has to choose', () => {
        const asks = (title: string, text: string) => ({ title, edits: [edit(0, 1, text)], asks: true as const });
        expect(fixesTogether([{ id: 'MIG301', fixes: [asks('a', 'x')] }])).toEqual([]);
        const fixes = [asks('a', 'x'), { title: 'b', edits: [edit(0, 1, 'y')] }];
        expect(fixesTogether([{ id: 'MIG301', fixes }])[0]?.fix.title).toBe('b');
    });

    test('are the first that each finding offers', () => {
        expect(
            fixesTogether([
                {
                    id: 'MIG301',
                    fixes: [
                        { title: 'a', edits: [edit(0, 1, 'x')] },
                        { title: 'b', edits: [edit(0, 1, 'y')] },
                    ],
                },
            ])[0]?.fix.title,
        ).toBe('a');
    });
});

test('lines are counted as they end', () => {
    const range = { source: 0, start: { line: 1, character: 0 }, end: { line: 2, character: 0 } };
    expect(withEdits('a\r\nb\r\nc', [{ range, newText: '' }])).toBe('a\r\nc');
    expect(withEdits('a\nb', [{ range, newText: '' }])).toBe('a\n');
});

test.prop([fc.string(), fc.array(fc.tuple(fc.nat(20), fc.nat(5), fc.string()), { maxLength: 6 })])(
    'no text is lost but what the edits name',
    (text, parts) => {
        const line = text.replaceAll(/[\r\n]/g, ' ');
        const findings = parts.map(([from, length, newText]) =>
            finding(edit(Math.min(from, line.length), Math.min(from + length, line.length), newText)),
        );
        const taken = fixesTogether(findings).flatMap(({ fix }) => fix.edits);
        const removed = taken.reduce((sum, { range }) => sum + range.end.character - range.start.character, 0);
        const added = taken.reduce((sum, { newText }) => sum + newText.length, 0);
        expect(withEdits(line, taken)).toHaveLength(line.length - removed + added);
    },
);
