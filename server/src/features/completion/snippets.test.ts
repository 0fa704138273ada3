import { readFile } from 'node:fs/promises';
import { compileText } from '@mig/language';
import { describe, expect, test } from 'vitest';
import { documentedWords } from '../../words/word-texts.js';
import { defaultText, type Snippet, snippets } from './snippets.js';

const rules = await keywordsByRule();

/** A text in which a snippet stands where it is offered. */
function around({ rule }: Snippet, text: string): string {
    const policy = (clauses: string): string => `policy p {\n${clauses}\n}`;
    if (['Inventory', 'Import', 'Param', 'Let', 'Group', 'Technique', 'Policy', 'Scenario'].includes(rule)) return text;
    if (rule.endsWith('Option') || rule.endsWith('Moment')) return `technique t = precopy {\n${text}\n}`;
    if (['OrderItem', 'ExceptItem'].includes(rule)) return policy(`move vms ${text}\nto hosts\nusing precopy`);
    if (['KeepItem', 'ApartItem', 'PreferItem'].includes(rule)) return policy(`move vms\nto hosts ${text}\nusing precopy`);
    return policy(text);
}

describe.each(snippets)('$label', (snippet) => {
    test('is offered: its word stands in its rule of the grammar', () => {
        expect(rules.get(snippet.rule)).toContain(snippet.word);
    });

    test('can be read as it is inserted', async () => {
        const { findings } = await compileText({ uri: 'file:///snippet.mig', text: around(snippet, defaultText(snippet.insert)) });
        expect(findings.filter((finding) => finding.id === 'MIG001')).toEqual([]);
    });
});

test('every word with a text is a word of the language', () => {
    const known = new Set([...rules.values()].flat());
    expect(documentedWords.filter((word) => !known.has(word))).toEqual([]);
});

/** The rules of the grammar that the parser is made from, with the keywords that stand in each. */
async function keywordsByRule(): Promise<ReadonlyMap<string, readonly string[]>> {
    const text = await readFile(new URL('../../../../language/src/policy.langium', import.meta.url), 'utf8');
    const code = text.slice(0, text.indexOf('\nterminal')).replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, '');
    const found = code.matchAll(/^(?:entry )?(\w+)(?: (?:infers|returns) \w+)?:((?:'[^']*'|[^';])*);/gm);
    return new Map([...found].map(([, name = '', body = '']) => [name, [...body.matchAll(/'([^']+)'/g)].map(([, word = '']) => word)]));
}
