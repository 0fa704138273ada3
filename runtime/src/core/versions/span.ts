import { isBelow } from './compare.js';
import type { Span } from './matrix.js';

export function within(version: string, { from, below }: Span): boolean {
    return (from === undefined || !isBelow(version, from)) && (below === undefined || isBelow(version, below));
}

/** Which versions would do: "9.0 or later". */
export function spanText({ from, below }: Span): string {
    const later = below === undefined ? undefined : `${below} or later`;
    const earlier = from === undefined ? undefined : `before ${from}`;
    return [earlier, later].filter((text) => text !== undefined).join(', or ');
}
