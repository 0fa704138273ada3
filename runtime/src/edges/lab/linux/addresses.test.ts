import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { claimNumber } from './addresses.js';

let directory: string;
beforeAll(async () => void (directory = await mkdtemp(join(tmpdir(), 'mig-addresses-'))));
afterAll(() => rm(directory, { recursive: true }));

test('guests that are started side by side get an address each, and one that is let go is free again', async () => {
    const taken = new Set([100, 102]);
    const claims = await Promise.all(Array.from({ length: 5 }, () => claimNumber(async () => Promise.resolve(taken), directory)));
    expect(claims.map((claim) => claim?.number).sort()).toEqual([101, 103, 104, 105, 106]);
    for (const claim of claims) await claim?.[Symbol.asyncDispose]();
    expect(await readdir(directory)).toEqual([]);
});

test('one that was given away between the look and the claim is not given again', async () => {
    let looks = 0;
    const taken = () => Promise.resolve(new Set(looks++ === 0 ? [] : [100]));
    await using claim = await claimNumber(taken, directory);
    expect(claim?.number).toBe(101);
});

test('there is none where every address is taken', async () => {
    const all = new Set(Array.from({ length: 151 }, (_, i) => 100 + i));
    expect(await claimNumber(() => Promise.resolve(all), directory)).toBeUndefined();
});
