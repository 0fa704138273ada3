/** docs/reference.md and its diagrams, made from the grammar. `npm run docs` writes them again. */
import { readFile } from 'node:fs/promises';
import { createMigCoreServices } from '@mig/language';
import { AstUtils, EmptyFileSystem, GrammarAST } from 'langium';
import { createGrammarDiagramSvg } from 'langium-railroad';
import { expect, test } from 'vitest';

const grammarOf = createMigCoreServices(EmptyFileSystem).mig.Grammar;
const rules = grammarOf.rules.filter(GrammarAST.isParserRule);

test.each([...createGrammarDiagramSvg(rules)])('the diagram of %s is published', async (name, svg) => {
    await expect(`${svg.trim()}\n`).toMatchFileSnapshot(`../../docs/reference/${name}.svg`);
});

test('the grammar is documented', async () => {
    const grammar = await readFile('language/src/policy.langium', 'utf8');
    const sections = grammar.split(/^\/\/ -{10,} /m).slice(1);
    const first = grammar.slice(grammar.indexOf('entry MigFile'), grammar.search(/^\/\/ -{10,} /m));
    const parts = [`a file\n${first}`, ...sections].map((section) => part(section)).filter((text) => text !== undefined);
    const titles = [...parts.map((text) => /^## (.*)$/m.exec(text)?.[1] ?? ''), tokensTitle];
    const text = [
        '# Language reference',
        'The whole grammar, made from its source. [language.md](language.md) says what it means, [attributes.md](attributes.md) what can be read, [rules](rules/README.md) what is checked. A word in a rounded box is written as it stands; one in a square box is explained at its own name, to which the line below each diagram leads.',
        `On this page: ${titles.map((title) => link(title)).join(', ')}.`,
        ...parts,
        tokens(),
    ].join('\n\n');
    await expect(`${text}\n`).toMatchFileSnapshot('../../docs/reference.md');
});

/** A section of the grammar: its title, and each rule with what its comment says. */
function part(section: string): string | undefined {
    const [title = '', ...lines] = section.split('\n');
    const body = lines.join('\n');
    const names = [...body.matchAll(/^(?:entry |fragment )?([A-Z]\w*)[^:\n]*:/gm)];
    const known = names.flatMap((match) => {
        const name = match[1] ?? '';
        if (!rules.some((rule) => rule.name === name)) return [];
        const comment = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*$/.exec(body.slice(0, match.index))?.[1];
        const said = comment?.replaceAll(/^\s*\* ?/gm, '').trim();
        const uses = usedBy(name).map((one) => link(one));
        return [
            [
                `### ${name}`,
                ...(said === undefined ? [] : [said]),
                `![${name}](reference/${name}.svg)`,
                ...(uses.length === 0 ? [] : [`In it: ${uses.join(', ')}`]),
            ].join('\n\n'),
        ];
    });
    return known.length === 0 ? undefined : [`## ${title.slice(0, 1).toUpperCase()}${title.slice(1)}`, ...known].join('\n\n');
}

/** Rules and tokens that a rule refers to, in the order of the diagram. */
function usedBy(name: string): readonly string[] {
    const rule = rules.find((one) => one.name === name);
    if (rule === undefined) return [];
    const calls = AstUtils.streamAllContents(rule).filter(GrammarAST.isRuleCall);
    return [...new Set(calls.map((call) => call.rule.$refText))].filter((one) => one !== name);
}

/** To the heading of a name on this page, as GitHub makes anchors. */
function link(heading: string): string {
    const anchor = heading
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .replaceAll(' ', '-');
    return `[${heading}](#${anchor})`;
}

const tokensTitle = 'Words and quantities';

/** What a token is, and one of them. */
const tokenTexts: Readonly<Record<string, readonly [meaning: string, example: string]>> = {
    ID: ['A name: a letter or `_`, then letters, digits and `_`. Words of the language are names too, where one is wanted.', 'patient'],
    STRING: ['Text in double quotes on one line; `\\"` and `\\\\` stand for `"` and `\\`.', '"rack40"'],
    NUMBER: ['A number without a unit.', '2.5'],
    QUANTITY: ['A number with its unit, a blank between them or not: [units](attributes.md#units).', '300 ms'],
    TIME: ['A time of day, on 24 hours.', '22:30'],
    DATE: ['A day of a year: year, month, day.', '2026-12-24'],
};

function tokens(): string {
    const names = grammarOf.rules.flatMap((rule) => (GrammarAST.isTerminalRule(rule) && !rule.hidden ? [rule.name] : []));
    expect(Object.keys(tokenTexts).toSorted()).toEqual(names.toSorted());
    const texts = Object.entries(tokenTexts).map(([name, [meaning, example]]) => `### ${name}\n\n${meaning} Such as \`${example}\`.`);
    return [`## ${tokensTitle}`, ...texts, 'Blanks, line ends and comments (`// …` and `/* … */`) may stand between any two of them.'].join(
        '\n\n',
    );
}

test('every link of the reference leads to a heading', async () => {
    const text = await readFile('docs/reference.md', 'utf8');
    const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => link(heading).replace(/.*\(/, '('));
    const links = [...text.matchAll(/\]\((#[^)]*)\)/g)].map(([, target = '']) => `(${target})`);
    expect(links.length).toBeGreaterThan(100);
    expect(links.filter((one) => !headings.includes(one))).toEqual([]);
});
