/**
 * Schedules: a cron expression holds from each of its times for a window.
 *
 * When the clock is set forward or back, in the schedule's time zone:
 * - a fixed time of day (one hour, one minute) that is skipped counts at the moment of the change, once;
 *   one that comes twice counts the first time only;
 * - a schedule with a wildcard, list or range of hours or minutes goes by elapsed time: skipped times are left out,
 *   repeated ones count each time.
 * A window has its full length in elapsed time, whatever the clock does.
 */
import { type EpochMs, epochMs, type Trigger } from '@mig/language';
import { Cron } from 'croner';
import { known, type Truth, unknown } from './truth.js';

type Schedule = Extract<Trigger, { kind: 'schedule' }>;

/** Whether a window of the schedule is open, and since when. `now` is the only clock. */
export function scheduleHolds(schedule: Schedule, inventoryZone: string, now: EpochMs): Truth & { readonly since?: EpochMs } {
    const since = lastTime(schedule.cron, schedule.timeZone ?? inventoryZone, now);
    if (since === 'unreadable')
        return unknown(`the schedule "${schedule.cron}" in time zone "${schedule.timeZone ?? inventoryZone}" cannot be read`);
    if (since === undefined || now >= since + schedule.windowMs) return known(false);
    return { ...known(true), since };
}

/** The latest time of the schedule that is not after `now`. */
function lastTime(cron: string, timeZone: string, now: EpochMs): EpochMs | undefined | 'unreadable' {
    // Times of a cron expression are whole seconds, and the search is for one strictly before.
    const justAfter = new Date((Math.floor(now / 1000) + 1) * 1000);
    try {
        const [last] = new Cron(cron, { timezone: timeZone, mode: '5-part' }).previousRuns(1, justAfter);
        return last === undefined ? undefined : epochMs(last.getTime());
    } catch {
        // Croner throws for an expression or a zone that it cannot read; the caller names both.
        return 'unreadable';
    }
}
