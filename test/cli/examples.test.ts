/** What examples/README.md says of the examples is so: what they need that is not built, and that the others can be played. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Desk, root } from '../kit/mig-run.js';
import { blocks } from '../kit/readme.js';

const examples = path.join(root, 'examples');
const readme = readFileSync(path.join(examples, 'README.md'), 'utf8');
const folders = readdirSync(examples, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));

/** The rows of the table: an example, and the capabilities that it uses and this version lacks. */
const rows = [...readme.matchAll(/^\| \[([\w-]+)\]\(\1\/policy\.mig\) \|.*\| ([^|]*) \|$/gm)].map(([, name = '', lacking = '']) => ({
    name,
    lacking: [...lacking.matchAll(/`([\w.-]+)`/g)].map(([, feature = '']) => feature),
}));

const plays = blocks('sh', readme)
    .flatMap((block) => block.trim().split('\n'))
    .map((line) => ({ line, args: line.replace('npx mig-run ', '').split(/\s+/) }));

let desk: Desk;
beforeAll(async () => {
    desk = await Desk.clear();
});
afterAll(async () => desk[Symbol.asyncDispose]());

/** Wide enough that no finding is broken into lines. */
const run = (args: readonly string[]) => desk.migRun(args, { cwd: root, env: { COLUMNS: '400' } });
const policyOf = (name: string): string => `examples/${name}/policy.mig`;

test('each situation has its row', () => {
    expect(folders.length).toBeGreaterThanOrEqual(12);
    expect(rows.map((row) => row.name).toSorted()).toEqual(folders.toSorted());
});

describe.each(rows)('$name', ({ name, lacking }) => {
    test('is without a finding, but for what is not built', async () => {
        const { code, all } = await run(['check', policyOf(name)]);
        const found = all.split('\n').filter((line) => /^(error|warning):/.test(line));
        expect(found.filter((line) => !line.endsWith('[MIG090]'))).toEqual([]);
        const features = found.map((line) => /\(([\w.-]+)\) \[MIG090\]$/.exec(line)?.[1] ?? line);
        expect([...new Set(features)].toSorted()).toEqual([...lacking, 'scenario'].toSorted());
        expect(code).toBe(0);
    });

    test('has a scenario, and says why it does what it does', () => {
        const text = readFileSync(path.join(root, policyOf(name)), 'utf8');
        expect(text).toMatch(/^scenario "/m);
        expect(text).toMatch(/^ \*\/\n(policy|sequence) /m);
    });
});

test.each(rows.filter((row) => row.lacking.length > 0))('$name is refused, not half carried out', async ({ name, lacking }) => {
    const { code, all } = await run(['plan', policyOf(name)]);
    for (const feature of lacking) expect(all).toContain(`(${feature})`);
    expect(code).toBe(5);
});

test('every example with nothing lacking is played', () => {
    const complete = rows.filter((row) => row.lacking.length === 0).map((row) => policyOf(row.name));
    expect(plays.map((play) => play.args[1]).toSorted()).toEqual(complete.toSorted());
});

test.each(plays)('$line ends well', async ({ args }) => {
    const { code, stdout } = await run(args);
    const [, moved, of] = /^Simulated: (\d+) of (\d+) VMs? moved/m.exec(stdout) ?? [];
    expect(Number(moved)).toBeGreaterThan(0);
    expect(moved).toBe(of);
    expect(stdout).toMatch(/^promises: \d+ held$/m);
    expect(code).toBe(0);
});
