import { URI } from 'langium';
import { describe, expect, test } from 'vitest';
import { RecentFiles } from './recent-files.js';

describe('a file that is asked for again', () => {
    const uri = URI.file('/work/hosts.yaml');
    const files = () => {
        const state = { now: 0, reads: 0, fails: false };
        const readFile = (): Promise<string> => {
            state.reads++;
            return state.fails ? Promise.reject(new Error('ENOENT')) : Promise.resolve(`version ${state.reads}`);
        };
        return { state, recent: new RecentFiles({ readFile }, () => state.now) };
    };

    test('is not read again within a second, and is after it', async () => {
        const { state, recent } = files();
        expect(await recent.readFile(uri)).toBe('version 1');
        state.now = 999;
        expect(await recent.readFile(uri)).toBe('version 1');
        state.now = 1000;
        expect(await recent.readFile(uri)).toBe('version 2');
    });

    test('is read again at once when it is told that files have changed', async () => {
        const { recent } = files();
        await recent.readFile(uri);
        recent.forget();
        expect(await recent.readFile(uri)).toBe('version 2');
    });

    test('is missing for as long, and found then', async () => {
        const { state, recent } = files();
        state.fails = true;
        await expect(recent.readFile(uri)).rejects.toThrow('ENOENT');
        state.fails = false;
        await expect(recent.readFile(uri)).rejects.toThrow('ENOENT');
        state.now = 1000;
        expect(await recent.readFile(uri)).toBe('version 2');
    });
});
