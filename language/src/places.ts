/** Places of a text that stand in each other. */
import type { Position, SourceRange } from './program.js';

export const isBefore = (a: Position, b: Position): boolean => a.line < b.line || (a.line === b.line && a.character <= b.character);

/** Whether a part stands in another, as opposed to being inherited by it. */
export const isInside = (inner: SourceRange, outer: SourceRange): boolean =>
    inner.source === outer.source && isBefore(outer.start, inner.start) && isBefore(inner.end, outer.end);

/** Tells of parts whether any of these places stands in them. There may be ten thousand of both. */
export function anyInside(places: readonly SourceRange[]): (outer: SourceRange) => boolean {
    const bySource = Map.groupBy(places, ({ source }) => source);
    for (const those of bySource.values()) those.sort(byStart);
    return (outer) => {
        const those = bySource.get(outer.source) ?? [];
        let [low, high] = [0, those.length];
        while (low < high) {
            const middle = (low + high) >> 1;
            const place = those[middle];
            if (place && isBefore(outer.start, place.start)) high = middle;
            else low = middle + 1;
        }
        for (let place = those[low]; place && isBefore(place.start, outer.end); place = those[++low]) {
            if (isBefore(place.end, outer.end)) return true;
        }
        return false;
    };
}

const byStart = (a: SourceRange, b: SourceRange): number => a.start.line - b.start.line || a.start.character - b.start.character;
