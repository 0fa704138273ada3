import { copiesDisks } from './storage.js';
import { type Cost, findAttribute, type Milliseconds, milliseconds, type Policy, type Program, type TechniqueUse } from '@mig/language';

/** Which costly figures a program reads: an observation asks for nothing else. */
export interface Needs {
    readonly statistics: boolean;
    readonly twoSamples: boolean;
    readonly dirtyRate: boolean;
    /** Some technique takes disks along: their sizes, and what stands where they would go. Absent: none does. */
    readonly storage?: true;
    /** Length of the sampling window; 0 where no rate is read. */
    readonly windowMs: Milliseconds;
}

/** What has to be observed for a program. `windowMs` is how long a rate is sampled for. */
export function observationNeeds(program: Program, windowMs: Milliseconds): Needs {
    const costs = new Set<Cost>();
    for (const { entity, attribute } of program.reads) {
        const row = findAttribute(entity, attribute);
        if (row) costs.add(row.cost);
    }
    const techniques = program.policies.flatMap(({ technique }) => technique.flatMap(chosenAmong));
    const byTraffic = techniques.some((use) => use.kind === 'technique' && use.technique === 'traffic-sensitive');
    // Where the traffic does not decide either, a prediction does.
    const predicts = byTraffic || techniques.some((use) => use.kind === 'goal');
    const twoSamples = costs.has('two samples') || byTraffic || program.policies.some(weighsCpu);
    const dirtyRate = costs.has('dirty-rate') || predicts;
    return {
        statistics: costs.has('statistics') || predicts,
        twoSamples,
        dirtyRate,
        ...(techniques.some((use) => use.kind === 'technique' && copiesDisks(use.options)) ? { storage: true as const } : {}),
        windowMs: twoSamples || dirtyRate ? windowMs : milliseconds(0),
    };
}

/** Everything that hosts can tell, whatever a program reads. */
export function everyNeed(windowMs: Milliseconds): Needs {
    return { statistics: true, twoSamples: true, dirtyRate: true, storage: true, windowMs };
}

/** Every technique that a policy may come to. */
function chosenAmong(use: TechniqueUse): readonly TechniqueUse[] {
    return use.kind === 'choose' ? use.branches.flatMap((branch) => chosenAmong(branch.use)) : [use];
}

/**
 * Clauses that weigh CPU time without naming it. `prefer least loaded` goes by memory unless CPU time is measured anyway:
 * a host that must be emptied should not wait for a sampling window.
 */
function weighsCpu({ destination }: Policy): boolean {
    return (
        destination.keepFree.some((keep) => keep.resource === 'cpu') ||
        destination.preferences.some((preference) => preference.kind === 'even-load')
    );
}
