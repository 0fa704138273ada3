/** `mig-run fmt`: one style for all policies, in place or as a check. */
import { readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Desk, root } from '../kit/mig-run.js';

const untidy = 'technique  patient=precopy{downtime 300ms;after 5min:abort} // patient\n';
const tidy = 'technique patient = precopy {\n  downtime 300 ms\n  after 5 min: abort\n} // patient\n';

let desk: Desk;
beforeEach(async () => {
    desk = await Desk.clear();
});
afterEach(async () => desk[Symbol.asyncDispose]());

const contentOf = (name: string): Promise<string> => readFile(desk.at(name), 'utf8');

test('writes what is not in the style in place, says which, and leaves nothing else behind', async () => {
    await desk.write('a.mig', untidy);
    await desk.write('b.mig', tidy);
    const before = await stat(desk.at('b.mig'));
    const { code, stdout, stderr } = await desk.migRun(['fmt', '*.mig']);
    expect({ code, stdout, stderr }).toEqual({
        code: 0,
        stdout: 'formatted a.mig\n1 file formatted, 1 file in style already\n',
        stderr: '',
    });
    expect(await contentOf('a.mig')).toBe(tidy);
    expect((await stat(desk.at('b.mig'))).mtimeMs).toBe(before.mtimeMs);
    expect((await readdir(desk.directory)).filter((name) => name !== 'state')).toEqual(['a.mig', 'b.mig']);
});

test('--check writes nothing, and ends with 1 where something would change', async () => {
    await desk.write('a.mig', untidy);
    const { code, stdout } = await desk.migRun(['fmt', '--check', '.']);
    expect(code).toBe(1);
    expect(stdout).toBe('would format a.mig\n1 file would be formatted, 0 files in style already\n');
    expect(await contentOf('a.mig')).toBe(untidy);
    await desk.write('a.mig', tidy);
    expect((await desk.migRun(['fmt', '--check', 'a.mig'])).code).toBe(0);
});

test('a file with syntax errors is left alone and told of, and the others are formatted', async () => {
    await desk.write('a.mig', 'policy  p {\n  when host is\n');
    await desk.write('b.mig', untidy);
    const { code, stdout, stderr } = await desk.migRun(['fmt', 'a.mig', 'b.mig']);
    expect(code).toBe(3);
    expect(stderr).toMatch(/MIG001[\s\S]*a\.mig:/);
    expect(stdout).toBe('formatted b.mig\n1 file formatted, 0 files in style already, 1 file with syntax errors left alone\n');
    expect(await contentOf('a.mig')).toBe('policy  p {\n  when host is\n');
    expect(await contentOf('b.mig')).toBe(tidy);
});

test('what is no text is left alone', async () => {
    await writeFile(desk.at('a.mig'), Buffer.from([0x2f, 0x2f, 0x20, 0xe9, 0x0a, 0x0a]));
    const { code, stderr } = await desk.migRun(['fmt', 'a.mig']);
    expect(code).toBe(2);
    expect(stderr).toContain('a.mig: it is not UTF-8');
    expect((await readFile(desk.at('a.mig'))).length).toBe(6);
});

test('--stdin goes from standard input to standard output', async () => {
    const fed = (text: string) => ({ through: ['sh', '-c', `printf '${text.replaceAll('\n', String.raw`\n`)}' | "$0" "$@"`] });
    expect(await desk.migRun(['fmt', '--stdin'], fed(untidy))).toMatchObject({ code: 0, stdout: tidy, stderr: '' });
    expect(await desk.migRun(['fmt', '-'], fed(untidy))).toMatchObject({ code: 0, stdout: tidy, stderr: '' });
    expect((await desk.migRun(['fmt', '-', 'a.mig'], fed(untidy))).code).toBe(2);
    expect(await desk.migRun(['fmt', '--stdin', '--check'], fed(untidy))).toMatchObject({ code: 1, stdout: '' });
    expect(await desk.migRun(['fmt', '--stdin'], fed('policy {'))).toMatchObject({ code: 3, stdout: '' });
});

test('a file that cannot be read is told of, and the others are formatted', async () => {
    await symlink('nowhere.mig', desk.at('a.mig'));
    await desk.write('b.mig', untidy);
    const { code, stdout, stderr } = await desk.migRun(['fmt', '.']);
    expect(stderr).toContain('cannot read the policy a.mig: there is no such file');
    expect(stdout).toBe('formatted b.mig\n1 file formatted, 0 files in style already, 1 file not read\n');
    expect(code).toBe(2);
});

test('needs files or --stdin, and not both', async () => {
    expect((await desk.migRun(['fmt'])).code).toBe(2);
    expect((await desk.migRun(['fmt', '--stdin', 'a.mig'])).code).toBe(2);
});

test('the examples are written in the style', async () => {
    const { code, stdout } = await desk.migRun(['fmt', '--check', path.join(root, 'examples')]);
    expect(stdout).toMatch(/^0 files would be formatted, \d+ files in style already\n$/);
    expect(code).toBe(0);
});
