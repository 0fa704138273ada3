/** Branches of `choose` and rungs of ladders that no figures lead to, by all that stands above them at once. */
import { boundsOf, type Expression, implies, type Rung, type TechniqueUse } from '@mig/language';
import { type Contradiction, contradiction, type Demand } from './contradiction.js';

type Branch = Extract<TechniqueUse, { kind: 'choose' }>['branches'][number];

export type NeverTaken =
    | { readonly kind: 'branch'; readonly branch: Branch; readonly above: readonly Expression[]; readonly why: Contradiction }
    | { readonly kind: 'rung'; readonly rung: Rung; readonly why: Contradiction };

/**
 * What one comparison of an attribute with a constant decides, or one branch above by itself, is told by the rules on ladders
 * (MIG304, MIG323); here is what takes several of them, or comparisons of attributes with each other.
 */
export function neverTaken(uses: readonly TechniqueUse[], outer: readonly Demand[] = []): readonly NeverTaken[] {
    return uses.flatMap((use): readonly NeverTaken[] => {
        switch (use.kind) {
            case 'goal':
                return [];
            case 'technique':
                return use.ladder.flatMap((rung) => neverFires(rung));
            case 'choose':
                return use.branches.flatMap((branch, nth) => inBranch(branch, use.branches.slice(0, nth), outer));
        }
    });
}

function inBranch(branch: Branch, before: readonly Branch[], outer: readonly Demand[]): readonly NeverTaken[] {
    const above = before.flatMap(({ when }) => (when ? [when] : []));
    const { when } = branch;
    const told = before.some((one) => !one.when) || (when && (boundsOf(when) === 'never' || above.some((one) => implies(when, one))));
    if (told) return [];
    const own: readonly Demand[] = when ? [{ condition: when, mustBe: 'true' }] : [];
    const demands = [...outer, ...own, ...above.map((condition): Demand => ({ condition, mustBe: 'not true' }))];
    const why = contradiction(demands);
    if (why) return [{ kind: 'branch', branch, above, why }];
    return neverTaken([branch.use], demands);
}

function neverFires(rung: Rung): readonly NeverTaken[] {
    if (!rung.and || boundsOf(rung.and) === 'never') return [];
    const why = contradiction([{ condition: rung.and, mustBe: 'true' }]);
    return why ? [{ kind: 'rung', rung, why }] : [];
}
