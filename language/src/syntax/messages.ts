/**
 * Syntax errors in the words of the person who wrote the policy: what stands there, and what could stand there instead.
 */
import type { IParserErrorMessageProvider, IToken, TokenType } from 'chevrotain';
import { DefaultLexerErrorMessageProvider } from 'langium';
import { nearest } from '../nearest.js';
import { isWord } from './tokens.js';

/** A shorter word is like too many others to guess at. */
const shortestSlip = 4;

export class MigParserMessages implements IParserErrorMessageProvider {
    private readonly words: () => readonly string[];

    /** `words`: every word of the language, to tell which one was meant. */
    constructor(words: () => readonly string[]) {
        this.words = words;
    }

    buildMismatchTokenMessage(options: { expected: TokenType; actual: IToken; previous: IToken; ruleName: string }): string {
        const rule = ruleNamed(options.ruleName);
        const body = bodies[rule];
        const closes = options.expected.name === '}' ? body && `${body} or '}'` : options.expected.name === 'EOF' ? body : undefined;
        const expected = closes ?? named(options.expected, rule);
        // Within a body an equals sign can only be half of a comparison.
        const equals = closes !== undefined && options.actual.image === '=' ? " Did you mean '=='?" : belonging(rule, options.actual.image);
        return `${this.message(options.actual, expected)}${equals}`;
    }

    buildNotAllInputParsedMessage(options: { firstRedundant: IToken; ruleName: string }): string {
        return this.message(options.firstRedundant, bodies['MigFile'] ?? 'a declaration');
    }

    buildNoViableAltMessage(options: {
        expectedPathsPerAlt: TokenType[][][];
        actual: IToken[];
        previous: IToken;
        customUserDescription: string;
        ruleName: string;
    }): string {
        return this.message(options.actual[0], oneOf(options.expectedPathsPerAlt.flat(), ruleNamed(options.ruleName)));
    }

    buildEarlyExitMessage(options: {
        expectedIterationPaths: TokenType[][];
        actual: IToken[];
        previous: IToken;
        customUserDescription: string;
        ruleName: string;
    }): string {
        return this.message(options.actual[0], oneOf(options.expectedIterationPaths, ruleNamed(options.ruleName)));
    }

    private message(actual: IToken | undefined, expected: string): string {
        if (!actual || actual.tokenType.name === 'EOF') return `The file ends here, but ${expected} was expected.`;
        const meant = this.meantBy(actual);
        return `Found ${shown(actual)}, but ${expected} was expected.${meant === undefined ? '' : ` Did you mean '${meant}'?`}`;
    }

    private meantBy(actual: IToken): string | undefined {
        if (actual.tokenType.name !== 'ID' || actual.image.length < shortestSlip) return undefined;
        const words = this.words();
        return nearest(actual.image, words) ?? words.find((word) => word.startsWith(actual.image));
    }
}

export class MigLexerMessages extends DefaultLexerErrorMessageProvider {
    override buildUnexpectedCharactersMessage(fullText: string, startOffset: number, length: number): string {
        const found = fullText.slice(startOffset, startOffset + length);
        const cure =
            found === '&' || found === '&&'
                ? " Write 'and'."
                : found === '|' || found === '||'
                  ? " Write 'or'."
                  : found === '!'
                    ? " Write 'not'."
                    : '';
        return `'${found}' is not part of the language.${cure}`;
    }
}

/** What may stand in the body of a rule, for the moment when something else stands there. */
const bodies: Readonly<Record<string, string>> = {
    MigFile: "a declaration (such as 'policy', 'technique', 'param', 'let', 'group', 'scenario')",
    Policy: "a clause of the policy (such as 'when', 'move', 'to', 'using', 'bandwidth', 'at most', 'require', 'on failure')",
    NamedUse: "an option (such as 'downtime', 'streams') or a rung (starting with 'when' or 'after')",
    ChooseUse: "a branch (a condition or 'otherwise', then ':' and a technique)",
    BandwidthClause: "a cap (starting with 'total', 'per', 'reserve') or a window (starting with 'between')",
    Sequence: "a step (such as 'drain', 'run', 'reboot', 'wait until', 'return moved vms')",
    Scenario: "'given', 'run' or 'expect'",
    Given: 'a fact (such as dirty_rate: 100 MiB/s)',
};

const aValue = 'a value (a number, a quantity such as 300 ms, text in quotes, an attribute such as vm.memory, or a name)';

/** What a choice in a rule is about, where a list of its first words would be long. */
const choices: Readonly<Record<string, string>> = {
    ...bodies,
    Clause: bodies['Policy'] ?? '',
    ...Object.fromEntries(['NotExpression', 'Unary', 'Primary'].map((rule) => [rule, aValue])),
    TechniqueUse: "a technique (such as precopy, the name of one, 'least duration' or 'choose')",
    TechniqueKindName: "a technique (such as precopy, the name of one, 'least duration' or 'choose')",
    NamedUse: "a technique (such as precopy, the name of one, 'least duration' or 'choose')",
    RungAction: "what the rung does ('downtime', 'throttle', 'bandwidth', 'switch to postcopy', 'pause', 'report' or 'abort')",
    ActionWord: "what the rung does ('downtime', 'throttle', 'bandwidth', 'switch to postcopy', 'pause', 'report' or 'abort')",
    PromisedName: "what is promised ('downtime', 'duration', 'blackout', 'brownout', 'eviction time', 'traffic' or 'energy')",
    Bound: "'<' or '<='",
};

/** What tokens without a word of their own are called. */
const kinds: Readonly<Record<string, string>> = {
    ID: 'a name',
    STRING: 'text in double quotes',
    QUANTITY: 'a quantity such as 300 ms',
    NUMBER: 'a number',
    TIME: 'a time such as 08:00',
    EOF: 'the end of the file',
};

/** Where a name is expected, what it is the name of. */
const names: Readonly<Record<string, string>> = {
    Policy: 'the name of a policy',
    Technique: 'the name of a technique',
    Param: 'the name of a param',
    Let: 'a name',
    Group: 'the name of a group',
    AttributePath: 'the name of an attribute',
};

/** Words that belong into another part of a policy than the one where they are often put. */
const belongs: Readonly<Record<string, readonly string[]>> = {
    "after 'move vms'": ['where', 'except', 'order', 'limit', 'together', 'quiet', 'only', 'immovable', 'triage'],
    "after 'to hosts'": ['keep', 'apart', 'prefer', 'with'],
    "into the braces after the technique, as in 'using precopy { … }'": [
        'downtime',
        'streams',
        'compression',
        'throttle',
        'storage',
        'tls',
        'zero-copy',
        'switchover-ack',
        'dirty-limit',
    ],
    "into 'bandwidth { … }'": ['total', 'per', 'reserve'],
};

function belonging(rule: string, word: string): string {
    const place = rule === 'Policy' ? Object.entries(belongs).find(([, words]) => words.includes(word))?.[0] : undefined;
    return place === undefined ? '' : ` '${word}' belongs ${place}.`;
}

/** More alternatives than this are described, not listed. */
const listedAtMost = 8;

function oneOf(paths: readonly (readonly TokenType[])[], rule: string): string {
    const described = choices[rule];
    const first = new Set(paths.flatMap(([token]) => (token ? [named(token, rule)] : [])));
    if (described !== undefined && (first.size > 3 || first.size === 0)) return described;
    const list = [...first].slice(0, listedAtMost);
    if (first.size > listedAtMost) return `${list.join(', ')} or the like`;
    const last = list.pop() ?? 'something else';
    return list.length === 0 ? last : `${list.join(', ')} or ${last}`;
}

function named(token: TokenType, rule: string): string {
    if (token.name === 'ID') return names[rule] ?? 'a name';
    return kinds[token.name] ?? `'${token.name}'`;
}

function shown(token: IToken): string {
    const image = token.image.length > 40 ? `${token.image.slice(0, 40)}…` : token.image;
    return image.startsWith('"') ? image : `'${image}'`;
}

/** Langium ends the names of rules with a mark of its own. */
const ruleNamed = (name: string): string => name.replaceAll(/[^A-Za-z]/g, '');

/** Every word of the vocabulary that a person types as such. */
export function wordsOf(tokens: Iterable<TokenType>): readonly string[] {
    return [...tokens].map((token) => token.name).filter((name) => isWord(name) && !(name in kinds) && name.length > 1);
}
