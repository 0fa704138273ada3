import * as ast from '../generated/ast.js';
import type { SourceRange, Trigger } from '../program.js';
import { duration, nothing, quantity } from './amount.js';
import { allDay, calendarDays } from './calendar.js';
import { daysOf, zoneOf } from './clock.js';
import { timeOfDay } from './time-of-day.js';
import { type Context, textOf } from './context.js';

/** A schedule holds from its time for this long, unless it says otherwise. */
const usualWindowMs = 3_600_000;

const minutesPerHour = 60;
const minutesPerDay = 24 * 60;

/** Compiles clock and calendar words to cron. */
export function schedule(node: ast.Schedule | ast.DaySchedule, context: Context): Trigger {
    const range = context.range(node);
    const timeZone = zoneOf(node.zone, context.range(node, 'zone'), context);
    const window = 'window' in node ? node.window : undefined;
    const windowMs = window ? duration(window, { what: 'The window of a schedule' }, nothing, context) : usualWindowMs;
    const atEnd = node.atEnd && endOf(node.atEnd, context);
    const days = node.$type === ast.DaySchedule.$type ? allDay(node, context) : calendarDays(node, context);
    const held = (cron: string, forMs: number = windowMs): Trigger => ({
        kind: 'schedule',
        cron,
        timeZone,
        windowMs: forMs,
        ...(days && { days }),
        ...(atEnd && { atEnd }),
        range,
    });
    switch (node.$type) {
        case ast.ClockSchedule.$type:
        case ast.CalendarSchedule.$type:
            return held(daily(timeOfDay(node.at, context), node.days));
        case ast.WindowSchedule.$type: {
            const from = timeOfDay(node.from, context);
            const to = timeOfDay(node.to, context);
            // 00:00 and 24:00 are a whole day; the same time twice is no time.
            const length = from === to ? 0 : (to - from + minutesPerDay) % minutesPerDay || minutesPerDay;
            return held(daily(from, node.days), length * 60_000);
        }
        case ast.DaySchedule.$type:
            return held(daily(0, node.days), minutesPerDay * 60_000);
        case ast.PeriodSchedule.$type:
            return held(periodic(node.period, context));
        case ast.CronSchedule.$type:
            return held(cron(node.cron, context.range(node, 'cron'), context));
    }
}

function endOf(node: ast.WindowEnd, context: Context): Extract<Trigger, { kind: 'schedule' }>['atEnd'] {
    if (node.rate) return { kind: 'cap', rate: quantity(node.rate, 'rate', { what: "The cap after a window's end" }, nothing, context) };
    return node.action === 'abort' ? { kind: 'abort' } : undefined;
}

/** Where days are given by date it comes every day, and the dates decide. */
function daily(minutes: number, days: ast.Days | undefined): string {
    const weekdays = (days?.calendars.length ?? 0) > 0 ? [] : daysOf(days);
    const hour = Math.floor(minutes / minutesPerHour) % 24;
    return `${minutes % minutesPerHour} ${hour} * * ${weekdays.length === 0 ? '*' : weekdays.join(',')}`;
}

function periodic(node: ast.Expression, context: Context): string {
    const minutes = duration(node, { what: 'The period of a schedule' }, nothing, context) / 60_000;
    if (minutes === minutesPerDay) return '0 0 * * *';
    if (minutes === minutesPerHour) return '0 * * * *';
    if (Number.isInteger(minutes) && minutes > 0 && minutes < minutesPerHour && minutesPerHour % minutes === 0)
        return `*/${minutes} * * * *`;
    const hours = minutes / minutesPerHour;
    if (Number.isInteger(hours) && hours > 0 && 24 % hours === 0) return `0 */${hours} * * *`;
    if (minutes > 0) {
        context.report(
            'MIG206',
            context.range(node),
            `A schedule cannot repeat every ${textOf(node)}: that does not divide an hour or a day.`,
            {
                hint: 'Write a period such as 15 min or 6 h, or use cron "…".',
            },
        );
    }
    return '0 * * * *';
}

/** The least and the highest of each of the five fields. */
const fields: readonly (readonly [string, number, number])[] = [
    ['minute', 0, 59],
    ['hour', 0, 23],
    ['day of the month', 1, 31],
    ['month', 1, 12],
    ['day of the week', 0, 7],
];

function cron(text: string, range: SourceRange, context: Context): string {
    const parts = text.trim().split(/\s+/);
    const problem =
        parts.length === fields.length
            ? parts.map((part, index) => fieldProblem(part, index)).find((p) => p !== undefined)
            : `it has ${parts.length} fields`;
    if (problem !== undefined) {
        context.report('MIG210', range, `"${text}" is no cron expression: ${problem}.`, {
            hint: 'Write minute, hour, day of the month, month and day of the week, such as "0 2 * * 6".',
        });
    }
    return parts.join(' ');
}

function fieldProblem(part: string, index: number): string | undefined {
    const [name, least, highest] = fields[index] ?? ['field', 0, 0];
    const item = /^(?:\*|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/;
    for (const piece of part.split(',')) {
        const match = item.exec(piece);
        if (!match) return `'${piece}' is no ${name}`;
        const [, from, to, step] = match;
        const numbers = [from, to].filter((n) => n !== undefined).map(Number);
        if (numbers.some((n) => n < least || n > highest) || step === '0') return `'${piece}' is no ${name} (${least} to ${highest})`;
    }
    return undefined;
}
