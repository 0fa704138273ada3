import { expect, test } from 'vitest';
import { judgeSetting, settingText } from './settings.js';

test('a setting that reads back as it was asked for is nothing to tell', () => {
    expect(judgeSetting({ setting: 'streams', asked: 4, got: 4 }, 'a')).toEqual({ agrees: true, said: undefined });
});

test.each([
    [{ setting: 'compression-level', asked: 9, got: 1 }, 'warning', 'the level of compression was set to 9, and a says that it is 1'],
    [{ setting: 'compression', asked: 'zstd', got: 'none' }, 'warning', 'the compression was set to zstd, and a says that it is none'],
    [
        { setting: 'throttle-most', asked: 0.6, got: 0.99 },
        'alarm',
        'the most that the throttle takes was set to 60%, and a says that it is 99%',
    ],
    [
        { setting: 'throttle-first', asked: 0.6, got: 0.2 },
        'warning',
        'the first share of the throttle was set to 60%, and a says that it is 20%',
    ],
    [{ setting: 'streams', asked: 4, got: undefined }, 'warning', 'the number of streams was set to 4, and a cannot say what it is now'],
] as const)('%o counts for a %s', (read, level, text) => {
    expect(judgeSetting(read, 'a')).toEqual({ agrees: false, said: { level, text } });
});

test('what nobody may read is told, and is no warning', () => {
    const said = { level: 'info', text: 'the number of streams on a was not read back: it is denied' };
    expect(judgeSetting({ setting: 'streams', asked: 4, got: undefined }, 'a', 'it is denied')).toEqual({ agrees: false, said });
});

test('each is shown in its unit, and one of a later version as it is', () => {
    expect([
        settingText('bandwidth', 1e6),
        settingText('throttle-step', 0.1),
        settingText('streams', 2),
        settingText('later', 'on'),
    ]).toEqual(['8 Mbit/s', '10%', '2', 'on']);
});
