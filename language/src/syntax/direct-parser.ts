/**
 * A parser for texts without syntax errors, which are nearly all: it walks the grammar straight along the tokens, and gives
 * the whole text back to Langium's parser at the first token that does not fit. That one keeps account of where it is at
 * every step, to be able to go on after an error, and builds the ways on anew at every choice.
 *
 * Choices are decided by the decisions of Langium's parser, and nodes are built by its builder, so that the trees of both
 * are the same (direct-parser.test.ts).
 */
import { createTokenInstance, EOF, type IToken, tokenMatcher, type TokenType } from 'chevrotain';
import type { AstNode, CstNode, LangiumCoreServices, LexerResult, ParseResult } from 'langium';
import { AstUtils, CstNodeBuilder, GrammarAST, GrammarUtils, isAstNode } from 'langium';
import { MigLexer } from './lexer.js';
import type { Decisions } from './lookahead.js';

/** A piece of the grammar, ready to be followed. */
type Step = () => void;

/** A node of the syntax tree while it is built, or the text of a rule that gives text. */
interface Building {
    $type: string;
    $cstNode?: CstNode | undefined;
    [property: string]: unknown;
}

interface Rule {
    readonly name: string;
    readonly isText: boolean;
    readonly type: string;
    follow: Step;
}

/** Which property a piece of the grammar fills, and whether with a reference. */
interface Target {
    readonly operator: GrammarAST.Assignment['operator'];
    readonly property: string;
    readonly isReference: boolean;
}

/** A text while it is read, part by part. */
interface Reading {
    readonly parts: Iterator<LexerResult, void>;
    /** Whether there may be what the lexer cannot read. */
    readonly mayBeUnreadable: boolean;
    /** The part that was read last. */
    last: LexerResult | undefined;
}

/** Thrown where a token does not fit. */
const misfit = new Error('the text is not right');
/** Thrown where there is what the lexer cannot read. */
const unreadable = new Error('the text has characters that are no token');
const end = createTokenInstance(EOF, '', -1, -1, -1, -1, -1, -1);
/** What nodes of rules that give text are marked with. */
const text = '(text)';

export class DirectParser {
    private readonly services: LangiumCoreServices;
    private readonly decisions: Decisions;
    private readonly nodes = new CstNodeBuilder();
    private readonly rules = new Map<GrammarAST.ParserRule, Rule>();
    private readonly defaults = new Map<string, readonly (readonly [string, unknown])[]>();
    private readonly entry: Rule;
    /** Of the text, so much as is read: those that have been taken are let go when more are. */
    private tokens: readonly IToken[] = [];
    private hidden: readonly IToken[] = [];
    private nextHidden = 0;
    /** The next token of `tokens`. */
    private next = 0;
    /** How many have been taken altogether. */
    private taken = 0;
    private reading: Reading | undefined;
    private stack: Building[] = [];

    constructor(services: LangiumCoreServices, decisions: Decisions) {
        this.services = services;
        this.decisions = decisions;
        const entry = services.Grammar.rules.find((rule) => GrammarAST.isParserRule(rule) && rule.entry);
        if (!GrammarAST.isParserRule(entry)) throw new Error('the grammar has no rule to begin with');
        this.entry = this.rule(entry);
    }

    /** Undefined where the text has syntax errors. */
    parse<T extends AstNode>(input: string): ParseResult<T> | undefined {
        const { Lexer } = this.services.parser;
        const whole = (): Iterator<LexerResult, void> => [Lexer.tokenize(input)].values();
        try {
            return this.read(input, Lexer instanceof MigLexer ? Lexer.tokenizeParts(input) : whole(), false);
        } catch (error) {
            if (error !== unreadable) throw error;
            return this.read(input, whole(), true);
        }
    }

    private read<T extends AstNode>(
        input: string,
        parts: Iterator<LexerResult, void>,
        mayBeUnreadable: boolean,
    ): ParseResult<T> | undefined {
        const reading: Reading = { parts, mayBeUnreadable, last: undefined };
        this.nodes.buildRootNode(input);
        Object.assign(this, { reading, tokens: [], hidden: [], nextHidden: 0, next: 0, taken: 0, stack: [] });
        try {
            const value = this.run(this.entry) as AstNode;
            if (this.LA(1) !== end) return undefined;
            own(value);
            this.nodes.addHiddenNodes(this.hidden.slice(this.nextHidden));
            const { errors: lexerErrors = [], report } = reading.last ?? {};
            return { value: value as T, lexerErrors, parserErrors: [], ...(report && { lexerReport: report }) };
        } catch (error) {
            if (error === misfit) return undefined;
            throw error;
        } finally {
            parts.return?.();
            Object.assign(this, { reading: undefined, tokens: [], hidden: [], stack: [] });
        }
    }

    /** What decisions ask for, under the names by which they do: the token so many ahead. */
    LA(ahead: number): IToken {
        return this.tokens[this.next + ahead - 1] ?? this.later(ahead);
    }

    LA_FAST(ahead: number): IToken {
        return this.tokens[this.next + ahead - 1] ?? this.later(ahead);
    }

    /** A token that has not been read yet. */
    private later(ahead: number): IToken {
        const { reading } = this;
        while (reading && this.next + ahead > this.tokens.length) {
            const part = reading.parts.next();
            if (part.done === true) break;
            if (part.value.errors.length > 0 && !reading.mayBeUnreadable) throw unreadable;
            reading.last = part.value;
            this.tokens = [...this.tokens.slice(this.next), ...part.value.tokens];
            this.hidden = [...this.hidden.slice(this.nextHidden), ...part.value.hidden];
            this.next = 0;
            this.nextHidden = 0;
        }
        return this.tokens[this.next + ahead - 1] ?? end;
    }

    private run({ type, isText, follow }: Rule): unknown {
        this.stack.push(isText ? { $type: text, value: '' } : { $type: type });
        follow();
        return this.finished();
    }

    private get current(): Building {
        const node = this.stack.at(-1);
        if (!node) throw misfit;
        return node;
    }

    private finished(): unknown {
        const node = this.current;
        this.stack.pop();
        this.nodes.construct(node as Parameters<CstNodeBuilder['construct']>[0]);
        if (node.$type === text) return this.services.parser.ValueConverter.convert(String(node['value']), node.$cstNode as CstNode);
        for (const [property, value] of this.defaultsOf(node.$type)) node[property] ??= Array.isArray(value) ? [] : value;
        return node;
    }

    /** Properties that a node has even where the text says nothing of them. */
    private defaultsOf(type: string): readonly (readonly [string, unknown])[] {
        let known = this.defaults.get(type);
        if (!known) {
            const { properties } = this.services.shared.AstReflection.getTypeMetaData(type);
            known = Object.values(properties).flatMap(({ name, defaultValue }) =>
                defaultValue === undefined ? [] : [[name, defaultValue] as const],
            );
            this.defaults.set(type, known);
        }
        return known;
    }

    private rule(source: GrammarAST.ParserRule): Rule {
        const known = this.rules.get(source);
        if (known) return known;
        const isText = GrammarUtils.isDataTypeRule(source);
        const made: Rule = { name: source.name, isText, type: isText ? text : GrammarUtils.getTypeName(source), follow: () => undefined };
        this.rules.set(source, made);
        made.follow = new Steps(source.name, this.decisions, this).of(source.definition);
        return made;
    }

    // ---------------------------------------------------------------- what the steps of a rule do

    tokenNamed(name: string): TokenType {
        const type = this.services.parser.Lexer.definition[name];
        if (!type) throw new Error(`the lexer has no token ${name}`);
        return type;
    }

    /** Whether a step takes a token. */
    advances(step: Step): boolean {
        const before = this.taken;
        step();
        return this.taken > before;
    }

    /** Takes a token of this type. */
    token(type: TokenType, source: GrammarAST.AbstractElement, isKeyword: boolean, target: Target | undefined): void {
        const token = this.LA(1);
        if (!tokenMatcher(token, type)) throw misfit;
        this.next++;
        this.taken++;
        this.takeHidden(token.startOffset);
        const leaf = this.nodes.buildLeafNode(token, source);
        if (target) {
            const value = isKeyword ? token.image : this.services.parser.ValueConverter.convert(token.image, leaf);
            this.assign(target, value, leaf);
        } else if (this.current.$type === text) {
            const value = isKeyword ? token.image : this.services.parser.ValueConverter.convert(token.image, leaf);
            this.current['value'] = `${String(this.current['value'])}${String(value)}`;
        }
    }

    /** Comments go where the tree is built when the token after them is taken. */
    private takeHidden(before: number): void {
        const first = this.nextHidden;
        while ((this.hidden[this.nextHidden]?.startOffset ?? Number.POSITIVE_INFINITY) <= before) this.nextHidden++;
        if (this.nextHidden > first) this.nodes.addHiddenNodes(this.hidden.slice(first, this.nextHidden));
    }

    /** Follows another rule. */
    call(source: GrammarAST.ParserRule, caller: GrammarAST.AbstractElement, target: Target | undefined): void {
        const rule = this.rule(source);
        if (source.fragment) {
            rule.follow();
            return;
        }
        const before = this.taken;
        const cst = this.nodes.buildCompositeNode(caller);
        const result = this.run(rule);
        if (this.taken === before) return;
        if (target) this.assign(target, result, cst);
        else if (this.current.$type === text) this.current['value'] = `${String(this.current['value'])}${String(result)}`;
        else this.stack[this.stack.length - 1] = merged(result as Building, this.current);
    }

    /** `{infer Binary.left=current}`, or a node's type alone. */
    act(type: string, source: GrammarAST.Action): void {
        const { feature, operator } = source;
        if (feature === undefined || operator === undefined) {
            this.current.$type = type;
            return;
        }
        const inner = this.finished() as AstNode;
        const { $cstNode } = inner;
        if (!$cstNode) throw misfit;
        this.nodes.removeNode($cstNode);
        const cst = this.nodes.buildCompositeNode(source);
        this.nodes.appendChild(cst, $cstNode);
        this.stack.push({ $type: type });
        this.assign({ operator, property: feature, isReference: false }, inner, $cstNode);
    }

    private assign({ operator, property, isReference: refers }: Target, value: unknown, cst: CstNode): void {
        const node = this.current;
        const item =
            refers && typeof value === 'string'
                ? this.services.references.Linker.buildReference(node as unknown as AstNode, property, cst, value)
                : value;
        if (operator === '?=') {
            node[property] = true;
            return;
        }
        const list = operator === '+=' ? ((node[property] ??= []) as unknown[]) : undefined;
        if (isAstNode(item)) {
            own(item);
            contain(item, node, property, list?.length);
        }
        if (list) list.push(item);
        else node[property] = item;
    }
}

/** Makes the steps of one rule. Choices are counted as Langium counts them, by which their decisions are known. */
class Steps {
    private readonly rule: string;
    private readonly decisions: Decisions;
    private readonly parser: DirectParser;
    private readonly count = { Alternation: 1, Option: 1, Repetition: 1 };

    constructor(rule: string, decisions: Decisions, parser: DirectParser) {
        this.rule = rule;
        this.decisions = decisions;
        this.parser = parser;
    }

    of(element: GrammarAST.AbstractElement): Step {
        const step = this.once(element);
        const { cardinality } = element;
        if (cardinality === '?') {
            const isThere = this.decisions.optional(this.rule, 'Option', this.count.Option++);
            return () => {
                if (isThere.call(this.parser)) step();
            };
        }
        if (cardinality === '*') {
            const isThere = this.decisions.optional(this.rule, 'Repetition', this.count.Repetition++);
            return () => {
                while (isThere.call(this.parser)) if (!this.parser.advances(step)) break;
            };
        }
        if (cardinality === '+') {
            const isThere = this.decisions.optional(this.rule, 'RepetitionMandatory', this.count.Repetition++);
            return () => {
                if (!isThere.call(this.parser)) throw misfit;
                while (isThere.call(this.parser)) if (!this.parser.advances(step)) break;
            };
        }
        return step;
    }

    private once(element: GrammarAST.AbstractElement): Step {
        const { parser } = this;
        if (GrammarAST.isKeyword(element)) return this.token(element.value, element, true);
        if (GrammarAST.isAction(element)) {
            const type = GrammarUtils.getTypeName(element);
            return () => parser.act(type, element);
        }
        if (GrammarAST.isAssignment(element)) return this.of(element.terminal);
        if (GrammarAST.isCrossReference(element)) {
            const { terminal } = element;
            const named = GrammarAST.isRuleCall(terminal) ? terminal.rule.ref : undefined;
            if (GrammarAST.isTerminalRule(named)) return this.token(named.name, element, false);
        }
        if (GrammarAST.isRuleCall(element)) {
            const rule = element.rule.ref;
            if (GrammarAST.isTerminalRule(rule)) return this.token(rule.name, element, false);
            const target = targetOf(element);
            if (GrammarAST.isParserRule(rule)) return () => parser.call(rule, element, target);
        }
        if (GrammarAST.isAlternatives(element)) return this.choice(element);
        if (GrammarAST.isGroup(element)) {
            const steps = element.elements.map((part) => this.of(part));
            return () => {
                for (const step of steps) step();
            };
        }
        throw new Error(`no parser for ${element.$type} in ${this.rule}`);
    }

    private choice({ elements }: GrammarAST.Alternatives): Step {
        const steps = elements.map((part) => this.of(part));
        const which = this.decisions.alternation(this.rule, this.count.Alternation++);
        return () => {
            const step = steps[which.call(this.parser) ?? -1];
            if (!step) throw misfit;
            step();
        };
    }

    private token(name: string, source: GrammarAST.AbstractElement, isKeyword: boolean): Step {
        const type = this.parser.tokenNamed(name);
        const target = targetOf(source);
        const { parser } = this;
        return () => parser.token(type, source, isKeyword, target);
    }
}

function targetOf(source: GrammarAST.AbstractElement): Target | undefined {
    const assignment = AstUtils.getContainerOfType(source, GrammarAST.isAssignment);
    return (
        assignment && {
            operator: assignment.operator,
            property: assignment.feature,
            isReference: GrammarAST.isCrossReference(assignment.terminal),
        }
    );
}

/** A node that stands in the place of the one that was begun, with what that one has already. */
function merged(node: Building, begun: Building): Building {
    for (const property in begun) {
        const here = node[property];
        const there = begun[property];
        if (property.startsWith('$')) node[property] ??= there;
        else if (here === undefined) {
            node[property] = there;
            containAll(there, node, property);
        } else if (Array.isArray(here) && Array.isArray(there)) {
            there.push(...(here as readonly unknown[]));
            node[property] = there;
            containAll(there, node, property);
        }
    }
    node.$cstNode = undefined; // it is given the one of the node whose place it takes
    return node;
}

function containAll(value: unknown, node: Building, property: string): void {
    if (isAstNode(value)) contain(value, node, property, undefined);
    else if (Array.isArray(value)) for (const [index, item] of value.entries()) if (isAstNode(item)) contain(item, node, property, index);
}

/** The node of the text leads back to the node of the tree. */
function own(node: AstNode): void {
    if (node.$cstNode) (node.$cstNode as { astNode: AstNode }).astNode = node;
}

interface Contained {
    $container: AstNode;
    $containerProperty: string;
    $containerIndex: number;
}

/** A node of the tree leads back to the one that it is part of. */
function contain(inner: AstNode, node: Building, property: string, index: number | undefined): void {
    const contained = inner as unknown as Contained;
    contained.$container = node as unknown as AstNode;
    contained.$containerProperty = property;
    if (index !== undefined) contained.$containerIndex = index;
}
