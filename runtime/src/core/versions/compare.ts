/** Compares dotted versions number by number; what follows the numbers (a distribution's suffix) does not count. */
export function isBelow(version: string, floor: string): boolean {
    const [have, need] = [numbers(version), numbers(floor)];
    for (let i = 0; i < need.length; i++) {
        const difference = (have[i] ?? 0) - (need[i] ?? 0);
        if (difference !== 0) return difference < 0;
    }
    return false;
}

/** There are few versions, and they are compared for every policy. */
function numbers(text: string): readonly number[] {
    let known = read.get(text);
    if (!known) read.set(text, (known = (/^\d+(?:\.\d+)*/.exec(text)?.[0] ?? '').split('.').map(Number)));
    return known;
}

const read = new Map<string, readonly number[]>();
