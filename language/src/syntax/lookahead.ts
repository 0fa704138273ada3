import type { ILookaheadStrategy } from 'chevrotain';

type Alternation = Parameters<ILookaheadStrategy['buildLookaheadForAlternation']>[0];
type Optional = Parameters<ILookaheadStrategy['buildLookaheadForOptional']>[0];

/**
 * Builds the decision of each choice in the grammar when a text first comes to it. A policy passes few of them, and building
 * them all takes longer than everything else that a parser needs.
 */
export class LookaheadWhenNeeded implements ILookaheadStrategy {
    private readonly strategy: ILookaheadStrategy;

    constructor(strategy: ILookaheadStrategy) {
        this.strategy = strategy;
    }

    validate(options: Parameters<ILookaheadStrategy['validate']>[0]): ReturnType<ILookaheadStrategy['validate']> {
        return this.strategy.validate(options);
    }

    initialize(options: Parameters<NonNullable<ILookaheadStrategy['initialize']>>[0]): void {
        this.strategy.initialize?.(options);
    }

    buildLookaheadForAlternation(options: Alternation): ReturnType<ILookaheadStrategy['buildLookaheadForAlternation']> {
        let decide: ReturnType<ILookaheadStrategy['buildLookaheadForAlternation']> | undefined;
        const { strategy } = this;
        return function (this: unknown, alternatives) {
            decide ??= strategy.buildLookaheadForAlternation(options);
            return decide.call(this, alternatives);
        };
    }

    buildLookaheadForOptional(options: Optional): ReturnType<ILookaheadStrategy['buildLookaheadForOptional']> {
        let decide: ReturnType<ILookaheadStrategy['buildLookaheadForOptional']> | undefined;
        const { strategy } = this;
        return function (this: unknown) {
            decide ??= strategy.buildLookaheadForOptional(options);
            return decide.call(this);
        };
    }
}
