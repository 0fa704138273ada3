import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bytes, mebibyte } from '@mig/language';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLocal } from '../../ssh/local-access.js';
import type { CopiedDisk } from './disks.js';
import { imagesAt, MadeImages } from './made-images.js';

const never = new AbortController().signal;
const vm = '6fd1c1c2-6a55-4a7c-8a5e-0d6f6f6f0001';
let directory = '';
let images: MadeImages;
beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'mig-images-'));
    images = new MadeImages(openLocal('b'), vm, directory);
});
afterEach(() => rm(directory, { recursive: true }));

const at = (name: string): string => path.join(directory, name);
const disk = (name: string, more: Partial<CopiedDisk> = {}): CopiedDisk => ({
    target: name,
    mode: 'copy',
    cap: undefined,
    node: name,
    path: at(name),
    format: 'raw',
    capacity: bytes(3 * mebibyte),
    ...more,
});
const files = async (): Promise<readonly string[]> => (await readdir(directory)).toSorted();

test('an image is made of its size, takes no room, and goes again with its record', async () => {
    await images.make('db', [disk('a disk'), disk('seeded', { mode: 'preseeded' })], never);
    expect(await files()).toEqual([`${vm}.images`, 'a disk']);
    expect(await stat(at('a disk'))).toMatchObject({ size: 3 * mebibyte, blocks: 0 });
    await images.drop(never);
    expect(await files()).toEqual([]);
    await images.drop(never);
});

test('what stands at the path is left as it is, and never removed', async () => {
    await writeFile(at('old'), 'data');
    await images.make('db', [disk('old'), disk('new')], never);
    await images.drop(never);
    expect(await files()).toEqual(['old']);
    expect(await readFile(at('old'), 'utf8')).toBe('data');
});

test('what somebody else has put in the place of one that was made is not removed', async () => {
    await images.make('db', [disk('a')], never);
    await writeFile(at('other'), 'data');
    await rm(at('a'));
    await writeFile(at('a'), 'data');
    await images.drop(never);
    expect(await files()).toEqual(['a', 'other']);
});

test('once the guest may run on it, nothing of ours removes it', async () => {
    await images.make('db', [disk('a')], never);
    await images.keep(never);
    await images.drop(never);
    expect(await files()).toEqual(['a']);
});

test('what an earlier move has left is made anew', async () => {
    await images.make('db', [disk('a'), disk('b')], never);
    await writeFile(at('a'), 'half of a copy');
    await images.make('db', [disk('a')], never);
    expect(await files()).toEqual([`${vm}.images`, 'a']);
    expect((await stat(at('a'))).size).toBe(3 * mebibyte);
});

test('where one cannot be made, none is left', async () => {
    const lost = disk('b', { path: at('nowhere/b') });
    await expect(images.make('db', [disk('a'), lost], never)).rejects.toMatchObject({
        code: 'refused',
        message: expect.stringMatching(/no image for a disk of db was made on b \(.*nowhere\/b\): its directory is not there/) as unknown,
    });
    expect(await files()).toEqual([]);
});

test('a look tells what stands there, and whether an image could be made', async () => {
    await writeFile(at('a'), Buffer.alloc(mebibyte));
    const [there, absent, nowhere] = await imagesAt(openLocal('b'), [at('a'), at('b'), at('no/c')], never);
    expect(there).toMatchObject({ host: 'b', image: { size: mebibyte }, pool: false });
    expect(absent?.image).toBeUndefined();
    expect(absent?.makes).toContain('raw');
    expect(nowhere).toMatchObject({ image: undefined });
    expect(nowhere?.makes).toBeUndefined();
});
