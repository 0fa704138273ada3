/** Every policy in the documents is without a finding. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Desk, root } from '../kit/mig-run.js';
import { blocks } from '../kit/readme.js';

let desk: Desk;
beforeAll(async () => {
    desk = await Desk.clear();
    await desk.write('hosts.yaml', 'hosts:\n  a: { ssh: root@a }\n');
});
afterAll(async () => desk[Symbol.asyncDispose]());

const snippets = readdirSync(path.join(root, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) =>
        blocks('mig', readFileSync(path.join(root, 'docs', file), 'utf8')).map((text, i) => ({ name: `${file} ${i + 1}`, text })),
    );

test('there are policies in the documents', () => expect(snippets.length).toBeGreaterThan(1));

test.each(snippets)('$name', async ({ name, text }) => {
    const file = await desk.write(`${name.replace(/\W/g, '-')}.mig`, text);
    expect((await desk.migRun(['check', file])).all).toContain('nothing found');
});
