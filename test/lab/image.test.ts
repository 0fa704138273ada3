import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ensureImage, imageIsCached, imageRoot } from '../../runtime/src/edges/lab/image.js';
import { describeWhereLabsRun } from '../kit/lab.js';

const execFileAsync = promisify(execFile);

describeWhereLabsRun('the cache of images', () => {
    let cacheDir: string;
    beforeEach(async () => {
        cacheDir = await mkdtemp(join(tmpdir(), 'mig-image-'));
    });
    afterEach(() => rm(cacheDir, { recursive: true }));

    test('an archive is unpacked without its devices, once, and nothing else is left beside it', async () => {
        const files = join(cacheDir, 'files');
        await mkdir(join(files, 'etc'), { recursive: true });
        await mkdir(join(files, 'dev'));
        await writeFile(join(files, 'etc/hostname'), 'a host\n');
        await writeFile(join(files, 'dev/null'), '');
        const archive = `${imageRoot('trixie', cacheDir)}.tar.zst`;
        await execFileAsync('tar', ['--zstd', '-cf', archive, '-C', files, '.']);
        await rm(files, { recursive: true });

        const steps: string[] = [];
        const options = { cacheDir, onProgress: (step: string) => void steps.push(step) };
        const [one, other] = await Promise.all([ensureImage('trixie', options), ensureImage('trixie', options)]);
        expect(one).toEqual(other);
        expect(readFileSync(join(one.root, 'etc/hostname'), 'utf8')).toBe('a host\n');
        expect(existsSync(join(one.root, 'dev/null'))).toBe(false);
        expect(steps.filter((step) => step.startsWith('unpacking'))).toHaveLength(1);
        expect((await readdir(cacheDir)).sort()).toEqual([one.name, `${one.name}.tar.zst`]);
        expect(await imageIsCached('trixie', cacheDir)).toBe(true);
    });

    test('a broken archive is refused and removed, so that the next start builds it anew', async () => {
        await writeFile(`${imageRoot('trixie', cacheDir)}.tar.zst`, 'half an archive');
        await expect(ensureImage('trixie', { cacheDir })).rejects.toMatchObject({ code: 'lab-image-failed' });
        expect(await readdir(cacheDir)).toEqual([]);
    });

    test('what a build that died left behind is cleared away by the next', async () => {
        await mkdir(`${imageRoot('trixie', cacheDir)}.building`);
        await writeFile(`${imageRoot('trixie', cacheDir)}.building/owner`, JSON.stringify({ pid: process.pid, startTime: '1' }));
        await writeFile(`${imageRoot('trixie', cacheDir)}.tar.zst`, 'half an archive');
        await expect(ensureImage('trixie', { cacheDir })).rejects.toMatchObject({ code: 'lab-image-failed' });
        expect(await readdir(cacheDir)).toEqual([]);
    });

    test('a build that is aborted leaves no file, process or mount', async () => {
        const abort = new AbortController();
        const stop = (): void => void setTimeout(() => abort.abort(), 400);
        await expect(ensureImage('trixie', { cacheDir, signal: abort.signal, onProgress: stop })).rejects.toThrow(/abort/i);
        expect(await readdir(cacheDir)).toEqual([]);
        await expect.poll(() => buildersIn(cacheDir), { timeout: 10_000 }).toEqual([]);
        expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(cacheDir);
    });
});

/** Processes, other than this one, that work in the directory. */
function buildersIn(directory: string): readonly string[] {
    return readdirSync('/proc').filter((pid) => {
        if (!/^\d+$/.test(pid) || pid === String(process.pid)) return false;
        try {
            return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`TMPDIR=${directory}`);
        } catch {
            // It has ended meanwhile.
            return false;
        }
    });
}
