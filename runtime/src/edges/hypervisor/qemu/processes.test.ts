import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLocal } from '../../ssh/local-access.js';
import { findProcesses, heldBy, processesScript, readProcesses } from './processes.js';

const never = new AbortController().signal;
const uuid = '6fd1c1c2-6a55-4a7c-8a5e-0d6f6f6f0001';

describe('QEMU processes', () => {
    let directory: string;
    beforeEach(async () => {
        directory = await mkdtemp(join(tmpdir(), 'mig-processes-'));
    });
    afterEach(() => rm(directory, { recursive: true }));

    /** A process that looks like QEMU to who reads its command line. */
    async function stand(name: string, ...args: readonly string[]) {
        await symlink('/bin/sh', join(directory, name)).catch(() => undefined); // it is there already
        const child = spawn(join(directory, name), ['-c', 'read x; read y', ...args], {
            stdio: ['pipe', 'ignore', 'ignore'],
            cwd: directory,
        });
        await once(child, 'spawn');
        return {
            pid: child.pid ?? 0,
            end: async () => {
                child.stdin.end();
                await once(child, 'close');
            },
        };
    }

    test('are found by what they were started with, in any case of the UUID, with words that have blanks and line breaks', async () => {
        const qemu = await stand('qemu-system-x86_64', '-name', 'a b\nc', '-uuid', uuid.toUpperCase());
        const other = await stand('not-qemu', '-uuid', uuid);
        try {
            await using access = openLocal('kvm-a');
            const found = await findProcesses(access, never, uuid);
            expect(found.map(({ pid }) => pid)).toEqual([qemu.pid]);
            expect(found[0]).toMatchObject({ cwd: directory, identity: { name: 'a b\nc', uuid }, mark: undefined });
            expect(found[0]?.argv.slice(3)).toEqual(['-name', 'a b\nc', '-uuid', uuid.toUpperCase()]);
            const all = await findProcesses(access, never);
            expect(all.map(({ pid }) => pid)).toContain(qemu.pid);
            expect(all.map(({ pid }) => pid)).not.toContain(other.pid);
            expect((await findProcesses(access, never, uuid))[0]?.started).toBe(found[0]?.started);
        } finally {
            await Promise.all([qemu.end(), other.end()]);
        }
    });

    test('a mark is of one process: what a dead one left says nothing of the next', async () => {
        const qemu = await stand('qemu-system-x86_64', '-uuid', uuid);
        try {
            await using access = openLocal('kvm-a');
            const look = async (): Promise<ReturnType<typeof readProcesses>> => {
                const { stdout } = await access.run(['sh', '-c', processesScript, 'sh', directory, uuid], never);
                return readProcesses(stdout.split('\n'));
            };
            const [first] = await look();
            const { pid, started } = { pid: first?.pid ?? 0, started: first?.started ?? '' };
            const mark = { run: 'r1', epoch: 3, process: { pid, started }, receiving: true };
            await writeFile(join(directory, `${uuid}.mover`), `${JSON.stringify(mark)}\n`);
            expect((await look())[0]?.mark).toEqual(mark);
            await writeFile(join(directory, `${uuid}.mover`), JSON.stringify({ ...mark, process: { pid, started: '1' } }));
            expect((await look())[0]?.mark).toBeUndefined();
            await writeFile(join(directory, `${uuid}.mover`), 'no mark\n');
            expect((await look())[0]?.mark).toBeUndefined();
        } finally {
            await qemu.end();
        }
    });
});

test('what a host holds for a process is what is resident, swapped out, and in huge pages', () => {
    const status = ['Name:\tqemu', 'VmHWM:\t  900 kB', 'VmRSS:\t   100 kB', 'VmSwap:\t  20 kB', 'HugetlbPages:\t   2048 kB', ''].join('\n');
    expect(heldBy(status)).toBe(2168 * 1024);
    expect(heldBy('VmRSS:\t   100 kB\n')).toBe(100 * 1024);
    expect(heldBy('Name:\tkthreadd\n')).toBeUndefined();
});
