import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ownDirectory } from './own-directory.js';

let scratch: string;
beforeEach(() => {
    scratch = mkdtempSync(path.join(os.tmpdir(), 'mig-own-'));
});
afterEach(() => {
    rmSync(scratch, { recursive: true });
});

test('is made with all above it, for this user alone, and may be there already', () => {
    const place = path.join(scratch, 'a/b');
    ownDirectory(place);
    ownDirectory(place);
    for (const one of ['a', 'a/b']) expect(statSync(path.join(scratch, one)).mode & 0o777).toBe(0o700);
});

test('where a file is in the way, that is said', () => {
    writeFileSync(path.join(scratch, 'a'), '');
    expect(() => ownDirectory(path.join(scratch, 'a'))).toThrow(/EEXIST/);
    expect(() => ownDirectory(path.join(scratch, 'a/b'))).toThrow(/ENOTDIR|EEXIST/);
});

test.runIf(process.platform === 'linux')('where a file system takes none, that is said, and nobody asks for ever', () => {
    expect(() => ownDirectory('/proc/mig-run/state')).toThrow(/'\/proc\/mig-run'/);
});
