import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startScript } from './start-process.js';

let root: string;
beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'mig-start-')));
});
afterEach(() => rmSync(root, { recursive: true }));

/** Listens where it is told to, as QEMU would, and ends by itself. */
const program = `
const { createServer } = require('node:net');
const { rmSync } = require('node:fs');
for (const path of process.argv.slice(1)) { rmSync(path, { force: true }); createServer().listen(path); }
setTimeout(() => process.exit(), 1000);
`;

async function start(socket: string, others: readonly string[]): Promise<string> {
    const args = [join(root, 'own'), join(root, 'own/vm.log'), socket, root, String(others.length), ...others];
    const argv = [process.execPath, '-e', program, socket, ...others];
    return (await promisify(execFile)('/bin/sh', ['-c', startScript, 'sh', ...args, ...argv])).stdout.trim();
}

test('the directories of its sockets are made, and what a dead QEMU left there does no harm', async () => {
    const [qmp, agent] = [join(root, 'qmp/vm.qmp'), join(root, 'agents of/vm.sock')];
    expect(await start(qmp, [agent, 'serial/vm', 'plain'])).toMatch(/^up \d+ \d+$/);
    for (const path of [qmp, agent, join(root, 'serial/vm'), join(root, 'plain')]) expect(existsSync(path)).toBe(true);
});

test.each(['qmp', 'agent', 'serial'])('the socket of another process is not taken from it: %s', async (taken) => {
    const sockets = [join(root, 'qmp'), join(root, 'agent'), 'serial'] as const;
    await using server = createServer().listen(join(root, taken));
    await once(server, 'listening');
    expect(await start(sockets[0], sockets.slice(1))).toBe(`taken ${join(root, taken)}`);
});
