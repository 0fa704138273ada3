/**
 * The candidate that a person most likely meant: the nearest by edit distance (insertions, deletions, substitutions and
 * swaps of neighbours), if it is near enough. Case and `_`/`-` count for little. Ties go to the first candidate.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
    const wanted = fold(word);
    // A third of the word may be wrong; short words one letter.
    const allowed = Math.max(1, Math.floor(wanted.length / 3));
    let best: string | undefined;
    let bestDistance = allowed + 1;
    for (const candidate of candidates) {
        if (candidate === word) continue;
        const distance = editDistance(wanted, fold(candidate), bestDistance);
        if (distance < bestDistance) {
            best = candidate;
            bestDistance = distance;
        }
    }
    return best;
}

const fold = (text: string): string => text.toLowerCase().replaceAll('-', '_');

/** Optimal string alignment distance; stops early and returns `limit` where it cannot be under it. */
function editDistance(a: string, b: string, limit: number): number {
    if (Math.abs(a.length - b.length) >= limit) return limit;
    let beforeLast: number[] = [];
    let last = Array.from({ length: b.length + 1 }, (_, j) => j);
    for (let i = 1; i <= a.length; i++) {
        const row = [i];
        for (let j = 1; j <= b.length; j++) {
            const substitution = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
            let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, substitution);
            const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
            if (swapped) cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
            row.push(cost);
        }
        if (Math.min(...row) >= limit) return limit;
        beforeLast = last;
        last = row;
    }
    return Math.min(last[b.length] ?? limit, limit);
}
