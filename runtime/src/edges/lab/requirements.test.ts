import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { labRequirements, unsupported } from './requirements.js';

let empty: string;
beforeEach(async () => {
    empty = await mkdtemp(join(tmpdir(), 'mig-requirements-'));
});
afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(empty, { recursive: true });
});

test('a system without the tools is told what to install, once for each', async () => {
    vi.stubEnv('PATH', empty);
    const missing = await labRequirements({ cacheDir: empty });
    // What lies in the fixed system directories may be there whatever PATH says; zstd and unshare never lie there.
    expect(missing).toContainEqual({ id: 'command', missing: 'zstd is not installed', cure: 'apt-get install zstd' });
    expect(missing).toContainEqual({ id: 'command', missing: 'unshare is not installed', cure: 'apt-get install util-linux' });
    expect(new Set(missing.map((each) => each.missing)).size).toBe(missing.length);
});

test('the error names everything that is missing and every cure', () => {
    const error = unsupported([
        { id: 'root', missing: 'a lab needs root', cure: 'run it with sudo' },
        { id: 'command', missing: 'zstd is not installed', cure: 'apt-get install zstd' },
    ]);
    expect(error).toMatchObject({
        code: 'lab-unsupported',
        message: 'this system cannot carry a lab: a lab needs root; zstd is not installed',
        hint: 'run it with sudo; apt-get install zstd',
    });
});
