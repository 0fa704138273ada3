import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLocal } from './local-access.js';

const never = new AbortController().signal;
let directory: string;
beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mig-local-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('on the host that we run on', () => {
    test('sockets are opened directly', async () => {
        const path = join(directory, 'x.sock');
        const server = createServer((socket) => socket.end('hello'));
        await new Promise<void>((resolve) => server.listen(path, resolve));
        await using access = openLocal('here');
        const [chunk] = (await (await access.openUnix(path, never)).take(1).toArray()) as [Buffer];
        expect(chunk.toString()).toBe('hello');
        await new Promise((resolve) => server.close(resolve));
    });

    test('a socket that is not there, or that nobody serves, is told apart', async () => {
        await using access = openLocal('here');
        await expect(access.openUnix(join(directory, 'none'), never)).rejects.toMatchObject({ reason: 'missing' });
        await writeFile(join(directory, 'file'), '');
        await expect(access.openUnix(join(directory, 'file'), never)).rejects.toMatchObject({ reason: 'unanswered' });
    });

    test('commands get their arguments untouched', async () => {
        await using access = openLocal('here');
        expect(await access.run(['printf', '%s', "it's $HOME"], never)).toEqual({ code: 0, stdout: "it's $HOME", stderr: '' });
    });

    test('a program that is not there is an error', async () => {
        await using access = openLocal('here');
        await expect(access.run([join(directory, 'none')], never)).rejects.toThrow('ENOENT');
    });

    test('disposing of it ends the commands that read their input', async () => {
        const access = openLocal('here');
        const process = await access.start(['cat'], never);
        await access[Symbol.asyncDispose]();
        expect(await process.exit).toEqual({ code: 0 });
    });
});
