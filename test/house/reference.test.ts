/** docs/reference.md and its diagrams, made from the grammar. `npm run docs` writes them again. */
import { readFile } from 'node:fs/promises';
import { createMigCoreServices } from '@mig/language';
import { EmptyFileSystem, GrammarAST } from 'langium';
import { createGrammarDiagramSvg } from 'langium-railroad';
import { expect, test } from 'vitest';

const rules = createMigCoreServices(EmptyFileSystem).mig.Grammar.rules.filter(GrammarAST.isParserRule);

test.each([...createGrammarDiagramSvg(rules)])('the diagram of %s is published', async (name, svg) => {
    await expect(`${svg.trim()}\n`).toMatchFileSnapshot(`../../docs/reference/${name}.svg`);
});

test('the grammar is documented', async () => {
    const grammar = await readFile('language/src/policy.langium', 'utf8');
    const sections = grammar.split(/^\/\/ -{10,} /m).slice(1);
    const first = grammar.slice(grammar.indexOf('entry MigFile'), grammar.search(/^\/\/ -{10,} /m));
    const parts = [`a file\n${first}`, ...sections].map((section) => part(section)).filter((text) => text !== undefined);
    const text = [
        '# Language reference',
        'The whole grammar, made from its source. [language.md](language.md) says what it means, [attributes.md](attributes.md) what can be read, [rules](rules/README.md) what is checked. A word in a rounded box is written as it stands; one in a square box has a diagram of its own.',
        ...parts,
    ].join('\n\n');
    await expect(`${text}\n`).toMatchFileSnapshot('../../docs/reference.md');
});

/** A section of the grammar: its title, and each rule with what its comment says. */
function part(section: string): string | undefined {
    const [title = '', ...lines] = section.split('\n');
    const body = lines.join('\n');
    const names = [...body.matchAll(/^(?:entry )?([A-Z]\w*)[^:\n]*:/gm)];
    const known = names.flatMap((match) => {
        const name = match[1] ?? '';
        if (!rules.some((rule) => rule.name === name)) return [];
        const comment = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*$/.exec(body.slice(0, match.index))?.[1];
        const said = comment?.replaceAll(/^\s*\* ?/gm, '').trim();
        return [[`### ${name}`, ...(said === undefined ? [] : [said]), `![${name}](reference/${name}.svg)`].join('\n\n')];
    });
    return known.length === 0 ? undefined : [`## ${title.slice(0, 1).toUpperCase()}${title.slice(1)}`, ...known].join('\n\n');
}
