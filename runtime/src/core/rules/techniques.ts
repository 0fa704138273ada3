import type { Expression, Rung, SourceRange, TechniqueKind, TechniqueOptions, TechniqueUse } from '@mig/language';
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

export function techniquesOf(mover: Pick<Mover, 'technique'>): readonly MeantTechnique[] {
    return mover.technique.flatMap((use, i) => meant(use, [], i < mover.technique.length - 1));
}

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
