import * as ast from '../generated/ast.js';
import type { CalendarDays, DateSpan } from '../program.js';
import { daysOf } from './clock.js';
import { type Context, replaceBy } from './context.js';
import { once } from './once.js';

/** Something that keeps to days: a schedule, a window of bandwidth, a start. */
interface KeepsToDays {
    readonly days?: ast.Days | undefined;
    readonly except: ast.WindowSchedule['except'];
}

/** The days by date that a schedule or window keeps to; undefined where it names no calendar. */
export function calendarDays(node: KeepsToDays, context: Context): CalendarDays | undefined {
    const named = node.days?.calendars ?? [];
    const on = named.length > 0 &&
        node.days && { weekdays: weekdaysOf(node.days), dates: named.flatMap(({ ref }) => datesOf(ref, context)) };
    const except = node.except.map(({ ref, $refText }) => ({ calendar: $refText, dates: datesOf(ref, context) }));
    return on || except.length > 0 ? { ...(on && { on }), ...(except.length > 0 && { except }) } : undefined;
}

/** The whole of some days, by date or not. */
export function allDay(node: ast.DaySchedule, context: Context): CalendarDays {
    const { on, except } = calendarDays(node, context) ?? {};
    return { on: on ?? { weekdays: weekdaysOf(node.days), dates: [] }, ...(except && { except }), allDay: true };
}

/** The days of the week that are named. */
function weekdaysOf(days: ast.Days): readonly number[] {
    const found = daysOf(days);
    return found.length === 0 && (days.every || days.ranges.length > 0) ? [0, 1, 2, 3, 4, 5, 6] : found;
}

/** Reports what is wrong with the days of a calendar. */
export function checkCalendar(node: ast.Calendar, context: Context): void {
    for (const span of node.spans) spanOf(span, context);
}

/** What is wrong with a calendar is reported where it is declared. */
function datesOf(calendar: ast.Calendar | undefined, context: Context): readonly DateSpan[] {
    return calendar === undefined || context.isBroken(calendar) ? [] : dates(calendar, context);
}

const dates = once(
    (calendar: ast.Calendar, context): readonly DateSpan[] =>
        context.collect(() => calendar.spans.map((span) => spanOf(span, context)).filter((span) => span !== undefined)).result,
);

function spanOf(node: ast.DateRange, context: Context): DateSpan | undefined {
    const from = dateOf(node, 'from', node.from, context);
    const to = node.to === undefined ? from : dateOf(node, 'to', node.to, context);
    if (from === undefined || to === undefined) return undefined;
    if (from <= to) return { from, to };
    const range = context.range(node);
    context.report('MIG206', range, `No day is from ${from} to ${to}: the first day stands first.`, {
        hint: `Did you mean ${to}..${from}?`,
        fixes: [replaceBy(range, `${to}..${from}`)],
    });
    return undefined;
}

/** `2026-12-24`, where there is such a day. */
function dateOf(node: ast.DateRange, property: 'from' | 'to', text: string, context: Context): string | undefined {
    const [year = '', month = '', day = ''] = text.split('-');
    const date = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
    const time = new Date(`${date}T00:00:00Z`);
    if (!Number.isNaN(time.getTime()) && time.toISOString().startsWith(date)) return date;
    const range = context.range(node, property);
    const last = Number(day) > 28 && Number(day) < 32 ? lastOf(Number(year), Number(month)) : undefined;
    context.report('MIG210', range, `There is no day ${text}.`, {
        hint: last === undefined ? 'Write year, month and day: 2026-12-24.' : `The last day of that month is ${last}.`,
        fixes: last === undefined ? [] : [{ ...replaceBy(range, last), asks: true }],
    });
    return undefined;
}

/** The last day of a month; undefined where there is no such month. */
function lastOf(year: number, month: number): string | undefined {
    return month < 1 || month > 12 ? undefined : new Date(Date.UTC(year, month, 0)).toISOString().slice(0, 10);
}
