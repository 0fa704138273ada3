import { AstUtils, type AstNode } from 'langium';
import * as ast from '../generated/ast.js';
import type { Source } from './source.js';

/**
 * Words that belong together, and where they are parted when they do not fit on a line. Either all of its breaks are
 * line breaks, or none is.
 */
export interface Group {
    /** Indices of words, inclusive. */
    readonly first: number;
    readonly last: number;
    /** Words that begin a line where the group is broken. */
    readonly breaks: readonly number[];
    /** Words that are then indented once more, inclusive. */
    readonly indented: readonly [from: number, to: number];
    /** Broken even where it would fit. */
    readonly always: boolean;
    /** A comment that needs a line break, anywhere inside, breaks it. */
    readonly braces: boolean;
    /** Empty lines between its parts are kept. */
    readonly blanks: boolean;
    /** What parts its parts while they stand on one line. */
    readonly mark: '' | ';' | ',';
    /** Words that would belong to the part before them were it not for a mark: one that was written stays. */
    readonly parted: ReadonlySet<number>;
}

/** Where lines may or must be broken, by the word that a group begins with: the outer group first. */
export interface Layout {
    readonly groups: ReadonlyMap<number, readonly Group[]>;
    /** The group that decides on the gap before a word. */
    readonly breaks: ReadonlyMap<number, Group>;
}

/** Reads the layout off the tree: the canonical style, as rules for each kind of node. */
export function layoutOf(root: ast.MigFile, source: Source): Layout {
    const words = new Words(source);
    const found: Group[] = [];
    for (const node of AstUtils.streamAst(root)) {
        for (const group of groupsOf(node, words)) {
            if (group.breaks.length > 0) found.push(group);
        }
    }
    found.push(...lists(source));
    found.sort((a, b) => a.first - b.first || b.last - a.last);
    const groups = new Map<number, Group[]>();
    const breaks = new Map<number, Group>();
    for (const group of found) {
        const beside = groups.get(group.first);
        if (beside) beside.push(group);
        else groups.set(group.first, [group]);
        for (const word of group.breaks) breaks.set(word, group);
    }
    return { groups, breaks };
}

function groupsOf(node: AstNode, words: Words): readonly Group[] {
    if (ast.isMigFile(node)) return [file(node, words)];
    if (ast.isPolicy(node)) return block(node, node.clauses, words, { always: true, parted: partedClauses(node, words) });
    if (ast.isScenario(node)) return block(node, node.items, words, { always: true });
    if (ast.isChooseUse(node)) return block(node, node.branches, words, { always: true, parted: partedBranches(node, words) });
    if (ast.isNamedUse(node)) return node.braced ? block(node, node.items, words, { always: ladder(node) }) : [];
    if (ast.isBandwidthClause(node)) return block(node, inOrder(node.caps, node.windows), words, { mark: ';' });
    if (ast.isGiven(node)) return node.braced ? block(node, node.facts, words, { mark: ',' }) : [];
    if (ast.isSequence(node)) return sequence(node, words);
    if (ast.isMoveClause(node)) return [clause(node, node.items, words)];
    if (ast.isToClause(node)) return [clause(node, node.items, words)];
    if (ast.isUsingClause(node) || ast.isDrainStep(node)) return [alternatives(node, words)];
    if (ast.isTriggerClause(node)) return [release(node, words)];
    if (ast.isBinary(node)) return [chain(node, words)];
    return [];
}

const none: ReadonlySet<number> = new Set();
const usual = { always: false, braces: false, blanks: false, mark: '', parted: none } as const;

/** Everything at the top begins a line. */
function file(node: ast.MigFile, words: Words): Group {
    const parts = inOrder(node.inventories, node.imports, node.declarations).map((part) => words.first(part));
    const last = words.count - 1;
    return { ...usual, first: 0, last, breaks: parts.slice(1), indented: [last + 1, last], always: true, blanks: true };
}

/** `{ … }`: what is inside stands on lines of its own, or all of it on the line of the braces. */
function block(node: AstNode, parts: readonly AstNode[], words: Words, rule: Partial<Pick<Group, 'always' | 'mark' | 'parted'>>): Group[] {
    const close = words.last(node);
    const open = parts[0] === undefined ? close - 1 : words.first(parts[0]) - 1;
    const always = rule.always === true && parts.length > 0;
    const breaks = [...parts.map((part) => words.first(part)), close];
    return [{ ...usual, ...rule, first: open, last: close, breaks, indented: [open + 1, close - 1], always, braces: true, blanks: true }];
}

/** What a technique is made of stands below it; where one is used, a single option may stand in the line. */
function ladder({ items, $container: around }: ast.NamedUse): boolean {
    return items.length > 1 || ast.isTechnique(around);
}

/** `on failure retry 2 times; every 15 min` */
function partedClauses({ clauses }: ast.Policy, words: Words): ReadonlySet<number> {
    const after = clauses.filter((_, index) => ast.isFailureClause(clauses[index - 1]) || ast.isTriggerClause(clauses[index - 1]));
    return new Set(after.map((clause) => words.first(clause)).filter((index) => words.text(index) === 'every'));
}

/** With these a technique would go on. */
const goesOn: ReadonlySet<string> = new Set(['(', 'via', 'host', 'hosts', 'with', 'time']);

/** `vm.memory > 4 GiB: patient; (vm.memory > 1 GiB): precopy` */
function partedBranches({ branches }: ast.ChooseUse, words: Words): ReadonlySet<number> {
    return new Set(branches.map((branch) => words.first(branch)).filter((index) => goesOn.has(words.text(index))));
}

/** What says which VMs or hosts stands in the line of the clause; of what follows, one part may, and more stand below. */
function clause(node: AstNode, items: readonly AstNode[], words: Words): Group {
    const head = items.findIndex(
        (item, index) => !(inHead(item) || (ast.isWhereItem(item) && !items.slice(0, index).some(ast.isWhereItem))),
    );
    const below = (head < 0 ? [] : items.slice(head)).map((item) => words.first(item));
    return nested(node, below, words, below.length > 1);
}

const inHead = (item: AstNode): boolean => ast.isFromItem(item) || ast.isInGroupItem(item);

function nested(node: AstNode, below: readonly number[], words: Words, always: boolean, last = words.last(node)): Group {
    return { ...usual, first: words.first(node), last, breaks: below, indented: [below[0] ?? last, last], always, blanks: true };
}

/** As a clause; and where settings stand below, its brace does too. */
function sequence(node: ast.Sequence, words: Words): Group[] {
    const [body] = block(node, node.steps, words, { always: true });
    const head = node.settings.findIndex((setting) => !ast.isWavesSetting(setting));
    const below = (head < 0 ? [] : node.settings.slice(head)).map((setting) => words.first(setting));
    if (body === undefined || below.length === 0) return body === undefined ? [] : [body];
    const settings = nested(node, [...below, body.first], words, below.length > 1, body.first);
    return [{ ...settings, indented: [below[0] ?? body.first, body.first - 1] }, body];
}

/** `using a otherwise b`. */
function alternatives(node: ast.UsingClause | ast.DrainStep, words: Words): Group {
    const breaks = words.ofNode(node, 'otherwise');
    return { ...nested(node, breaks, words, false), blanks: false };
}

/** `when a until b`. */
function release(node: ast.TriggerClause, words: Words): Group {
    return { ...nested(node, words.ofNode(node, 'until'), words, false), blanks: false };
}

/** `a or b or c`: the operator begins the line. */
function chain(node: ast.Binary, words: Words): Group {
    const { operator, $container: around } = node;
    const whole =
        (operator === 'and' || operator === 'or') && !(ast.isBinary(around) && around.operator === operator && around.left === node);
    const breaks: number[] = [];
    for (let link: AstNode = node; whole && ast.isBinary(link) && link.operator === operator; link = link.left) {
        breaks.unshift(...words.ofNode(link, operator));
    }
    return { ...nested(node, breaks, words, false), blanks: false };
}

/** Lists with commas: in brackets they break behind the opening one and before the closing one, others behind commas only. */
function lists(source: Source): Group[] {
    const open = new Map<AstNode, { first: number; bracket: boolean; breaks: number[] }>();
    const found: Group[] = [];
    const begin = new Map<AstNode, number>();
    const end = new Map<AstNode, number>();
    for (const [index, { text, node }] of source.words.entries()) {
        if (text === '(' || text === '[') {
            if (!ast.isParenthesised(node) && !ast.isAttributeRef(node))
                open.set(node, { first: index, bracket: true, breaks: [index + 1] });
        } else if (text === ',') {
            const list = open.get(node) ?? { first: begin.get(node) ?? index - 1, bracket: false, breaks: [] };
            list.breaks.push(index + 1);
            open.set(node, list);
        } else if ((text === ')' || text === ']') && open.get(node)?.bracket === true) {
            const list = open.get(node);
            open.delete(node);
            if (list === undefined || index === list.first + 1) continue;
            const { first, breaks } = list;
            found.push({ ...usual, first, last: index, breaks: [...breaks, index], indented: [first + 1, index - 1] });
        }
        if (!begin.has(node)) begin.set(node, index);
        end.set(node, index);
    }
    for (const [node, { first, breaks }] of open) {
        const last = Math.max(end.get(node) ?? first, source.endingAt.get(node.$cstNode?.end ?? -1) ?? first);
        found.push({ ...usual, first, last, breaks, indented: [breaks[0] ?? last, last] });
    }
    return found;
}

function inOrder(...lists: readonly (readonly AstNode[])[]): AstNode[] {
    return lists.flat().sort((a, b) => (a.$cstNode?.offset ?? 0) - (b.$cstNode?.offset ?? 0));
}

/** Finds the words of nodes. */
class Words {
    private readonly source: Source;
    private readonly keywords = new Map<AstNode, number[]>();

    constructor(source: Source) {
        this.source = source;
        for (const [index, { text, node }] of source.words.entries()) {
            if (!parting.has(text)) continue;
            const found = this.keywords.get(node);
            if (found) found.push(index);
            else this.keywords.set(node, [index]);
        }
    }

    get count(): number {
        return this.source.words.length;
    }

    first(node: AstNode): number {
        return this.source.at.get(node.$cstNode?.offset ?? -1) ?? 0;
    }

    last(node: AstNode): number {
        return this.source.endingAt.get(node.$cstNode?.end ?? -1) ?? this.first(node);
    }

    text(index: number): string {
        return this.source.words[index]?.text ?? '';
    }

    /** Where a keyword stands that is the node's own. */
    ofNode(node: AstNode, keyword: string): readonly number[] {
        return (this.keywords.get(node) ?? []).filter((index) => this.source.words[index]?.text === keyword);
    }
}

/** Keywords that may begin a line of their own. */
const parting: ReadonlySet<string> = new Set(['otherwise', 'until', 'and', 'or']);
