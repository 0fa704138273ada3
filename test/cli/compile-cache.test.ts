import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { migRunPath } from '../kit/mig-run.js';

const run = promisify(execFile);
const { kindOf } = createRequire(import.meta.url)('../../runtime/bin/compile-cache.cjs') as {
    readonly kindOf: (words: readonly string[]) => string;
};
let home: string;

beforeEach(async () => {
    home = await mkdtemp(path.join(tmpdir(), 'mig-cache-'));
});
afterEach(async () => {
    await rm(home, { recursive: true, force: true });
});

const start = (cache: string, ...words: readonly string[]) =>
    run(process.execPath, [migRunPath, ...words], { env: { PATH: process.env['PATH'], XDG_CACHE_HOME: cache } });

test.each([
    [['p.mig', '--yes'], 'run'],
    [['--yes', 'p.mig'], 'run'],
    [['p.mig', '--dry-run'], 'simulate'],
    [['simulate', 'p.mig'], 'simulate'],
    [['plan', 'p.mig'], 'plan'],
    [['lab', 'up'], 'lab-up'],
    [['lab', '../../etc'], 'lab'],
    [['--help'], 'help'],
    [[], 'help'],
])('the compiled code of mig-run %j is kept as that of %s', (words, kind) => {
    expect(kindOf(words)).toBe(kind);
});

test('compiled code is kept once a process has come to do something', async () => {
    await start(home, '--version');
    expect(await readdir(path.join(home, 'mig-run', 'help'))).toContain('complete');
    await expect(start(home, 'plan', 'none.mig')).rejects.toMatchObject({ code: 2 });
    expect(await readdir(path.join(home, 'mig-run', 'plan'))).not.toContain('complete');
});

test('a place that cannot be written does no harm', async () => {
    // Nothing can be made below a file.
    const { stdout, stderr } = await start(migRunPath, '--version');
    expect([stdout.trim(), stderr]).toEqual(['0.1.0', '']);
    await chmod(home, 0o500);
    const unwritable = await start(home, '--version');
    expect([unwritable.stdout.trim(), unwritable.stderr]).toEqual(['0.1.0', '']);
    await chmod(home, 0o700);
});
