import { fc, test as property } from '@fast-check/vitest';
import { type CalendarDays, type DateSpan, epochMs } from '@mig/language';
import { describe, expect, test } from 'vitest';
import { minute } from '../testing/builders.js';
import { scheduleHolds, windowHolds } from './schedule.js';

const at = (iso: string) => epochMs(Date.parse(iso));
const holdsAt = (cron: string, zone: string | undefined, iso: string, windowMs = 60 * minute) =>
    scheduleHolds({ cron, timeZone: zone, windowMs }, 'UTC', at(iso));

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

describe('days by date', () => {
    const freeze = { calendar: 'freeze', dates: [{ from: '2026-12-24', to: '2026-12-26' }] };
    const nightly = (days: CalendarDays, iso: string, zone?: string) =>
        scheduleHolds({ cron: '0 22 * * *', timeZone: zone, windowMs: 7 * 60 * minute, days }, 'UTC', at(iso));

    test('an excepted day opens no window, and ends one that is open at midnight', () => {
        expect(nightly({ except: [freeze] }, '2026-12-23T23:59:00Z')).toMatchObject({ value: true });
        expect(nightly({ except: [freeze] }, '2026-12-24T00:00:00Z')).toEqual({
            known: true,
            value: false,
            excepted: { date: '2026-12-24', calendar: 'freeze' },
        });
        expect(nightly({ except: [freeze] }, '2026-12-26T22:30:00Z')).toMatchObject({ value: false });
        expect(nightly({ except: [freeze] }, '2026-12-27T01:00:00Z')).toMatchObject({ value: false });
        expect(nightly({ except: [freeze] }, '2026-12-27T22:00:00Z')).toMatchObject({ value: true });
    });

    test('a window on days by date belongs to the day on which it opens', () => {
        const on = { weekdays: [6], dates: freeze.dates };
        expect(nightly({ on }, '2026-12-23T22:00:00Z')).toMatchObject({ value: false });
        expect(nightly({ on }, '2026-12-24T22:00:00Z')).toMatchObject({ value: true });
        expect(nightly({ on }, '2026-12-27T04:59:00Z')).toMatchObject({ value: true });
        expect(nightly({ on }, '2027-01-02T22:00:00Z')).toMatchObject({ value: true });
    });

    test('dates are those of the clock in the time zone of the schedule', () => {
        // 23:30 UTC on the 23rd is 00:30 on the 24th in Berlin.
        expect(nightly({ except: [freeze] }, '2026-12-23T23:30:00Z')).toMatchObject({ value: true });
        expect(nightly({ except: [freeze] }, '2026-12-23T23:30:00Z', 'Europe/Berlin')).toMatchObject({ value: false });
    });

    test('a whole day lasts from midnight to midnight, also one of 25 hours', () => {
        const days: CalendarDays = { on: { weekdays: [], dates: [{ from: '2026-10-25', to: '2026-10-25' }] }, allDay: true };
        const holds = (iso: string) =>
            scheduleHolds({ cron: '0 0 * * *', timeZone: 'Europe/Berlin', windowMs: 24 * 60 * minute, days }, 'UTC', at(iso));
        expect(holds('2026-10-24T21:59:59Z')).toMatchObject({ value: false });
        expect(holds('2026-10-24T22:00:00Z')).toMatchObject({ value: true, since: at('2026-10-24T22:00:00Z') });
        expect(holds('2026-10-25T22:59:59Z')).toMatchObject({ value: true });
        expect(holds('2026-10-25T23:00:00Z')).toMatchObject({ value: false });
    });

    const day = 24 * 60 * minute;
    const first = Date.parse('2026-12-01T00:00:00Z');
    const dateOf = (n: number): string => new Date(first + n * day).toISOString().slice(0, 10);
    const span = fc
        .tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 4 }))
        .map(([from, length]): DateSpan => ({ from: dateOf(from), to: dateOf(from + length) }));
    const spans = fc.array(span, { maxLength: 3 });
    const inside = (date: string, dates: readonly DateSpan[]): boolean => dates.some(({ from, to }) => date >= from && date <= to);

    property.prop([
        fc.record({
            from: fc.integer({ min: 0, max: 1439 }),
            to: fc.integer({ min: 0, max: 1439 }),
            weekdays: fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { maxLength: 3 }),
            on: fc.option(spans, { nil: undefined }),
            except: spans,
            at: fc.integer({ min: 2 * 24 * 60, max: 24 * 24 * 60 }),
        }),
    ])('a window is open in the minutes that a count of its days gives', ({ from, to, weekdays, on, except, at: minutes }) => {
        const calendar: CalendarDays = {
            ...(on && { on: { weekdays, dates: on } }),
            ...(except.length > 0 && { except: [{ calendar: 'freeze', dates: except }] }),
        };
        const now = first + minutes * minute;
        const length = from === to ? 0 : ((to - from + 1440) % 1440 || 1440) * minute;
        // Every day is asked whether a window opens on it and still lasts, and every day since whether it is excepted.
        const expected = Array.from({ length: 26 }, (_, n) => n).some((n) => {
            const opens = first + n * day + from * minute;
            const weekday = new Date(opens).getUTCDay();
            const allowed = on ? weekdays.includes(weekday) || inside(dateOf(n), on) : weekdays.length === 0 || weekdays.includes(weekday);
            const until = Math.floor((now - first) / day);
            const closed = Array.from({ length: Math.max(0, until - n + 1) }, (_, k) => dateOf(n + k)).some((date) => inside(date, except));
            return allowed && opens <= now && now < opens + length && !closed;
        });
        const window = { from, to, days: weekdays, timeZone: undefined, calendar };
        expect(windowHolds(window, 'UTC', epochMs(now))).toMatchObject({ known: true, value: expected });
    });
});
