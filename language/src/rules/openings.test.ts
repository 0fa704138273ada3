import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import type { Trigger } from '../program.js';
import { policy } from '../testing/kit.js';
import { neverOpen } from './openings.js';

const nowhere = { source: 0, start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };

const calendars =
    'calendar freeze = [2026-12-24..2026-12-26]\ncalendar holidays = [2026-12-25, 2026-12-27]\ncalendar halves = [2026-12-25..2026-12-27]\n';

const isNever = async (when: string): Promise<boolean> => {
    const { trigger } = await policy(when.startsWith('on ') ? `when ${when}` : when, calendars);
    if (!trigger) throw new Error('The policy has no trigger.');
    return neverOpen(trigger).length > 0;
};

describe('schedules', () => {
    test.each([
        ['at 02:00 every Sat', false],
        ['at 02:00 every Sat and between 08:00 and 18:00 on Mon..Fri', true],
        ['at 02:00 every Sat for 8 h and between 08:00 and 18:00 on Sat', false],
        ['at 23:00 every Sun for 3 h and between 00:00 and 02:00 on Mon', false],
        ['between 22:00 and 05:00 and between 04:00 and 06:00', false],
        ['between 22:00 and 05:00 and between 05:00 and 06:00', true],
        ['between 08:00 and 18:00 and not between 07:00 and 19:00', true],
        ['between 08:00 and 18:00 and not between 09:00 and 19:00', false],
        ['between 08:00 and 09:00 in "UTC" and between 10:00 and 11:00 in "Asia/Tokyo"', false],
        ['cron "0 0 31 2 *"', true],
        ['cron "0 0 29 2 *"', false],
        ['cron "0 0 31 2 1"', false],
        ['every 15 min for 5 min and between 08:00 and 18:00', false],
        ['at 02:00 and between 08:00 and 18:00 or when host.cpu > 90%', true],
        ['when host.cpu > 90% and between 08:00 and 18:00', false],
        ['between 22:00 and 22:00', true],
        ['between 00:00 and 24:00', false],
        ['between 22:00 and 23:00 on freeze', false],
        ['between 22:00 and 23:00 on freeze except freeze', true],
        ['between 22:00 and 23:00 on freeze except holidays', false],
        ['between 22:00 and 23:00 on freeze, Sat except freeze', false],
        ['between 22:00 and 23:00 on halves except freeze, holidays', true],
        ['between 22:00 and 23:00 and not on freeze', false],
        ['on Sat and not between 00:00 and 24:00 on Sat', true],
        ['on Sat and not between 00:00 and 24:00 on Sat except freeze', false],
    ])('%s never open: %s', async (when, expected) => {
        expect(await isNever(when)).toBe(expected);
    });

    const window = fc.record({
        day: fc.integer({ min: 0, max: 6 }),
        hour: fc.integer({ min: 0, max: 23 }),
        hours: fc.integer({ min: 1, max: 30 }),
    });

    property.prop([window, window])('two windows that are said never to meet do not, hour by hour', (a, b) => {
        const hoursOf = ({ day, hour, hours }: typeof a): readonly number[] =>
            Array.from({ length: hours }, (_, passed) => (day * 24 + hour + passed) % 168);
        const trigger: Trigger = {
            kind: 'all',
            of: [a, b].map(
                ({ day, hour, hours }): Trigger => ({
                    kind: 'schedule',
                    cron: `0 ${hour} * * ${day}`,
                    timeZone: undefined,
                    windowMs: hours * 3_600_000,
                    range: nowhere,
                }),
            ),
            range: nowhere,
        };
        const meet = hoursOf(a).some((hour) => hoursOf(b).includes(hour));
        expect(neverOpen(trigger).length > 0).toBe(!meet);
    });
});
