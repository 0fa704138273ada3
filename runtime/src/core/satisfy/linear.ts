/**
 * Whether real numbers exist that meet linear comparisons, by Fourier-Motzkin elimination: each step drops one variable
 * and keeps what its bounds say of the others. Complete over the reals, for the few comparisons that a policy has.
 *
 * Source: L. L. Dines, Systems of Linear Inequalities (1919); T. S. Motzkin, Beiträge zur Theorie der linearen
 * Ungleichungen (1936).
 */
export interface Sum {
    /** Factors by variable; none is 0. */
    readonly terms: ReadonlyMap<string, number>;
    readonly constant: number;
}

/** That a sum is below 0, at most 0, 0, or anything else. */
export interface SumFact {
    readonly sum: Sum;
    readonly is: '<' | '<=' | '==' | '!=';
}

/** Whether numbers exist for which all are so. True also where there are too many to tell. */
export function solvable(facts: readonly SumFact[]): boolean {
    const bounds = facts.flatMap(({ sum, is }): readonly Bound[] => {
        switch (is) {
            case '!=':
                return [];
            case '==':
                return [
                    { sum, strict: false },
                    { sum: scaled(sum, -1), strict: false },
                ];
            case '<':
            case '<=':
                return [{ sum, strict: is === '<' }];
        }
    });
    if (!hasSolution(bounds)) return false;
    // What is left is convex: it lies within finitely many planes that are taken out only if it lies within one of them.
    return facts.every(
        ({ sum, is }) =>
            is !== '!=' ||
            hasSolution([...bounds, { sum, strict: true }]) ||
            hasSolution([...bounds, { sum: scaled(sum, -1), strict: true }]),
    );
}

export function scaled({ terms, constant }: Sum, by: number): Sum {
    return { terms: new Map([...terms].map(([name, factor]) => [name, factor * by])), constant: constant * by };
}

export function added(a: Sum, b: Sum): Sum {
    const terms = new Map(a.terms);
    for (const [name, factor] of b.terms) {
        const own = terms.get(name) ?? 0;
        const sum = withoutDust(own + factor, own, factor);
        if (sum === 0) terms.delete(name);
        else terms.set(name, sum);
    }
    return { terms, constant: withoutDust(a.constant + b.constant, a.constant, b.constant) };
}

/** The sum is at most 0, or below it. */
interface Bound {
    readonly sum: Sum;
    readonly strict: boolean;
}

/** With more bounds than this the question is given up. */
const mostBounds = 128;

function hasSolution(all: readonly Bound[]): boolean {
    let bounds = all;
    for (;;) {
        if (bounds.some(({ sum, strict }) => sum.terms.size === 0 && (sum.constant > 0 || (strict && sum.constant === 0)))) return false;
        const variable = cheapest(bounds);
        if (variable === undefined || bounds.length > mostBounds) return true;
        bounds = without(variable, bounds);
    }
}

/** The variable whose elimination leaves the fewest bounds. */
function cheapest(bounds: readonly Bound[]): string | undefined {
    const signs = new Map<string, { over: number; under: number }>();
    for (const { sum } of bounds) {
        for (const [name, factor] of sum.terms) {
            const count = signs.get(name) ?? { over: 0, under: 0 };
            if (factor > 0) count.over++;
            else count.under++;
            signs.set(name, count);
        }
    }
    let best: string | undefined;
    let least = Infinity;
    for (const [name, { over, under }] of signs) {
        const more = over * under - over - under;
        if (more < least) [best, least] = [name, more];
    }
    return best;
}

function without(variable: string, bounds: readonly Bound[]): readonly Bound[] {
    const factor = ({ sum }: Bound): number => sum.terms.get(variable) ?? 0;
    const above = bounds.filter((bound) => factor(bound) > 0);
    const below = bounds.filter((bound) => factor(bound) < 0);
    return [
        ...bounds.filter((bound) => factor(bound) === 0),
        ...above.flatMap((upper) =>
            below.map((lower): Bound => {
                const met = added(scaled(upper.sum, 1 / factor(upper)), scaled(lower.sum, -1 / factor(lower)));
                const terms = new Map(met.terms);
                terms.delete(variable);
                return { sum: { ...met, terms }, strict: upper.strict || lower.strict };
            }),
        ),
    ];
}

/** What two numbers that should cancel leave over by rounding is nothing. */
function withoutDust(sum: number, a: number, b: number): number {
    return Math.abs(sum) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b)) ? 0 : sum;
}
