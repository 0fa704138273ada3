import type { Promised, Requirement, SourceRange } from '@mig/language';

/** One promise of the policy, held against what was measured of one move. */
export interface PromiseReport {
    readonly metric: Promised;
    readonly operator: '<' | '<=';
    /** In the metric's base unit: ms, bytes, J. */
    readonly limit: number;
    readonly measured: number | undefined;
    /** What was not measured is not held. */
    readonly verdict: 'held' | 'broken' | 'unknown';
    readonly hard: boolean;
    readonly range: SourceRange;
}

/** Figures by the metric's name, in its base unit; a metric that is missing was not measured. */
export type Measured = Readonly<Partial<Record<Promised, number | undefined>>>;

export function judgePromises(requires: readonly Requirement[], measured: Measured): readonly PromiseReport[] {
    return requires.map(({ metric, operator, value, hard, range }) => {
        const figure = measured[metric];
        return { metric, operator, limit: value, measured: figure, verdict: verdictOf(figure, operator, value), hard, range };
    });
}

function verdictOf(figure: number | undefined, operator: '<' | '<=', limit: number): PromiseReport['verdict'] {
    if (figure === undefined) return 'unknown';
    return (operator === '<' ? figure < limit : figure <= limit) ? 'held' : 'broken';
}
