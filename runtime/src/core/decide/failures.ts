/** The failures of a plan, counted by policy instance against the budget of each. Shared by executor and simulator. */
import type { OnFailure } from '@mig/language';
import type { MoveFailure } from '../model/events.js';
import type { Plan, PlannedMove } from '../model/plan.js';
import { afterFailure } from './after-end.js';

export class Failures {
    readonly #plan: Pick<Plan, 'instances'>;
    readonly #of = new Map<number, number>();

    constructor(plan: Pick<Plan, 'instances'>) {
        this.#plan = plan;
    }

    /** What the policy of a move says of failures. */
    policyOf({ instance }: Pick<PlannedMove, 'instance'>): OnFailure | undefined {
        return this.#plan.instances[instance]?.onFailure;
    }

    /** One more; what it brings about beyond its own move. */
    add(step: PlannedMove, error: MoveFailure | undefined): ReturnType<typeof afterFailure> {
        const failures = (this.#of.get(step.instance) ?? 0) + 1;
        this.#of.set(step.instance, failures);
        return afterFailure(step, error, this.policyOf(step), failures);
    }
}
