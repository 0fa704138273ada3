import { epochMs, milliseconds } from '@mig/language';
import { describe, expect, test } from 'vitest';
import { within } from './bounds.js';
import { VirtualClock } from './clock.js';

describe('a virtual clock', () => {
    test('wakes sleepers in the order of their time, and shows each its own', async () => {
        const clock = new VirtualClock(epochMs(100));
        const woken: string[] = [];
        await Promise.all(
            [3000, 1000, 2000].map(async (ms) => {
                await clock.sleep(milliseconds(ms));
                woken.push(`${ms} at ${clock.now()}`);
            }),
        );
        expect(woken).toEqual(['1000 at 1100', '2000 at 2100', '3000 at 3100']);
    });
    test('does not jump while somebody still has something to do', async () => {
        const clock = new VirtualClock();
        const late = clock.sleep(milliseconds(10)).then(() => 'late');
        let steps = 0;
        for (; steps < 1000; steps += 1) await Promise.resolve();
        expect(clock.now()).toBe(0);
        expect(await late).toBe('late');
        expect(clock.now()).toBe(10);
    });
    test('lets a sleep be given up, and does not wait for it', async () => {
        const clock = new VirtualClock();
        const stop = new AbortController();
        const sleeping = clock.sleep(milliseconds(1e9), stop.signal);
        stop.abort(new Error('enough'));
        await expect(sleeping).rejects.toThrow('enough');
        await clock.sleep(milliseconds(5));
        expect(clock.now()).toBe(5);
    });
});

describe('a bound', () => {
    const what = { call: 'prepare', host: 'b', vm: 'db' };
    test('ends a wait with the host and the call that did not answer, and tells the call to give up', async () => {
        const clock = new VirtualClock();
        let toldToGiveUp = false;
        const silent = (signal: AbortSignal) => new Promise<never>(() => signal.addEventListener('abort', () => (toldToGiveUp = true)));
        await expect(within(clock, milliseconds(30_000), what, silent)).rejects.toMatchObject({
            code: 'timed-out',
            message: 'b did not answer to prepare of db within 30 s',
        });
        expect(toldToGiveUp).toBe(true);
    });
    test('passes on what came in time, good or bad', async () => {
        const clock = new VirtualClock();
        await expect(within(clock, milliseconds(10), what, () => Promise.resolve(7))).resolves.toBe(7);
        await expect(within(clock, milliseconds(10), what, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    });
});
