import type { Expression, Rung, SourceRange, TechniqueKind, TechniqueOptions, TechniqueUse } from '@mig/language';
import { type Facility, facilitiesOf } from '../versions/facilities.js';
import type { Mover } from './movers.js';

/** A technique that a policy may use, wherever it stands: by itself, after `otherwise`, or in a branch. */
export interface MeantTechnique {
    readonly kind: TechniqueKind;
    /** As it was declared, else its kind. */
    readonly name: string;
    readonly options: TechniqueOptions;
    readonly ladder: readonly Rung[];
    readonly range: SourceRange;
    /** Conditions of the branches that lead to it. */
    readonly when: readonly Expression[];
    /** There is another one to fall back on where a host cannot carry this one out. */
    readonly hasFallback: boolean;
}

/** Found once for each mover: many rules ask. */
export function techniquesOf({ technique: uses }: Pick<Mover, 'technique'>): readonly MeantTechnique[] {
    let found = known.get(uses);
    if (!found) known.set(uses, (found = uses.flatMap((use, i) => meant(use, [], i < uses.length - 1))));
    return found;
}

const known = new WeakMap<Mover['technique'], readonly MeantTechnique[]>();

/** What a technique asks for of hosts, found once for each. */
export function askedBy(technique: MeantTechnique): ReadonlySet<Facility> {
    let asked = asks.get(technique);
    if (!asked) asks.set(technique, (asked = facilitiesOf(technique.kind, technique.options, technique.ladder)));
    return asked;
}

const asks = new WeakMap<MeantTechnique, ReadonlySet<Facility>>();

function meant(use: TechniqueUse, when: readonly Expression[], hasFallback: boolean): readonly MeantTechnique[] {
    switch (use.kind) {
        case 'goal':
            return [];
        case 'choose':
            return use.branches.flatMap((branch) => meant(branch.use, branch.when ? [...when, branch.when] : when, hasFallback));
        case 'technique': {
            const { technique: kind, name, options, ladder, range } = use;
            return [{ kind, name: name ?? kind, options, ladder, range, when, hasFallback }];
        }
    }
}
