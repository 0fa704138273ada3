/** Compares dotted versions number by number; what follows the numbers (a distribution's suffix) does not count. */
export function isBelow(version: string, floor: string): boolean {
    const [have, need] = [numbers(version), numbers(floor)];
    for (let i = 0; i < need.length; i++) {
        const difference = (have[i] ?? 0) - (need[i] ?? 0);
        if (difference !== 0) return difference < 0;
    }
    return false;
}

const numbers = (text: string): readonly number[] => (/^\d+(?:\.\d+)*/.exec(text)?.[0] ?? '').split('.').map(Number);
