import type { AstNode, LangiumCoreServices, ParseResult, ParserOptions } from 'langium';
import { createParser, LangiumParser } from 'langium';
import type { ILookaheadStrategy } from 'chevrotain';
import { DirectParser } from './direct-parser.js';
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
    private readonly services: LangiumCoreServices;
    private readonly decisions: LookaheadWhenNeeded;
    private direct: DirectParser | undefined;

    constructor(services: LangiumCoreServices) {
        super(services);
        const { lookaheadStrategy } = this.wrapper as unknown as { readonly lookaheadStrategy: ILookaheadStrategy };
        this.services = services;
        this.decisions = new LookaheadWhenNeeded(lookaheadStrategy);
        Object.assign(this.wrapper, { maxLookahead: 1, lookaheadStrategy: this.decisions });
    }

    /** A whole file is read directly first; one with errors, or a part of a file, as Langium does it. */
    override parse<T extends AstNode = AstNode>(input: string, options?: ParserOptions): ParseResult<T> {
        const whole = options?.rule === undefined;
        this.direct ??= whole ? new DirectParser(this.services, this.decisions) : undefined;
        return (whole ? this.direct?.parse<T>(input) : undefined) ?? super.parse<T>(input, options);
    }
}
