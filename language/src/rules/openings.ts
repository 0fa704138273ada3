/** When schedules are open, by the minute of the week: enough to tell that some can never be open together. */
import type { CalendarDays, Trigger } from '../program.js';

const minutesPerDay = 24 * 60;
const minutesPerWeek = 7 * minutesPerDay;

/** The most days that each month has, January first. */
const daysOfMonths = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * The minutes of the week, Sunday first: 1 where a trigger can hold. Some at which it does not may be among them.
 * Undefined: any.
 */
type Openings = Uint8Array | undefined;

/** The parts of a trigger that can never hold, outermost first. Schedules of unlike time zones are not compared. */
export function neverOpen(trigger: Trigger): readonly Trigger[] {
    switch (trigger.kind) {
        case 'condition':
        case 'not':
            return [];
        case 'schedule':
            return neverComes(trigger) ? [trigger] : [];
        case 'any':
            return trigger.of.flatMap(neverOpen);
        case 'all': {
            const inner = trigger.of.flatMap(neverOpen);
            if (inner.length > 0 || zonesOf(trigger).size !== 1) return inner;
            return openingsOf(trigger)?.includes(1) === false ? [trigger] : [];
        }
    }
}

function openingsOf(of: Trigger): Openings {
    switch (of.kind) {
        case 'condition':
            return undefined;
        case 'schedule':
            return scheduled(of);
        case 'not':
            return of.of.kind === 'schedule' ? complementOf(of.of) : undefined;
        case 'any': {
            const parts = of.of.map(openingsOf).filter((part) => part !== undefined);
            return parts.length < of.of.length ? undefined : joined(parts, (a, b) => a | b);
        }
        case 'all':
            return joined(
                of.of.map(openingsOf).filter((part) => part !== undefined),
                (a, b) => a & b,
            );
    }
}

function joined(parts: readonly Uint8Array[], bit: (a: number, b: number) => number): Openings {
    const [first, ...others] = parts;
    return others.reduce<Openings>((all, part) => all?.map((open, minute) => bit(open, part[minute] ?? 0)), first);
}

type Schedule = Extract<Trigger, { kind: 'schedule' }>;

/** Whether no year has the day on which it would begin. Where days of the week are given as well, these are enough. */
function neverComes({ cron, windowMs, days: byDate }: Schedule): boolean {
    if (windowMs === 0) return true;
    if (byDate && isExcepted(byDate)) return true;
    const [, , day, , weekday] = cron.split(' ');
    if (day === '*' || weekday !== '*') return false;
    const [, , days, months] = fieldsOf(cron);
    return days !== undefined && months?.some((month) => days.some((d) => d <= (daysOfMonths[month - 1] ?? 31))) === false;
}

/** Whether all days by date are excepted ones. */
function isExcepted({ on, except = [] }: CalendarDays): boolean {
    if (!on || on.weekdays.length > 0) return false;
    const closed = except.flatMap(({ dates }) => dates).toSorted((a, b) => (a.from < b.from ? -1 : 1));
    return on.dates.every(({ from, to }) => {
        let open = from;
        for (const span of closed) if (span.from <= open && span.to >= open) open = dayAfter(span.to);
        return open > to;
    });
}

function dayAfter(date: string): string {
    return new Date(Date.parse(`${date}T00:00:00Z`) + minutesPerDay * 60_000).toISOString().slice(0, 10);
}

/** A day of the month may be any day of the week. */
function scheduled({ cron, windowMs }: Schedule): Openings {
    const [minutes, hours, , , weekdays] = fieldsOf(cron);
    if (!minutes || !hours || !weekdays) return undefined;
    return openFrom(minutes, hours, isWeekly(cron) ? weekdays : [0, 1, 2, 3, 4, 5, 6], Math.ceil(windowMs / 60_000));
}

/** When it is surely not open is known of weekly schedules only. */
function complementOf({ cron, windowMs, days }: Schedule): Openings {
    const [minutes, hours, , , clocked] = fieldsOf(cron);
    const weekdays = days?.on?.weekdays ?? clocked;
    // Days by date are not those of every week.
    const isByDate = (days?.on?.dates.length ?? 0) > 0 || (days?.except?.length ?? 0) > 0;
    if (!minutes || !hours || !weekdays || !isWeekly(cron) || isByDate) return undefined;
    return openFrom(minutes, hours, weekdays, Math.floor(windowMs / 60_000)).map((open) => 1 - open);
}

function isWeekly(cron: string): boolean {
    const [, , day, month] = cron.split(' ');
    return day === '*' && month === '*';
}

/** Goes round the week twice, so that what is open at its end goes on at its beginning. */
function openFrom(minutes: readonly number[], hours: readonly number[], weekdays: readonly number[], length: number): Uint8Array {
    const open = new Uint8Array(minutesPerWeek);
    if (length === 0) return open;
    for (const day of weekdays)
        for (const hour of hours) for (const minute of minutes) open[(day % 7) * minutesPerDay + hour * 60 + minute] = 2;
    let left = 0;
    for (let passed = 0; passed < 2 * minutesPerWeek; passed++) {
        const at = passed % minutesPerWeek;
        if (open[at] === 2) left = length;
        else if (left > 0) open[at] = 1;
        left -= 1;
    }
    return open.map((mark) => Math.min(1, mark));
}

const limits = [
    [0, 59],
    [0, 23],
    [1, 31],
    [1, 12],
    [0, 7],
] as const;

/** What each field of a cron expression admits; undefined where it is written in a way that is not read here. */
function fieldsOf(cron: string): readonly (readonly number[] | undefined)[] {
    return cron.split(' ').map((field, index) => {
        const [least, highest] = limits[index] ?? [0, 0];
        const found = new Set<number>();
        for (const piece of field.split(',')) {
            const match = /^(?:\*|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/.exec(piece);
            if (!match) return undefined;
            const [, from, to, step] = match;
            const start = from === undefined ? least : Number(from);
            const end = to !== undefined ? Number(to) : from === undefined || step !== undefined ? highest : start;
            for (let value = start; value <= end; value += Math.max(1, Number(step ?? 1))) found.add(value);
        }
        return [...found];
    });
}

function zonesOf(of: Trigger): ReadonlySet<string> {
    switch (of.kind) {
        case 'condition':
            return new Set();
        case 'schedule':
            return new Set([of.timeZone ?? '']);
        case 'not':
            return zonesOf(of.of);
        case 'any':
        case 'all':
            return new Set(of.of.flatMap((part) => [...zonesOf(part)]));
    }
}
