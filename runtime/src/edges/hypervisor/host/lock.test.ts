import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HostAccess } from '../../ssh/access.js';
import { openLocal } from '../../ssh/local-access.js';
import type { VmLock } from '../port.js';
import { lockVm } from './lock.js';

const never = new AbortController().signal;
const vm = '00000000-0000-4000-8000-000000000001';
let directory: string;
beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mig-lock-'));
});
afterEach(() => rm(directory, { recursive: true }));

const take = (access: HostAccess, run: string, uuid = vm): Promise<VmLock> =>
    lockVm(access, uuid, { run, controller: `me@${run}` }, () => 0, never, join(directory, 'locks'));

describe('the lock of a VM', () => {
    test('is held by one run, and the other is told which', async () => {
        await using access = openLocal('kvm-a');
        await using _first = await take(access, 'r1');
        await expect(take(access, 'r2')).rejects.toMatchObject({
            code: 'vm-locked',
            message: `VM ${vm} on kvm-a is held by another run: run r1 of me@r1 since 1970-01-01T00:00:00.000Z`,
        });
    });

    test('does not hold up other VMs', async () => {
        await using access = openLocal('kvm-a');
        await using _first = await take(access, 'r1');
        await using _second = await take(access, 'r1', '00000000-0000-4000-8000-000000000002');
    });

    test('is free again as soon as it has been given up', async () => {
        await using access = openLocal('kvm-a');
        const first = await take(access, 'r1');
        await first[Symbol.asyncDispose]();
        await using _second = await take(access, 'r2');
    });

    test('is lost, and says so, when the way to the host ends', async () => {
        const access = openLocal('kvm-a');
        const lock = await take(access, 'r1');
        await access[Symbol.asyncDispose]();
        await lock.lost;
        await using later = openLocal('kvm-a');
        await using _second = await take(later, 'r2');
    });

    test('that cannot be written is refused with what to do', async () => {
        await writeFile(join(directory, 'locks'), 'a file where the directory belongs');
        await using access = openLocal('kvm-a');
        await expect(take(access, 'r1')).rejects.toMatchObject({ code: 'refused', hint: expect.stringContaining('root') as string });
    });
});
