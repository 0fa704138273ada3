/** Documents that are made from the sources. `npm run docs` writes them again. */
import { attributes, features, units } from '@mig/language';
import { configSchema, inventorySchema } from '@mig/runtime/core';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { ruleDocs } from '../../runtime/src/core/lint/docs.js';
import { exitCodes } from '../../runtime/src/edges/cli/exit-codes.js';
import { table } from './markdown.js';

test('the JSON schema of inventories is published as the parser reads them', async () => {
    const schema = { $id: 'urn:mig:inventory:1', ...z.toJSONSchema(inventorySchema, { io: 'input', target: 'draft-7' }) };
    await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot('../../docs/inventory.schema.json');
});

test('the JSON schema of mig.config.yaml is published with the rules that there are', async () => {
    const { properties, ...schema } = z.toJSONSchema(configSchema, { io: 'input', target: 'draft-7' });
    const { additionalProperties: setting, ...rules } = z.record(z.string(), z.json()).parse(properties?.['rules']);
    const ofRules = ruleDocs().flatMap(({ id, name, severity, summary }) =>
        [id, name].map((key) => [key, { description: `${summary} (${severity})`, allOf: [{ $ref: '#/definitions/setting' }] }]),
    );
    const published = {
        $id: 'urn:mig:config:1',
        ...schema,
        properties: { ...properties, rules: { ...rules, properties: Object.fromEntries(ofRules), additionalProperties: false } },
        definitions: { setting },
    };
    await expect(`${JSON.stringify(published, null, 2)}\n`).toMatchFileSnapshot('../../docs/config.schema.json');
});

test('the exit codes are documented', async () => {
    const rows = Object.values(exitCodes).map(({ code, meaning }) => [code, meaning]);
    await expect(`# Exit codes of mig-run\n\n${table(['code', 'meaning'], rows)}\n`).toMatchFileSnapshot('../../docs/exit-codes.md');
});

test('the attribute catalogue is documented', async () => {
    const rows = attributes.map((a) => [
        `\`${a.entity}.${a.name}${a.keyed ? '.NAME' : ''}\``,
        a.type,
        a.meaning,
        a.measured,
        a.cost,
        a.whenAbsent,
    ]);
    const symbols = units.map((u) => [`\`${u.symbol}\``, u.dimension]);
    const text = `# Attributes\n\nWhat a policy can read. \`source\` has the attributes of \`host\`.\n\n${table(['attribute', 'type', 'meaning', 'measured by', 'cost', 'when unknown'], rows)}\n\n## Units\n\n${table(['unit', 'measures'], symbols)}\n`;
    await expect(text).toMatchFileSnapshot('../../docs/attributes.md');
});

test('every capability of the language has a name', () => {
    expect(Object.values(features).every((name) => name.length > 2)).toBe(true);
});
