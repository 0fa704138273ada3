import { epochMs } from '@mig/language';
import { expect, test } from 'vitest';
import { minute } from '../testing/builders.js';
import { nowhere } from '../testing/program.js';
import { scheduleHolds } from './schedule.js';

const at = (iso: string) => epochMs(Date.parse(iso));
const holdsAt = (cron: string, zone: string | undefined, iso: string, windowMs = 60 * minute) =>
    scheduleHolds({ kind: 'schedule', cron, timeZone: zone, windowMs, range: nowhere }, 'UTC', at(iso));

test('a schedule holds from its time to the end of its window', () => {
    expect(holdsAt('0 2 * * 6', undefined, '2026-11-21T01:59:59Z')).toMatchObject({ value: false });
    expect(holdsAt('0 2 * * 6', undefined, '2026-11-21T02:00:00Z')).toEqual({
        known: true,
        value: true,
        since: at('2026-11-21T02:00:00Z'),
    });
    expect(holdsAt('0 2 * * 6', undefined, '2026-11-21T02:59:59.999Z')).toMatchObject({ value: true });
    expect(holdsAt('0 2 * * 6', undefined, '2026-11-21T03:00:00Z')).toMatchObject({ value: false });
});

test('its own time zone counts before that of the inventory', () => {
    expect(holdsAt('0 2 * * *', 'Europe/Berlin', '2026-11-21T01:30:00Z')).toMatchObject({ value: true });
    expect(holdsAt('0 2 * * *', undefined, '2026-11-21T01:30:00Z')).toMatchObject({ value: false });
});

test('a window may reach past midnight', () => {
    expect(holdsAt('0 22 * * *', undefined, '2026-11-22T03:00:00Z', 6 * 60 * minute)).toMatchObject({ value: true });
});

test('a fixed time that the clock skips counts once, at the change', () => {
    // Berlin, 29 March 2026: 02:00 becomes 03:00 at 01:00 UTC.
    expect(holdsAt('30 2 * * *', 'Europe/Berlin', '2026-03-29T01:00:00Z')).toEqual({
        known: true,
        value: true,
        since: at('2026-03-29T01:00:00Z'),
    });
    expect(holdsAt('30 2 * * *', 'Europe/Berlin', '2026-03-29T02:10:00Z')).toMatchObject({ value: false });
});

test('a fixed time that comes twice counts the first time only', () => {
    // Berlin, 25 October 2026: 03:00 becomes 02:00 at 01:00 UTC, so 02:30 is 00:30 UTC and 01:30 UTC.
    expect(holdsAt('30 2 * * *', 'Europe/Berlin', '2026-10-25T00:45:00Z', 30 * minute)).toMatchObject({ value: true });
    expect(holdsAt('30 2 * * *', 'Europe/Berlin', '2026-10-25T01:45:00Z', 30 * minute)).toMatchObject({ value: false });
});

test('a schedule or time zone that cannot be read is unknown, and named', () => {
    expect(holdsAt('61 2 * * *', undefined, '2026-11-21T02:00:00Z')).toMatchObject({
        known: false,
        because: [expect.stringContaining('61 2 * * *')],
    });
    expect(holdsAt('0 2 * * *', 'Europe/Atlantis', '2026-11-21T02:00:00Z')).toMatchObject({
        known: false,
        because: [expect.stringContaining('Europe/Atlantis')],
    });
});
