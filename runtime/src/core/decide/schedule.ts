/**
 * Schedules: a cron expression holds from each of its times for a window, on the days that it keeps to.
 *
 * When the clock is set forward or back, in the schedule's time zone:
 * - a fixed time of day (one hour, one minute) that is skipped counts at the moment of the change, once;
 *   one that comes twice counts the first time only;
 * - a schedule with a wildcard, list or range of hours or minutes goes by elapsed time: skipped times are left out,
 *   repeated ones count each time.
 * A window has its full length in elapsed time, whatever the clock does; whole days have the length of the day.
 *
 * Days by date (calendars) are those of the clock in the schedule's time zone. A window belongs to the day on which it
 * opens. An excepted day opens none, and ends one that is open at its midnight.
 */
import { type Bandwidth, type CalendarDays, type DateSpan, type EpochMs, epochMs, type Trigger } from '@mig/language';
import { Cron } from 'croner';
import { known, type Truth, unknown } from './truth.js';

export type Schedule = Pick<Extract<Trigger, { kind: 'schedule' }>, 'cron' | 'timeZone' | 'windowMs' | 'days'>;

/** Where a window is closed by a calendar: on which day, and by which one. */
export interface Excepted {
    readonly date: string;
    readonly calendar: string;
}

/** Whether a window of the schedule is open, and since when, or why it is not. `now` is the only clock. */
export function scheduleHolds(
    schedule: Schedule,
    inventoryZone: string,
    now: EpochMs,
): Truth & { readonly since?: EpochMs; readonly excepted?: Excepted } {
    const zone = schedule.timeZone ?? inventoryZone;
    const { days } = schedule;
    try {
        const since = openSince(schedule, zone, now);
        if (since === undefined) return known(false);
        const excepted = days && exceptedWithin(dateAt(since, zone), dateAt(now, zone), days);
        return excepted ? { ...known(false), excepted } : { ...known(true), since };
    } catch {
        // Croner and Intl throw for an expression or a zone that they cannot read.
        return unknown(`the schedule "${schedule.cron}" in time zone "${zone}" cannot be read`);
    }
}

type Window = Pick<Bandwidth['windows'][number], 'from' | 'to' | 'days' | 'timeZone' | 'calendar'>;

const minutesPerDay = 24 * 60;

/** Whether a window by clock and day is open: one of bandwidth, or the one in which a sequence may start. */
export function windowHolds(window: Window, inventoryZone: string, now: EpochMs): ReturnType<typeof scheduleHolds> {
    return scheduleHolds(scheduleOf(window), inventoryZone, now);
}

/** A window by clock and day as a schedule that opens at its beginning. */
export function scheduleOf({ from, to, days, timeZone, calendar }: Window): Schedule {
    const weekdays = days.length === 0 || calendar?.on ? '*' : days.join(',');
    const cron = `${from % 60} ${Math.floor(from / 60) % 24} * * ${weekdays}`;
    const minutes = from === to ? 0 : (to - from + minutesPerDay) % minutesPerDay || minutesPerDay;
    return { cron, timeZone, windowMs: minutes * 60_000, ...(calendar && { days: calendar }) };
}

/** When the window opened that is open now, by the clock and by the days on which it may open. */
function openSince({ cron, windowMs, days }: Schedule, zone: string, now: EpochMs): EpochMs | undefined {
    const times = new Cron(cron, { timezone: zone, mode: '5-part' });
    let since = lastTime(times, now);
    if (days?.allDay) return opensOn(dateAt(now, zone), days) ? (since ?? now) : undefined;
    // The last time may be on a day on which it does not open, while a longer window of an earlier day is still open.
    while (since !== undefined && now < since + windowMs) {
        if (!days || opensOn(dateAt(since, zone), days)) return since;
        since = lastTime(times, epochMs(since - 1000));
    }
    return undefined;
}

/** The latest time of a schedule that is not after `now`. */
function lastTime(times: Cron, now: EpochMs): EpochMs | undefined {
    // Times of a cron expression are whole seconds, and the search is for one strictly before.
    const [last] = times.previousRuns(1, new Date((Math.floor(now / 1000) + 1) * 1000));
    return last === undefined ? undefined : epochMs(last.getTime());
}

function opensOn(date: string, { on }: CalendarDays): boolean {
    return !on || on.weekdays.includes(new Date(`${date}T00:00:00Z`).getUTCDay()) || isAmong(date, on.dates);
}

/** The first excepted day since a window opened. */
function exceptedWithin(since: string, now: string, { except = [] }: CalendarDays): Excepted | undefined {
    const found = except.flatMap(({ calendar, dates }) =>
        dates.filter(({ from, to }) => from <= now && since <= to).map(({ from }) => ({ date: from < since ? since : from, calendar })),
    );
    return found.toSorted((a, b) => (a.date < b.date ? -1 : 1))[0];
}

const isAmong = (date: string, spans: readonly DateSpan[]): boolean => spans.some(({ from, to }) => from <= date && date <= to);

const clocks = new Map<string, Intl.DateTimeFormat>();

/** The date on the clock of a time zone: `2026-12-24`. */
function dateAt(time: EpochMs, timeZone: string): string {
    let clock = clocks.get(timeZone);
    if (!clock) {
        clock = new Intl.DateTimeFormat('en', { timeZone, calendar: 'iso8601', year: 'numeric', month: '2-digit', day: '2-digit' });
        clocks.set(timeZone, clock);
    }
    const parts = new Map(clock.formatToParts(time).map(({ type, value }) => [type, value]));
    return ['year', 'month', 'day'].map((part) => parts.get(part as Intl.DateTimeFormatPartTypes)).join('-');
}
