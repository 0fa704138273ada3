import { milliseconds } from '@mig/language';
import { expect, test } from 'vitest';
import { notEndedWithin, stopped } from './stops.js';

test('a move that its window stops is told to begin earlier, not to take more time', () => {
    expect(stopped('db', 'window', 'the window at night has closed')).toEqual({
        code: 'aborted-by-policy',
        message: 'db was stopped: the window at night has closed',
        hint: 'give it a longer window, or begin earlier',
    });
    expect(stopped('db', 'ladder', 'stalled').hint).not.toMatch(/window/);
});
test('only what the policy does is an abort by policy', () => {
    const codes = (['ladder', 'window', 'request', 'bound'] as const).map((by) => stopped('db', by, 'x').code);
    expect(codes).toEqual(['aborted-by-policy', 'aborted-by-policy', 'cancelled', 'timed-out']);
    expect(notEndedWithin(milliseconds(3_600_000))).toBe('it has not ended within 1 h');
});
