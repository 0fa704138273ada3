import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import type { Finding, Fix } from '../finding.js';
import { suppress } from './suppress.js';
import { suppressingEdit, suppressionsIn } from './suppressions.js';

const rules = [
    { id: 'MIG301', name: 'ladder-without-end' },
    { id: 'MIG302', name: 'rung-that-never-fires' },
    { id: 'MIG401', name: 'version' },
];
const suppressible = { rules, isFixed: (id: string) => id === 'MIG101', judged: (id: string) => id !== 'MIG401' };

const at = (id: string, line: number, source = 0): Finding => ({
    id,
    severity: 'warning',
    message: id,
    hint: undefined,
    range: { source, start: { line, character: 2 }, end: { line, character: 4 } },
    fixes: [],
});
const lint = (text: string, ...findings: Finding[]) => {
    const { kept, about } = suppress(findings, [text], suppressible);
    return { kept: kept.map((f) => f.id), about: about.map((f) => `${f.id} ${f.range.start.line}:${f.range.start.character}`), all: about };
};
const applied = (text: string, fix: Fix | undefined): string => {
    const lines = text.split('\n');
    for (const { range, newText } of fix?.edits ?? []) {
        const [first = '', last = ''] = [lines[range.start.line], lines[range.end.line]];
        const joined = first.slice(0, range.start.character) + newText + last.slice(range.end.character);
        lines.splice(range.start.line, range.end.line - range.start.line + 1, joined);
    }
    return lines.join('\n');
};

describe('a comment', () => {
    test('may be written with a colon, and is told of where its own word is misspelt', () => {
        expect(lint('// mig:disable-next-line MIG301 -- known\nmove', at('MIG301', 1)).kept).toEqual([]);
        for (const word of ['mig-disable-nextline', 'mig-disable', 'mig:disable-line', 'mig-dissable-next-line', 'MIG-disable-next-line']) {
            const { kept, all } = lint(`move\n  // ${word} MIG301 -- known\nmove`, at('MIG301', 2));
            expect(kept).toEqual(['MIG301']);
            expect(all).toMatchObject([{ id: 'MIG008', range: { start: { line: 1, character: 5 }, end: { character: 5 + word.length } } }]);
        }
        for (const text of ['// mig-run does this', '// mig: see below', '"// mig-disable"', '/* mig-disable */'])
            expect(lint(text).about).toEqual([]);
    });

    test('silences the rules that it names on the next line, and no others', () => {
        const text = '// mig-disable-next-line MIG301, rung-that-never-fires -- known\nmove vms\nusing precopy';
        expect(lint(text, at('MIG301', 1), at('MIG302', 1), at('MIG401', 1), at('MIG301', 2))).toMatchObject({
            kept: ['MIG401', 'MIG301'],
            about: [],
        });
    });

    test('reaches over blank lines and other comments', () => {
        const text = '// mig-disable-next-line MIG301 -- a\n// mig-disable-next-line MIG302 -- b\n\n/* more\n   words */\nmove vms';
        expect(lint(text, at('MIG301', 5), at('MIG302', 5))).toMatchObject({ kept: [], about: [] });
    });

    test('at the top silences what has no place of its own', () => {
        const nowhere = { ...at('MIG301', 0), range: { source: 0, start: { line: 0, character: 0 }, end: { line: 0, character: 0 } } };
        expect(lint('// mig-disable-next-line MIG301 -- a\npolicy', nowhere).kept).toEqual([]);
        expect(lint('param x = 1 // mig-disable-next-line MIG301 -- a\npolicy', nowhere).kept).toEqual(['MIG301']);
    });

    test('is none inside a string or another comment', () => {
        const text = 'policy "// mig-disable-next-line MIG301 -- a"\n/* // mig-disable-next-line MIG301 -- a\n*/\nmove';
        expect(suppressionsIn(text)).toEqual([]);
    });

    test('of one file says nothing of another', () => {
        const text = '// mig-disable-next-line MIG301 -- a\nmove';
        expect(suppress([at('MIG301', 1, 1)], [text, 'x\ny'], suppressible).kept).toHaveLength(1);
    });

    test('without a reason holds nothing, and is told of once', () => {
        expect(lint('// mig-disable-next-line MIG301\nmove', at('MIG301', 1))).toMatchObject({ kept: ['MIG301'], about: ['MIG007 0:0'] });
        expect(lint('// mig-disable-next-line MIG301 -- \nmove', at('MIG301', 1)).about).toEqual(['MIG007 0:0']);
    });

    test('for an error that is no rule silences nothing', () => {
        const { kept, about } = lint('// mig-disable-next-line MIG101 -- a\nmove', at('MIG101', 1));
        expect({ kept, about }).toEqual({ kept: ['MIG101'], about: ['MIG009 0:25'] });
    });

    test('for a rule that does not exist says which may be meant', () => {
        const { all } = lint('// mig-disable-next-line laddre-without-end MIG3O2 xyzzy -- a\nmove');
        expect(all.map((f) => [f.id, f.hint])).toEqual([
            ['MIG008', 'did you mean ladder-without-end?'],
            ['MIG008', '`mig-run explain` lists them all'],
            ['MIG008', '`mig-run explain` lists them all'],
        ]);
        expect(lint('// mig-disable-next-line MIG310 -- a\nmove').all[0]).toMatchObject({
            hint: expect.stringContaining('MIG301'),
            fixes: [],
        });
        expect(lint('// mig-disable-next-line -- a\nmove').about).toEqual(['MIG008 0:0']);
    });
});

describe('a comment that is not needed', () => {
    test('is taken out with its line', () => {
        const text = 'policy p {\n  // mig-disable-next-line MIG301 MIG302 -- a\n  move vms\n}';
        const { all } = lint(text);
        expect(all.map((f) => f.id)).toEqual(['MIG009']);
        expect(applied(text, all[0]?.fixes[0])).toBe('policy p {\n  move vms\n}');
    });

    test('after code leaves the code', () => {
        const text = 'policy p { // mig-disable-next-line MIG301 -- a\n  move vms\n}';
        expect(applied(text, lint(text).all[0]?.fixes[0])).toBe('policy p {\n  move vms\n}');
    });

    test('for one of its rules loses that one', () => {
        const text = '// mig-disable-next-line MIG301 MIG302 -- a\nmove';
        const one = lint(text, at('MIG301', 1));
        expect(one.about).toEqual(['MIG009 0:32']);
        expect(applied(text, one.all[0]?.fixes[0])).toBe('// mig-disable-next-line MIG301 -- a\nmove');
        expect(applied(text, lint(text, at('MIG302', 1)).all[0]?.fixes[0])).toBe('// mig-disable-next-line MIG302 -- a\nmove');
    });

    test('at the end of the text is told of as well', () => {
        expect(lint('move\n// mig-disable-next-line MIG301 -- a').about).toEqual(['MIG009 1:0']);
    });

    test('is left where its rule lacks what it looks at', () => {
        expect(lint('// mig-disable-next-line MIG401 -- a\nmove').about).toEqual([]);
    });
});

describe('silencing a rule', () => {
    test.prop([fc.constantFrom('\n', '\r\n'), fc.constantFrom('', '  ', '\t')])(
        'writes a comment above, as the text is written',
        (end, indent) => {
            const text = `policy p {${end}${indent}move vms${end}}`;
            const { range, newText } = suppressingEdit(text, 1, 'MIG301');
            expect(range.start).toEqual({ line: 1, character: 0 });
            expect(newText).toBe(`${indent}// mig-disable-next-line MIG301 -- ${end}`);
        },
    );

    test('adds to a comment that is there', () => {
        const text = '// mig-disable-next-line MIG301 -- known\nmove';
        expect(suppressingEdit(text, 1, 'MIG302')).toMatchObject({ newText: ' MIG302', range: { start: { line: 0, character: 31 } } });
    });
});
