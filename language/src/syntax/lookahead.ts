import type { ILookaheadStrategy } from 'chevrotain';

type Alternation = Parameters<ILookaheadStrategy['buildLookaheadForAlternation']>[0];
type Optional = Parameters<ILookaheadStrategy['buildLookaheadForOptional']>[0];

/** Which of several ways to go on at a token, by the parser that it is called on; undefined: none. */
export type Which = ReturnType<ILookaheadStrategy['buildLookaheadForAlternation']>;
/** Whether what may be there is there. */
export type Whether = ReturnType<ILookaheadStrategy['buildLookaheadForOptional']>;

/** The decisions of a parser by the rule that they stand in, counted by their kind from 1. */
export interface Decisions {
    readonly alternation: (rule: string, occurrence: number) => Which;
    readonly optional: (rule: string, kind: Optional['prodType'], occurrence: number) => Whether;
}

/**
 * Builds the decision of each choice in the grammar when a text first comes to it. A policy passes few of them, and building
 * them all takes longer than everything else that a parser needs.
 */
export class LookaheadWhenNeeded implements ILookaheadStrategy, Decisions {
    private readonly strategy: ILookaheadStrategy;
    private readonly alternations = new Map<string, Which>();
    private readonly optionals = new Map<string, Whether>();

    constructor(strategy: ILookaheadStrategy) {
        this.strategy = strategy;
    }

    validate(options: Parameters<ILookaheadStrategy['validate']>[0]): ReturnType<ILookaheadStrategy['validate']> {
        return this.strategy.validate(options);
    }

    initialize(options: Parameters<NonNullable<ILookaheadStrategy['initialize']>>[0]): void {
        this.strategy.initialize?.(options);
    }

    buildLookaheadForAlternation(options: Alternation): Which {
        let decide: Which | undefined;
        const { strategy } = this;
        const which: Which = function (this: unknown, alternatives) {
            decide ??= strategy.buildLookaheadForAlternation(options);
            return decide.call(this, alternatives);
        };
        this.alternations.set(keyOf(options.rule.name, options.prodOccurrence), which);
        return which;
    }

    buildLookaheadForOptional(options: Optional): Whether {
        let decide: Whether | undefined;
        const { strategy } = this;
        const whether: Whether = function (this: unknown) {
            decide ??= strategy.buildLookaheadForOptional(options);
            return decide.call(this);
        };
        this.optionals.set(keyOf(options.rule.name, options.prodOccurrence, options.prodType), whether);
        return whether;
    }

    alternation(rule: string, occurrence: number): Which {
        return found(this.alternations.get(keyOf(rule, occurrence)), rule);
    }

    optional(rule: string, kind: Optional['prodType'], occurrence: number): Whether {
        return found(this.optionals.get(keyOf(rule, occurrence, kind)), rule);
    }
}

/** Langium ends the names of rules with a mark of its own. */
const keyOf = (rule: string, occurrence: number, kind = ''): string => `${rule.replace(/\u200B$/, '')} ${kind} ${occurrence}`;

function found<Decision>(decision: Decision | undefined, rule: string): Decision {
    if (decision === undefined) throw new Error(`the parser has no such decision in ${rule}`);
    return decision;
}
