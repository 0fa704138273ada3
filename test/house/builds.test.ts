/** A build does not break a mig-run that is at work. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const { putInPlace } = createRequire(import.meta.url)('../../scripts/builds.mjs') as {
    readonly putInPlace: (directory: string, files: ReadonlyMap<string, string>, door: string) => Promise<void>;
};

let directory: string;
beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'mig-builds-'));
    await writeFile(path.join(directory, 'package.json'), '{ "type": "module" }');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** Says which build it is, waits to be told to go on, and only then loads its second part. */
const build = (n: number): Promise<void> =>
    putInPlace(
        directory,
        new Map([
            [
                'main.js',
                `process.stdout.write('begun ${n} '); process.stdin.once('data', async () => { await import('./late-${n}.js'); process.exit(); });`,
            ],
            [`late-${n}.js`, `process.stdout.write('ended ${n}');`],
        ]),
        'main.js',
    );

/** Starts what the door leads to; `end` lets it go on and gives what it has printed. */
async function start(): Promise<{ readonly end: () => Promise<string> }> {
    const child = spawn(process.execPath, [path.join(directory, 'main.js')], { stdio: ['pipe', 'pipe', 'inherit'] });
    let printed = '';
    child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    await once(child.stdout, 'data');
    const closed = once(child, 'close');
    return {
        end: async () => {
            child.stdin.write('\n');
            await closed;
            return printed;
        },
    };
}

test('a process that began with one build ends with it, and the next one takes the next build', async () => {
    await build(1);
    const first = await start();
    await build(2);
    const second = await start();
    expect(await first.end()).toBe('begun 1 ended 1');
    expect(await second.end()).toBe('begun 2 ended 2');
});

test('builds at the same time are both whole, and the same one is there once', async () => {
    await Promise.all([build(1), build(2), build(2)]);
    expect(await (await start()).end()).toMatch(/^begun (\d) ended \1$/);
    expect((await readdir(directory)).filter((name) => /^[0-9a-f]{16}$/.test(name))).toHaveLength(2);
});

test('old builds go, and one that is built again counts as the latest', async () => {
    await build(0);
    const begun = await start();
    for (let n = 1; n < 20; n += 1) {
        await build(n);
        if (n % 3 === 0) await build(0);
    }
    expect((await readdir(directory)).length).toBeLessThan(12);
    expect(await begun.end()).toBe('begun 0 ended 0');
});
