/** When schedules are open, by the minute of the week: enough to tell that some can never be open together. */
import type { Trigger } from '../program.js';

const minutesPerDay = 24 * 60;
const minutesPerWeek = 7 * minutesPerDay;

/** The most days that each month has, January first. */
const daysOfMonths = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * Every minute of the week, Sunday first, at which a trigger can hold: some at which it does not may be among them.
 * Undefined: any.
 */
export type Openings = ReadonlySet<number> | undefined;

/** The parts of a trigger that can never hold, outermost first. Schedules of unlike time zones are not compared. */
export function neverOpen(trigger: Trigger): readonly Trigger[] {
    if (zonesOf(trigger).size > 1) return [];
    const [found] = walk(trigger);
    return found;
}

function walk(of: Trigger): readonly [found: readonly Trigger[], openings: Openings] {
    switch (of.kind) {
        case 'condition':
            return [[], undefined];
        case 'schedule': {
            const openings = openingsOf(of);
            return openings?.size === 0 ? [[of], openings] : [[], openings];
        }
        case 'not':
            return [[], of.of.kind === 'schedule' ? complementOf(of.of) : undefined];
        case 'any':
        case 'all': {
            const parts = of.of.map(walk);
            const found = parts.flatMap(([inner]) => inner);
            const openings = of.kind === 'all' ? intersection(parts) : union(parts);
            return of.kind === 'all' && found.length === 0 && openings?.size === 0 ? [[of], openings] : [found, openings];
        }
    }
}

type Schedule = Extract<Trigger, { kind: 'schedule' }>;

/** The fields of a cron expression that are read here; days of the month make every day of the week possible. */
function openingsOf({ cron, windowMs }: Schedule): Openings {
    const [minutes, hours, days, months, weekdays] = fieldsOf(cron);
    if (!minutes || !hours || !days || !months || !weekdays) return undefined;
    const [, , day, month, weekday] = cron.split(' ');
    const anyDay = day === '*' && month === '*';
    // With both kinds of days given, either is enough.
    if (weekday === '*' && !months.some((m) => days.some((d) => d <= (daysOfMonths[m - 1] ?? 31)))) return new Set();
    const length = Math.ceil(windowMs / 60_000);
    return minutesFrom(minutes, hours, anyDay ? weekdays : [0, 1, 2, 3, 4, 5, 6], length);
}

/** When it is surely not open is known of plain schedules only. */
function complementOf({ cron, windowMs }: Schedule): Openings {
    const [minutes, hours, , , weekdays] = fieldsOf(cron);
    const [, , day, month] = cron.split(' ');
    if (!minutes || !hours || !weekdays || day !== '*' || month !== '*') return undefined;
    const open = minutesFrom(minutes, hours, weekdays, Math.floor(windowMs / 60_000));
    return new Set(Array.from({ length: minutesPerWeek }, (_, minute) => minute).filter((minute) => !open.has(minute)));
}

function minutesFrom(
    minutes: readonly number[],
    hours: readonly number[],
    weekdays: readonly number[],
    length: number,
): ReadonlySet<number> {
    const open = new Set<number>();
    for (const day of weekdays) {
        for (const hour of hours) {
            for (const minute of minutes) {
                const start = (day % 7) * minutesPerDay + hour * 60 + minute;
                for (let passed = 0; passed < Math.min(length, minutesPerWeek); passed++) {
                    const at = (start + passed) % minutesPerWeek;
                    open.add(at);
                }
            }
        }
    }
    return open;
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

type Walked = ReturnType<typeof walk>;

function intersection(parts: readonly Walked[]): Openings {
    return parts.reduce<Openings>((met, [, openings]) => {
        if (!met || !openings) return met ?? openings;
        return new Set([...met].filter((minute) => openings.has(minute)));
    }, undefined);
}

function union(parts: readonly Walked[]): Openings {
    if (parts.some(([, openings]) => openings === undefined)) return undefined;
    return new Set(parts.flatMap(([, openings]) => [...(openings ?? [])]));
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
