import { type FeatureId, type Finding, features, type Program } from '@mig/language';
import { executable } from '../decide/executable.js';

/**
 * What the finding is for. `check` warns of everything that is not built. A plan or a run refuses what it would have to
 * carry out or judge: with `policy` only that policy, else all of them; scenarios are not part of a run.
 */
export type Purpose = { readonly kind: 'check' } | { readonly kind: 'run'; readonly policy: string | undefined };

/** MIG090: the program uses a capability that the runtime cannot carry out yet. */
export function notBuilt(program: Program, purpose: Purpose): readonly Finding[] {
    const uses = program.uses.filter((use) => !executable.has(use.feature));
    return uses.map(({ feature, within, range }) => ({
        id: 'MIG090',
        severity: blocks(program, feature, within, purpose) ? 'error' : 'warning',
        message: `${features[feature]} cannot be carried out yet (${feature})`,
        hint: 'it is checked and understood; take it out of the policy to run it with this version',
        range,
        fixes: [],
    }));
}

function blocks(program: Program, feature: FeatureId, within: string | undefined, purpose: Purpose): boolean {
    if (purpose.kind === 'check' || feature === 'scenario') return false;
    const isPolicy = program.policies.some((policy) => policy.name === within);
    if (!isPolicy && program.scenarios.some((scenario) => scenario.name === within)) return false;
    return purpose.policy === undefined || within === undefined || within === purpose.policy;
}
