import type { Policy } from '@mig/language';
import { listed } from '../decide/wording.js';

/** The first few names, and how many more there are. */
export function few(names: readonly string[], most = 6): string {
    if (names.length <= most) return listed(names);
    return `${names.slice(0, most - 1).join(', ')} and ${names.length - most + 1} more`;
}

/**
 * How much a rule may still ask, so that a check of a large file with many hosts stays short: one step is one VM or one
 * host looked at. A rule whose steps do not do says which policies are left (`lookAt`).
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

    /** Whether there was as much left. */
    take(steps: number): boolean {
        this.#left -= steps;
        return this.#left >= 0;
    }
}

/**
 * Looks at one policy after the other while there are steps. Gives those that were not looked at, beginning with the one
 * that asked for more than there was; `otherwise` is what is done with these at least.
 */
export function lookAt(
    policies: readonly Policy[],
    steps: number,
    look: (policy: Policy, allowance: Allowance) => void,
    otherwise?: (policy: Policy) => void,
): readonly Policy[] {
    const allowance = new Allowance(steps);
    const left: Policy[] = [];
    for (const policy of policies) {
        if (!allowance.short) look(policy, allowance);
        else otherwise?.(policy);
        if (allowance.short) left.push(policy);
    }
    return left;
}
