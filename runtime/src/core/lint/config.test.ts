import { describe, expect, test } from 'vitest';
import { parseConfig } from './config.js';

const textRules = [{ id: 'MIG399', name: 'made-for-this-test' }];
const read = (text: string) => {
    const { config, findings } = parseConfig(text, textRules);
    return {
        severities: config && Object.fromEntries(config.severities),
        findings: findings.map((f) => `${f.id} ${f.range.start.line + 1}:${f.range.start.character + 1} ${f.message}`),
        all: findings,
    };
};

describe('a configuration', () => {
    test('sets severities by id and by name, alone or with a reason', () => {
        const text = 'rules:\n  MIG399: off\n  unknown-tag: error\n  mig009: { severity: info, reason: we tidy up each spring }\n';
        expect(read(text)).toMatchObject({ severities: { MIG399: 'off', MIG125: 'error', MIG009: 'info' }, findings: [] });
    });

    test('may be empty', () => {
        expect(read('# nothing yet\n').severities).toEqual({});
        expect(read('rules: {}\n').severities).toEqual({});
    });
});

describe('what is wrong is told at its place', () => {
    test.each([
        ['no YAML', 'rules: [', /^MIG010 1:9 this is not YAML/],
        ['no map', '- a', /^MIG010 1:1 this is no configuration/],
        ['an unknown key', 'rule:\n  MIG399: off\n', /^MIG011 1:1 unknown key rule$/],
        ['an unknown key of a rule', 'rules:\n  MIG399: { severity: off, raeson: x }\n', /^MIG011 2:28 unknown key raeson$/],
        ['no severity', 'rules:\n  MIG399: loud\n', /^MIG012 2:11 rules\.MIG399: write off, info, warning or error$/],
        ['no severity in a map', 'rules:\n  MIG399: { severity: loud }\n', /^MIG012 2:23 rules\.MIG399\.severity: write off/],
        ['a rule twice', 'rules:\n  MIG399: off\n  made-for-this-test: info\n', /^MIG013 3:3 MIG399 \(made-for-this-test\) is set twice$/],
        ['a key twice', 'rules:\n  MIG399: off\n  MIG399: info\n', /^MIG013 3:3/],
        ['no severity, of a rule that is named in another case', 'rules:\n  mig399: 1\n', /^MIG012 2:11 rules\.mig399: write off/],
        ['an error that is no rule', 'rules:\n  MIG101: off\n', /^MIG012 2:3 MIG101 \(an unknown name\) is no rule/],
    ])('%s', (_, text, expected) => {
        const { severities, findings } = read(text);
        expect(severities).toBeUndefined();
        expect(findings).toEqual([expect.stringMatching(expected)]);
    });

    test('all of it at once', () => {
        const { findings } = read('rules:\n  MIG399: loud\n  no-such-rule: off\nsort: true\n');
        expect(findings.map((one) => one.slice(0, 10)).toSorted()).toEqual(['MIG008 3:3', 'MIG011 4:1', 'MIG012 2:1']);
    });

    test('a rule that does not exist is a warning, and the others hold', () => {
        const { severities, findings, all } = read('rules:\n  unknown-tga: off\n  MIG399: off\n');
        expect(severities).toEqual({ MIG399: 'off' });
        expect(findings).toEqual(['MIG008 2:3 there is no rule unknown-tga']);
        expect(all[0]).toMatchObject({
            severity: 'warning',
            hint: 'did you mean unknown-tag?',
            fixes: [{ edits: [{ newText: 'unknown-tag' }] }],
        });
    });
});
