import { type BytesPerSecond, bytesPerSecond } from '@mig/language';

/**
 * What each disk of a move may be copied at: no more than its own cap, and all together no more than the share of the move.
 * What a disk with a lower cap leaves is for the others. Undefined: unlimited.
 */
export function diskSpeeds(
    caps: readonly (BytesPerSecond | undefined)[],
    share: BytesPerSecond | undefined,
): readonly (BytesPerSecond | undefined)[] {
    if (share === undefined) return caps;
    const speeds: BytesPerSecond[] = [];
    let left: number = share;
    const byCap = caps.map((cap, at) => ({ cap: cap ?? Infinity, at })).toSorted((a, b) => a.cap - b.cap);
    for (const [done, { cap, at }] of byCap.entries()) {
        const speed = Math.min(cap, left / (byCap.length - done));
        speeds[at] = bytesPerSecond(speed);
        left -= speed;
    }
    return speeds;
}
