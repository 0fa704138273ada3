/** Which declarations are used, in a file and in what it is compiled with, and how to take one out of the text. */
import { type AstNode, CstUtils, type LangiumDocument } from 'langium';
import * as ast from '../generated/ast.js';
import type { Fix } from '../finding.js';
import type { MigFile } from '../generated/ast.js';
import { nearest } from '../nearest.js';
import type { Report, RuleInput } from './rule.js';

/**
 * What nothing in the known files uses. Only of files that run something by themselves, by a trigger or as a sequence,
 * and that no other known file imports: what a file lends is used by files that need not be known here. Nothing where a
 * part of the text could not be read.
 */
function unusedIn(input: RuleInput, is: (node: ast.Declaration) => boolean): readonly ast.Declaration[] {
    const { document, context } = input;
    if (!runsByItself(input)) return [];
    const { used, complete } = usesIn(input.documents);
    if (!complete) return [];
    const unused = document.parseResult.value.declarations
        .filter(is)
        .filter((node) => !used.has(node) && !context.isBroken(node) && !(node.name !== undefined && isMeant(node.name, input)));
    return unused.length > 0 && isLent(input) ? [] : unused;
}

/** How a rule speaks of what nothing uses. */
interface Unused {
    /** `the let`, say. */
    readonly what: string;
    /** What is done with such a thing; `uses` unless said. */
    readonly uses?: string;
    readonly hint: string;
}

/** Reports what nothing uses, with a fix that takes it out; a person decides, for what is missing may be the use. */
export function tellUnused(
    input: RuleInput,
    is: (node: ast.Declaration) => boolean,
    { what, uses: verb = 'uses', hint }: Unused,
    report: Report,
): void {
    for (const node of unusedIn(input, is)) {
        report(input.context.range(node, 'name'), `Nothing ${verb} ${what} '${node.name}'.`, {
            hint,
            fixes: [{ ...removalOf(node, `${what} '${node.name}'`, input), asks: true }],
        });
    }
}

/** A fix that takes a declaration out, with its comment and its lines. */
export function removalOf(node: AstNode, what: string, input: RuleInput): Fix {
    const range = input.context.range(node);
    const comment = CstUtils.findCommentNode(node.$cstNode, ['ML_COMMENT']);
    const start = comment ? comment.range.start : range.start;
    const after = input.document.textDocument.getText({ start: range.end, end: { line: range.end.line + 1, character: 0 } });
    const isLast = after.trim() === '' && start.character === 0;
    const end = isLast ? { line: range.end.line + 1, character: 0 } : range.end;
    const last = input.document.textDocument.positionAt(Number.MAX_SAFE_INTEGER);
    return { title: `Remove ${what}`, edits: [{ range: { ...range, start, end: end.line > last.line ? last : end }, newText: '' }] };
}

/** Whether a name that stands for nothing is probably this one misspelt: then that is what is wrong. */
export const isMeant = (name: string, { documents }: Pick<RuleInput, 'documents'>): boolean =>
    usesIn(documents).unresolved.some((word) => nearest(word, [name]) !== undefined);

/** Everything that is named by something else, and whether all texts could be read. */
export interface Uses {
    readonly used: ReadonlySet<AstNode>;
    /** Names that stand for nothing. */
    readonly unresolved: readonly string[];
    readonly complete: boolean;
}

export function usesIn(documents: readonly LangiumDocument<MigFile>[]): Uses {
    const known = uses.get(documents);
    if (known) return known;
    const used = new Set<AstNode>();
    const unresolved: string[] = [];
    let complete = true;
    for (const { references, parseResult } of documents) {
        if (parseResult.parserErrors.length > 0 || parseResult.lexerErrors.length > 0) complete = false;
        for (const { ref, $refText } of references.filter((one) => 'ref' in one)) {
            if (ref) used.add(ref);
            else unresolved.push($refText);
        }
    }
    const made: Uses = { used, unresolved, complete };
    uses.set(documents, made);
    return made;
}

const uses = new WeakMap<object, Uses>();

/** Whether a file is imported: by the one that is compiled, or by another that is known beside it. */
const isLent = ({ document, documents, isImported }: RuleInput): boolean => documents[0] !== document || isImported?.() === true;

/** Whether a file has policies with a trigger, or sequences: others only lend what they declare, or are run by name. */
export function runsByItself({ document }: RuleInput): boolean {
    return document.parseResult.value.declarations.some(
        (node) => ast.isSequence(node) || (ast.isPolicy(node) && node.clauses.some(ast.isTriggerClause)),
    );
}
