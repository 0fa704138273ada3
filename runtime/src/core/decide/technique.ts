import {
    type FeatureId,
    features,
    optionFeatures,
    rungFeature,
    techniqueFeature,
    type TechniqueOptions,
    type TechniqueUse,
} from '@mig/language';
import type { PlannedTechnique, Reason } from '../model/plan.js';
import { executable } from './executable.js';

/** The technique that a move will use, and why the ones before it were not; or why none can run. */
export interface TechniqueChoice {
    readonly technique: PlannedTechnique | undefined;
    readonly because: readonly Reason[];
}

/** `using a otherwise b`: the first that can run. */
export function techniqueFor(uses: readonly TechniqueUse[]): TechniqueChoice {
    const because: Reason[] = [];
    for (const use of uses) {
        const missing = notExecutable(use);
        if (use.kind === 'technique' && missing.length === 0) {
            if (because.length > 0) because.push({ text: `so ${nameOf(use)} is used`, range: use.range });
            const { technique: kind, name, options, ladder } = use;
            return { technique: { kind, name, options, ladder }, because };
        }
        const what = missing.map((feature) => `${features[feature]} (${feature})`).join(', ');
        because.push({ text: `${nameOf(use)} needs ${what}, which cannot be carried out yet`, range: use.range });
    }
    return { technique: undefined, because };
}

function notExecutable(use: TechniqueUse): readonly FeatureId[] {
    const needed: FeatureId[] =
        use.kind === 'choose'
            ? ['technique.choose']
            : use.kind === 'goal'
              ? ['technique.goal']
              : [techniqueFeature[use.technique], ...featuresOf(use.options), ...use.ladder.map(rungFeature)];
    return [...new Set(needed)].filter((feature) => !executable.has(feature));
}

function featuresOf(options: TechniqueOptions): readonly FeatureId[] {
    const named = Object.entries(optionFeatures) as readonly (readonly [keyof TechniqueOptions, FeatureId])[];
    return named.filter(([option]) => options[option] !== undefined).map(([, feature]) => feature);
}

function nameOf(use: TechniqueUse): string {
    if (use.name !== undefined) return use.name;
    if (use.kind === 'technique') return use.technique;
    return use.kind === 'choose' ? 'choose' : `least ${use.goal}`;
}
