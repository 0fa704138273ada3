import type { Policy } from '@mig/language';
import { Allowance } from '../satisfy/few.js';
import type { HostReport, HostRuleInput } from './rule.js';

/** What a look at one policy reports. */
type Tell = (...reported: Parameters<HostReport>) => void;

/** What looks found in policies, for as long as these and what they were looked at beside are the same objects. */
export class Looks {
    #beside: Pick<HostRuleInput, 'inventory' | 'snapshot'> = { inventory: undefined, snapshot: undefined };
    #found = new WeakMap<Policy, Look>();

    /** What is known beside these hosts. */
    at({ inventory, snapshot }: Pick<HostRuleInput, 'inventory' | 'snapshot'>): WeakMap<Policy, Look> {
        if (inventory !== this.#beside.inventory || snapshot !== this.#beside.snapshot) this.#found = new WeakMap();
        this.#beside = { inventory, snapshot };
        return this.#found;
    }
}

interface Look {
    readonly steps: number;
    readonly reports: readonly Parameters<HostReport>[];
}

/**
 * Looks at one policy after the other while there are steps. Gives those that were not looked at, beginning with the one
 * that asked for more than there was; `otherwise` is what is done with these at least. What is known of a policy is not
 * looked for again, and takes as many steps as it took.
 */
export function lookAt(
    { policies, steps, known, report }: LookAround,
    look: (policy: Policy, allowance: Allowance, tell: Tell) => void,
    otherwise?: (policy: Policy) => void,
): readonly Policy[] {
    const allowance = new Allowance(steps);
    const left: Policy[] = [];
    for (const policy of policies) {
        const before = allowance.left;
        const had = known.get(policy);
        if (allowance.short) otherwise?.(policy);
        else if (had && had.steps <= before) {
            allowance.take(had.steps);
            for (const reported of had.reports) report(...reported);
        } else {
            const reports: Parameters<HostReport>[] = [];
            look(policy, allowance, (...reported) => {
                reports.push(reported);
                report(...reported);
            });
            if (allowance.left >= 0) known.set(policy, { steps: before - allowance.left, reports });
        }
        if (allowance.short) left.push(policy);
    }
    return left;
}

interface LookAround {
    readonly policies: readonly Policy[];
    readonly steps: number;
    readonly known: WeakMap<Policy, Look>;
    readonly report: HostReport;
}
