import { fc, test } from '@fast-check/vitest';
import { type AstNode, AstUtils, EmptyFileSystem, isAstNode, isReference } from 'langium';
import { describe, expect } from 'vitest';
import { type MigFile, reflection } from '../generated/ast.js';
import { createMigCoreServices } from '../services.js';
import { programs, untidyPrograms } from '../testing/programs.js';
import { evacuate, techniques, tour } from '../testing/tour.js';
import { formatChanges, formatText } from './format-text.js';

const { parser } = createMigCoreServices(EmptyFileSystem).mig;

/** What a text means, without where it stands: blanks inside a token do not count. */
function meaning(text: string): unknown {
    const { value, parserErrors, lexerErrors } = parser.LangiumParser.parse(text);
    expect([...parserErrors, ...lexerErrors].map((error) => error.message)).toEqual([]);
    return plain(value);
}

function plain(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(plain);
    if (isReference(value)) return value.$refText;
    if (isAstNode(value)) {
        const own = Object.entries(value).filter(([key]) => key === '$type' || !key.startsWith('$'));
        return Object.fromEntries(own.map(([key, part]) => [key, plain(part)]));
    }
    return typeof value === 'string' ? value.replaceAll(/\s/g, '') : value;
}

/** The comments of a text in their order; how far their lines are indented does not count. */
function comments(text: string): readonly string[] {
    const { hidden } = parser.Lexer.tokenize(text);
    return hidden.map(({ image }) =>
        image
            .split(/\r?\n/)
            .map((line) => line.trim())
            .join('\n'),
    );
}

describe('any program', () => {
    test.prop([untidyPrograms], { numRuns: 200 })('means the same and keeps its comments', (text) => {
        const formatted = formatText(text) ?? '';
        expect(meaning(formatted)).toEqual(meaning(text));
        expect(comments(formatted)).toEqual(comments(text));
    });
    test.prop([untidyPrograms], { numRuns: 200 })('is formatted once and for all', (text) => {
        const once = formatText(text) ?? '';
        expect(formatText(once)).toBe(once);
    });
    test.prop([untidyPrograms, fc.array(fc.boolean(), { minLength: 7, maxLength: 13 })], { numRuns: 100 })(
        'means the same when a part of it is formatted only',
        (text, chosen) => {
            const changes = formatChanges(parser.LangiumParser.parse<MigFile>(text), text) ?? [];
            let partly = text;
            for (const [index, { start, end, text: now }] of [...changes.entries()].reverse()) {
                if (chosen[index % chosen.length] === true) partly = partly.slice(0, start) + now + partly.slice(end);
            }
            expect(meaning(partly)).toEqual(meaning(text));
            expect(comments(partly)).toEqual(comments(text));
        },
    );
    test.prop([programs, fc.boolean()], { numRuns: 100 })(
        'has no blanks at the ends of lines, and no two empty lines in a row',
        (text, wide) => {
            const formatted = formatText(wide ? text.replaceAll(' ', '\n') : text) ?? '';
            expect(formatted).not.toMatch(/[ \t]\n|\n\n\n|^\n|\n\n$|\t/);
        },
    );
    test('is generated from every part of the grammar', () => {
        const seen = new Set<string>();
        for (const text of fc.sample(programs, { numRuns: 400, seed: 1 })) {
            const root: AstNode = parser.LangiumParser.parse(text).value;
            for (const node of AstUtils.streamAst(root)) seen.add(node.$type);
        }
        const concrete = reflection.getAllTypes().filter((type) => reflection.getAllSubTypes(type).length === 1);
        expect(concrete.filter((type) => !seen.has(type))).toEqual([]);
    });
});

describe('the style', () => {
    test('is that of the first example and of a file with every clause', () => {
        for (const text of [evacuate, tour, techniques]) expect(formatText(text)).toBe(text);
    });
    test('one clause stands on a line, and what follows a clause in parts stands below it', () => {
        expect(
            formatText(
                `policy p{when host is in maintenance;move vms on host except vm.tags contains "a" order by vm.memory to hosts where host.zone==source.zone prefer least loaded using precopy{downtime 300ms}otherwise postcopy}`,
            ),
        ).toBe(`policy p {
  when host is in maintenance
  move vms on host
    except vm.tags contains "a"
    order by vm.memory
  to hosts where host.zone == source.zone prefer least loaded
  using precopy { downtime 300 ms } otherwise postcopy
}
`);
    });
    test('braces stay on a line while they fit, and their parts are separated in one way', () => {
        const windows = 'between 08:00 and 18:00 on Mon..Fri: total 2 Gbit/s';
        expect(formatText('policy p { bandwidth { total uplink per link 60%, per vm 5Mbit/s; } }')).toBe(
            'policy p {\n  bandwidth { total uplink; per link 60%; per vm 5 Mbit/s }\n}\n',
        );
        expect(formatText(`policy p { bandwidth { total uplink; per vm at least 200 Mbit/s; per link 60% ${windows} } }`)).toBe(
            `policy p {\n  bandwidth {\n    total uplink\n    per vm at least 200 Mbit/s\n    per link 60%\n    ${windows}\n  }\n}\n`,
        );
    });
    test('a condition that is too long for a line goes on before its operators', () => {
        const [first, second] = ['vm.dirty_rate > 100 MiB/s and vm.memory > 16 GiB', 'vm.tags contains "a-name-that-is-long"'];
        expect(formatText(`let hot = ${first} or ${second} or ${second}`)).toBe(`let hot = ${first}\n  or ${second}\n  or ${second}\n`);
    });
    test('a long list stands below its bracket', () => {
        const names = Array.from({ length: 4 }, (_, i) => `"a-name-that-makes-the-line-long-${i}"`);
        expect(formatText(`param names = [${names.join(',')}]`)).toBe(`param names = [\n  ${names.join(',\n  ')}\n]\n`);
    });
    test('a semicolon stays where the next part would else belong to the one before', () => {
        const kept = `policy p {
  on failure retry 2 times;
  every 15 min
  using choose {
    vm.memory > 4 GiB: patient;
    (vm.memory > 1 GiB): precopy
    otherwise: postcopy
  }
}
`;
        expect(formatText(kept)).toBe(kept);
    });
    test('of the settings of a sequence one stands in its line, or all stand below and its brace too', () => {
        expect(formatText('for each host in rack40 keep 1 host of spare capacity in waves of 2{drain}')).toBe(
            'for each host in rack40\n  keep 1 host of spare capacity\n  in waves of 2\n{\n  drain\n}\n',
        );
        expect(formatText('for each host in waves of 2\n{ drain; reboot }')).toBe('for each host in waves of 2 {\n  drain\n  reboot\n}\n');
    });
    test('a quantity has one blank before its unit, and none before %', () => {
        expect(formatText('param a = 300ms\nparam b = 20  %\nparam c = 8Gbps')).toBe('param a = 300 ms\nparam b = 20%\nparam c = 8 Gbps\n');
    });
});

describe('comments', () => {
    test('stay before, behind, inside and at the end of what they stand at', () => {
        const text = `// of the file

/** Of the policy.
 * Two lines. */
policy p { // behind the brace
  // before a clause
  when host is failing // behind a clause

  /* of its own */
  move vms /* inside */ on host
    except vm.tags contains "a" // behind a part
    // order by vm.memory
    limit 4
    // triage by vm.memory
  to hosts
  using precopy { // in braces
    downtime 300 ms
    // after 5 min: abort
  }
  // at the end of the policy
}

// at the end of the file
`;
        expect(formatText(text)).toBe(text);
        expect(formatText(text.replaceAll('\n  ', '\n      '))).toBe(text);
        for (const end of ['\r\n', '\r']) expect(formatText(text.replaceAll('\n', end))).toBe(text.replaceAll('\n', end));
    });
    test('at most one empty line is kept in a row, and none at the edges of a block', () => {
        expect(formatText('\n\nparam a = 1\n\n\n\nparam b = 2\npolicy p {\n\n  when host is failing\n\n\n  move vms\n\n}\n\n\n')).toBe(
            'param a = 1\n\nparam b = 2\npolicy p {\n  when host is failing\n\n  move vms\n}\n',
        );
    });
    test('the lines of a comment move with its first', () => {
        expect(formatText('policy p {\n/* a\n     b\n   c */\n    /** d\n  * e */\nwhen host is failing }')).toBe(
            'policy p {\n  /* a\n       b\n     c */\n  /** d\n   * e */\n  when host is failing\n}\n',
        );
    });
    test('a file of nothing but comments is a file', () => {
        expect(formatText('  // a\n\n\n/* b */')).toBe('// a\n\n/* b */\n');
        expect(formatText(' \n ')).toBe('');
    });
});

test('a text with syntax errors is left alone', () => {
    expect(formatText('policy p {')).toBeUndefined();
    expect(formatText("param a = 'one'")).toBeUndefined();
    expect(formatText('param a = 1 ?')).toBeUndefined();
});
