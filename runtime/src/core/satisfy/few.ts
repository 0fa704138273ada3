import { listed } from '../decide/wording.js';

/** The first few names, and how many more there are. */
export function few(names: readonly string[], most = 6): string {
    if (names.length <= most) return listed(names);
    return `${names.slice(0, most - 1).join(', ')} and ${names.length - most + 1} more`;
}

/**
 * How much a rule may still ask, so that a check of a large file with many hosts stays short: one step is one VM or one
 * host looked at. A rule whose steps do not do says which policies are left (rules/look-at.ts).
 */
export class Allowance {
    #left: number;

    constructor(steps: number) {
        this.#left = steps;
    }

    /** Whether more was asked for than there was: something was not looked at. */
    get short(): boolean {
        return this.#left < 0;
    }

    get left(): number {
        return this.#left;
    }

    /** Whether there was as much left. */
    take(steps: number): boolean {
        this.#left -= steps;
        return this.#left >= 0;
    }
}
