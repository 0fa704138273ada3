import { readFile } from 'node:fs/promises';
import { attributes, units } from '@mig/language';
import { describe, expect, test } from 'vitest';
import { describeTokens, loadGrammar, tokenize } from './tokenize.js';

const grammar = await loadGrammar();
const scopesOf = (text: string): Record<string, string> =>
    Object.fromEntries(
        tokenize(grammar, text)
            .flat()
            .map((token) => [token.text, token.scope]),
    );

describe('colours', () => {
    test.each(['../../../examples/evacuate.mig', './tour.mig'])('%s is coloured as it was reviewed', async (path) => {
        const name = path.slice(path.lastIndexOf('/') + 1);
        const text = await readFile(new URL(path, import.meta.url), 'utf8');
        await expect(describeTokens(grammar, text)).toMatchFileSnapshot(`./${name}.golden.txt`);
    });

    test.each(units.map((unit) => unit.symbol))('%s is coloured as a unit, with and without a space', (symbol) => {
        for (const text of [`12${symbol}`, `1.5 ${symbol}`]) {
            expect(tokenize(grammar, text).flat().at(-1)).toEqual({ text: symbol, scope: 'keyword.other.unit' });
        }
    });

    test('every word of the language is coloured, and no other word is', async () => {
        const uncoloured = (await wordsOfTheLanguage()).filter((word) =>
            tokenize(grammar, word)
                .flat()
                .some((token) => token.scope === 'source'),
        );
        expect(uncoloured).toEqual([]);
        const words = new Set(await wordsOfTheLanguage());
        expect([...(await wordsOfTheColours())].filter((word) => !words.has(word))).toEqual([]);
    });

    test('a number that runs into letters is no quantity', () => {
        expect(tokenize(grammar, 'downtime 300msx').flat()).not.toContainEqual({ text: 'ms', scope: 'keyword.other.unit' });
    });

    test.each(attributes.map((attribute) => `${attribute.entity}.${attribute.name}`))('%s is coloured as an attribute', (path) => {
        const [entity, ...names] = tokenize(grammar, `when ${path} > 1`)
            .flat()
            .slice(1, -2)
            .filter((token) => token.text !== '.');
        expect(entity?.scope).toBe('variable.language');
        expect(names.map((token) => token.scope)).toEqual(names.map(() => 'variable.other.property'));
        expect(names.map((token) => token.text).join('.')).toBe(path.slice(path.indexOf('.') + 1));
    });

    test('a word of the language after a dot is a name', () => {
        expect(scopesOf('order by vm.tag.order')).toMatchObject({ by: 'keyword.other' });
        expect(tokenize(grammar, 'vm.tag.order').flat().at(-1)).toEqual({ text: 'order', scope: 'variable.other.property' });
    });

    test('nothing inside a string or a comment is coloured as code', () => {
        expect(scopesOf('"move 5 GiB" // when 3 ms')).toEqual({
            '"': 'punctuation.definition.string.end',
            'move 5 GiB': 'string.quoted.double',
            '//': 'punctuation.definition.comment',
            'when 3 ms': 'comment.line.double-slash',
        });
    });

    test('a string that is not closed ends with its line', () => {
        const [, second] = tokenize(grammar, 'inventory "rack.yaml\npolicy evacuate {');
        expect(second?.[0]).toEqual({ text: 'policy', scope: 'storage.type.policy' });
    });

    test('a doc comment may span lines and keeps its own colour', () => {
        const [first, second, third] = tokenize(grammar, '/** Empty a host\n  before it is down. */\npolicy evacuate {');
        expect(first?.at(-1)?.scope).toBe('comment.block.documentation');
        expect(second?.[0]?.scope).toBe('comment.block.documentation');
        expect(third?.[0]?.scope).toBe('storage.type.policy');
    });
});

/** The keywords in the grammar that the parser is made from. */
async function wordsOfTheLanguage(): Promise<readonly string[]> {
    const text = await readFile(new URL('../../../language/src/policy.langium', import.meta.url), 'utf8');
    const rules = text.slice(0, text.indexOf('\nterminal')).replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, '');
    return [...rules.matchAll(/'([A-Za-z][A-Za-z -]*)'/g)].flatMap(([, words = '']) => words.split(' '));
}

/** The words that have a colour wherever they stand. */
async function wordsOfTheColours(): Promise<Set<string>> {
    const colours = JSON.parse(await readFile(new URL('../../syntaxes/mig.tmLanguage.json', import.meta.url), 'utf8')) as {
        repository: { words: { patterns: { match: string }[] } };
    };
    const expressions = colours.repository.words.patterns.map(({ match }) => match);
    return new Set(expressions.flatMap((match) => [...match.matchAll(/[A-Za-z-]{2,}/g)].map(([word]) => word)));
}
