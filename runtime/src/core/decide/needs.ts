import { type Cost, findAttribute, type Milliseconds, milliseconds, type Policy, type Program } from '@mig/language';

/** Which costly figures a program reads: an observation asks for nothing else. */
export interface Needs {
    readonly statistics: boolean;
    readonly twoSamples: boolean;
    readonly dirtyRate: boolean;
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
    const twoSamples = costs.has('two samples') || program.policies.some(weighsCpu);
    const dirtyRate = costs.has('dirty-rate');
    return { statistics: costs.has('statistics'), twoSamples, dirtyRate, windowMs: twoSamples || dirtyRate ? windowMs : milliseconds(0) };
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
