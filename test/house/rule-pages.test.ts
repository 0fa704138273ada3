/** docs/rules and docs/versions.md, made from what stands beside the rules and in the version matrix. `npm run docs` writes them again. */
import { existsSync } from 'node:fs';
import { checkDocs, checks } from '@mig/language';
import { expect, test } from 'vitest';
import { errorIds, ruleDocs } from '../../runtime/src/core/lint/docs.js';
import { wordsOfError } from '../../runtime/src/core/lint/known.js';
import { combinationFacts, pairFacts, partNames, spanText, versionFacts } from '../../runtime/src/core/versions/index.js';
import { sentence, table } from './markdown.js';

const fenced = (text: string, name?: string): string =>
    `${name === undefined ? '' : `\`${name}\`:\n\n`}\`\`\`${name?.endsWith('.yaml') ? 'yaml' : 'mig'}\n${text.trimEnd()}\n\`\`\`\n`;

/** Files beside the policy, as part of a page. */
const beside = (files: Readonly<Record<string, string>> = {}): string =>
    Object.keys(files).length === 0
        ? ''
        : `\n## Beside it\n\n${Object.entries(files)
              .map(([name, text]) => fenced(text, name))
              .join('\n')}`;

test.each(ruleDocs().map((rule) => [rule.id, rule] as const))('%s has a page', async (id, rule) => {
    const { name, severity, summary, avoid, prefer, rationale, source, files } = rule;
    const text = `# ${id}: ${name}\n\n${summary} Severity: ${severity}, unless \`mig.config.yaml\` says otherwise.\n\n## Avoid\n\n${fenced(avoid)}\n## Prefer\n\n${fenced(prefer)}${beside(files)}\n## Why\n\n${rationale}\n\n## Options\n\n\`mig.config.yaml\` sets its severity (\`rules: { ${name}: error | warning | info | off }\`); \`// mig-disable-next-line ${name} -- reason\` silences it in one place.\n\n## Source\n\n${source}\n`;
    await expect(text).toMatchFileSnapshot(`../../docs/rules/${id}.md`);
});

test('every document that a rule or a row of the version matrix goes back to is there', () => {
    const origins = [
        ...ruleDocs().flatMap(({ source, rationale }) => [source, rationale]),
        ...[...versionFacts, ...combinationFacts].map(({ source }) => source),
        ...pairFacts.map(({ origin }) => origin),
    ];
    const named = origins.flatMap((origin) => origin.match(/\bdocs\/[\w./-]+\.(?:md|json)\b/g) ?? []);
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((path) => !existsSync(new URL(`../../${path}`, import.meta.url)))).toEqual([]);
});

test.each(errorIds())('%s has a page', async (id) => {
    const doc = id in checkDocs ? checkDocs[id as keyof typeof checks] : undefined;
    const how = 'An error, which no comment silences: nothing runs until it is mended.';
    const set = Object.entries(doc?.set ?? {}).map(([name, value]) => `\`--set ${name}=${value}\``);
    const examples =
        doc &&
        `## Avoid\n\n${fenced(doc.avoid)}\n${set.length > 0 ? `With ${set.join(', ')}.\n\n` : ''}## Prefer\n\n${fenced(doc.prefer)}${beside(doc.files)}\n## Why\n\n${doc.rationale}\n`;
    const text = [
        `# ${id}: ${wordsOfError(id) ?? ''}\n`,
        doc ? `${how}\n` : `Found beside the policy's text, in its inventory or in what the hosts say.\n`,
        ...(examples === undefined ? [] : [examples]),
    ].join('\n');
    await expect(text).toMatchFileSnapshot(`../../docs/rules/${id}.md`);
});

test('every id stands in the list of rules', async () => {
    const rules = ruleDocs().map(({ id, name, severity, summary }) => [id, name, severity, summary]);
    const errors = errorIds().map((id) => [id, '', 'error', sentence(wordsOfError(id) ?? '')]);
    const rows = [...rules, ...errors]
        .sort(([a = ''], [b = '']) => a.localeCompare(b))
        .map(([id = '', ...rest]) => [`[${id}](${id}.md)`, ...rest]);
    const text = `# What is found before anything runs\n\nThe editor, \`mig-run check\` and \`mig-run lint\` find the same. \`mig-run explain ID\` shows a page of this list. MIG0xx is structure, 1xx names, 2xx types and units, 3xx ladders and limits, 4xx hosts and versions, 5xx conflicts.\n\n${table(['id', 'name', 'severity', 'what is found'], rows)}\n`;
    await expect(text).toMatchFileSnapshot('../../docs/rules/README.md');
});

test('the version matrix is documented', async () => {
    const facts = versionFacts.map(({ id, uses, part, wrong, effect, what, source }) => [
        id,
        uses.join(', '),
        `${partNames[part]} ${spanText(wrong)}`,
        effect,
        what,
        source,
    ]);
    const pairs = pairFacts.map(({ id, uses, part, source, destination, what, origin }) => [
        id,
        uses.join(', '),
        `${partNames[part]} ${spanText(source)} or, at the destination, ${spanText(destination)}`,
        what,
        origin,
    ]);
    const combinations = combinationFacts.map(({ id, uses, without, what, cure, source }) => [
        id,
        uses.join(', ') + (without === undefined ? '' : ` without ${without}`),
        what,
        cure,
        source,
    ]);
    const text = [
        '# Versions',
        'What versions of QEMU and libvirt do not have, ignore or break. Rules find hosts by these rows.',
        table(['row', 'asked for', 'does with', 'effect otherwise', 'what happens', 'source'], facts),
        '## Two hosts of unlike versions',
        table(['row', 'asked for', 'does with', 'what happens otherwise', 'source'], pairs),
        '## What does not go together',
        table(['row', 'asked for', 'what happens', 'cure', 'source'], combinations),
    ].join('\n\n');
    await expect(`${text}\n`).toMatchFileSnapshot('../../docs/versions.md');
});
