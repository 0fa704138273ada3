import type { Expression, SourceRange } from '@mig/language';
import type { Mover } from './movers.js';
import { techniquesOf } from './techniques.js';

/** Something that a policy asks for and that goes through relays beside the QEMUs. */
export interface Relayed {
    readonly what: string;
    readonly range: SourceRange;
    /** Conditions of the branches that lead to it. */
    readonly when: readonly Expression[];
    /** Hosts beside source and destination that need a relay too. */
    readonly via: readonly string[];
}

/** Kinds of dedup that QEMU does not do by itself. */
const relayedKinds: ReadonlySet<string> = new Set(['vm', 'gang', 'cluster', 'disk']);

/** What of it has nothing to fall back on. */
export function relayed(mover: Mover): readonly Relayed[] {
    const byTechnique = techniquesOf(mover).flatMap(({ kind, name, options, range, when, hasFallback }): readonly Relayed[] => {
        if (hasFallback) return [];
        if (kind === 'scatter-gather') {
            return [{ what: name, range, when, via: options.via !== undefined && 'hosts' in options.via ? options.via.hosts : [] }];
        }
        return options.holdPredictedDirty === true ? [{ what: 'holding back pages that are predicted dirty', range, when, via: [] }] : [];
    });
    const { dedup } = mover;
    if (!dedup || dedup.otherwise !== undefined || !dedup.kinds.some((kind) => relayedKinds.has(kind))) return byTechnique;
    return [...byTechnique, { what: 'dedup', range: dedup.range, when: [], via: [] }];
}
