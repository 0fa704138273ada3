import type { LangiumCoreServices } from 'langium';
import { createParser, LangiumParser } from 'langium';
import type { ILookaheadStrategy } from 'chevrotain';
import { LookaheadWhenNeeded } from './lookahead.js';

/** Builds the parser of the language. */
export function createMigParser(services: LangiumCoreServices): LangiumParser {
    const parser = createParser(services.Grammar, new MigParser(services), services.parser.Lexer.definition);
    parser.finalize();
    return parser;
}

/**
 * For an error message chevrotain lists every way to go on, as many tokens deep as `maxLookahead` says: with the usual
 * three that takes over a second inside an expression. Messages (messages.ts) look at the next token only. Parsing itself
 * looks as far ahead as it needs, whatever stands here.
 */
class MigParser extends LangiumParser {
    constructor(services: LangiumCoreServices) {
        super(services);
        const { lookaheadStrategy } = this.wrapper as unknown as { readonly lookaheadStrategy: ILookaheadStrategy };
        Object.assign(this.wrapper, { maxLookahead: 1, lookaheadStrategy: new LookaheadWhenNeeded(lookaheadStrategy) });
    }
}
