/** What the README shows is so. `README_UPDATE=1` (npm run docs) writes its outputs again. */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseInventory } from '@mig/runtime/core';
import { Desk, root } from '../kit/mig-run.js';
import { blocks, commands, readmePath } from '../kit/readme.js';

let desk: Desk;
beforeAll(async () => {
    desk = await Desk.clear();
});
afterAll(async () => desk[Symbol.asyncDispose]());

test.each(blocks('mig').map((text, i) => ({ n: i + 1, text })))('policy $n is without a finding', async ({ n, text }) => {
    const file = await desk.write(`readme-${n}.mig`, text);
    expect((await desk.migRun(['check', file])).all).toContain('nothing found');
});

test.each(blocks('yaml').map((text, i) => ({ n: i + 1, text })))('inventory $n is without a finding', ({ text }) => {
    expect(parseInventory(text, 'README.md').findings).toEqual([]);
});

test('every command works, one after the other', async () => {
    expect(commands().plain.length).toBeGreaterThan(4);
    for (const args of commands().plain) {
        const { code, all } = await desk.migRun(args, { cwd: root });
        expect(code, `mig-run ${args.join(' ')}\n${all}`).toBe(0);
    }
});

/** `<!-- output: COMMAND -->` and the block that follows. */
const shown = /<!-- output: npx mig-run (.*?) -->\n```\n([\s\S]*?)```/g;

test('every output is what the command prints', async () => {
    let text = readFileSync(readmePath, 'utf8');
    const outputs = [...text.matchAll(shown)];
    expect(outputs.length).toBeGreaterThan(0);
    for (const [whole, command = '', output = ''] of outputs) {
        const { stdout } = await desk.migRun(command.split(' '), { cwd: root });
        const now = `${stdout.trim()}\n`;
        if (process.env['README_UPDATE'] === '1')
            text = text.replace(whole, whole.replace(`\`\`\`\n${output}\`\`\``, `\`\`\`\n${now}\`\`\``));
        // A plan's id is a digest that the time is part of.
        else expect(now.replace(/Plan [0-9a-f]{8}/, 'Plan ID')).toBe(output.replace(/Plan [0-9a-f]{8}/, 'Plan ID'));
    }
    if (process.env['README_UPDATE'] === '1') writeFileSync(readmePath, text);
});
