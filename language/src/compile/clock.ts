import type * as ast from '../generated/ast.js';
import type { SourceRange } from '../program.js';
import { nearest } from '../nearest.js';
import { type Context, replaceBy } from './context.js';

/** Days as cron counts them. */
const dayNames: readonly ast.DayName[] = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** Minutes since midnight of `08:30`; midnight at the end of a day is 24:00, 1440. */
export function minutesOf(text: string, range: SourceRange, context: Context): number {
    const [hours = 0, minutes = 0] = text.split(':').map(Number);
    const total = hours * 60 + minutes;
    if (minutes > 59 || total > 24 * 60) {
        const meant = minutes > 59 || hours > 47 ? undefined : `${String(hours % 24).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`;
        context.report('MIG210', range, `${text} is not a time of day.`, {
            hint: `Times go from 00:00 to 24:00${meant === undefined ? '.' : `; ${meant} of the next day?`}`,
            fixes: meant === undefined ? [] : [{ ...replaceBy(range, meant), asks: true }],
        });
        return 0;
    }
    return total;
}

/** The days as numbers, Sunday 0, ascending; none means every day. `Fri..Mon` goes over the weekend. */
export function daysOf(days: ast.Days | undefined): readonly number[] {
    if (!days || days.every) return [];
    const found = new Set<number>();
    for (const range of days.ranges) {
        if (range.word) for (const day of range.word.startsWith('workday') ? [1, 2, 3, 4, 5] : [0, 6]) found.add(day);
        if (!range.from) continue;
        const from = dayNames.indexOf(range.from);
        const to = dayNames.indexOf(range.to ?? range.from);
        const length = (to - from + 7) % 7;
        for (let step = 0; step <= length; step++) found.add((from + step) % 7);
    }
    return found.size === 7 ? [] : [...found].sort((a, b) => a - b);
}

/** Checks the name of a time zone against those that the platform knows. */
export function zoneOf(zone: string | undefined, range: SourceRange, context: Context): string | undefined {
    if (zone === undefined || isZone(zone)) return zone;
    const near = nearest(zone, Intl.supportedValuesOf('timeZone'));
    context.report('MIG210', range, `There is no time zone "${zone}".`, {
        hint: near === undefined ? 'Use a name such as "Europe/Berlin" or "UTC".' : `Did you mean "${near}"?`,
        fixes: near === undefined ? [] : [replaceBy(range, `"${near}"`)],
    });
    return undefined;
}

function isZone(name: string): boolean {
    try {
        return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
    } catch (error) {
        if (error instanceof RangeError) return false;
        throw error;
    }
}
