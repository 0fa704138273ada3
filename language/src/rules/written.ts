/**
 * What a file itself says about techniques, each once: shared techniques are judged where they are declared, however many
 * policies use them, and what a policy inherits is judged where it is written.
 */
import * as ast from '../generated/ast.js';
import { nothing } from '../compile/amount.js';
import { expression } from '../compile/expression.js';
import { techniqueUse } from '../compile/technique.js';
import type { HostSequence, Policy, Rung, SourceRange, TechniqueUse } from '../program.js';
import { isInside } from '../places.js';
import type { RuleInput } from './rule.js';

export type BuiltIn = Extract<TechniqueUse, { kind: 'technique' }>;
export type Choice = Extract<TechniqueUse, { kind: 'choose' }>;

/** A technique or a choice that is written out in the file, with what it has from those that it is made of. */
export interface Written<Use extends TechniqueUse = TechniqueUse> {
    readonly use: Use;
    /** What messages call it: its name, or that of the technique that it changes. */
    readonly name: string;
    /** The declaration, policy or sequence that it stands in. */
    readonly owner: SourceRange;
}

/** Every technique with options or rungs of its own, or with arguments, that the file writes out; nothing with errors in it. */
export function techniquesIn(input: RuleInput): readonly Written<BuiltIn>[] {
    return writtenIn(input).filter((one): one is Written<BuiltIn> => one.use.kind === 'technique');
}

/** Every `choose` of the file. */
export function choicesIn(input: RuleInput): readonly Written<Choice>[] {
    return writtenIn(input).filter((one): one is Written<Choice> => one.use.kind === 'choose');
}

/** Where to point for a rung: at it, or at the use that brings it in from elsewhere. */
export function placeOf(rung: Rung, { use, owner }: Written): SourceRange {
    return isInside(rung.range, owner) ? rung.range : use.range;
}

/** The first line of a declaration: all of it would be too much to underline. */
export function firstLineOf(range: SourceRange, { document }: RuleInput): SourceRange {
    if (range.start.line === range.end.line) return range;
    const line = document.textDocument.getText({ start: range.start, end: { line: range.start.line + 1, character: 0 } }).trimEnd();
    return { ...range, end: { ...range.start, character: range.start.character + line.length } };
}

/** The built-in techniques that a use may come down to; those with errors in them left out. */
export function builtInsOf(uses: readonly TechniqueUse[], input: RuleInput): readonly BuiltIn[] {
    const { isSoundUse } = soundness(input);
    return uses.filter(isSoundUse).flatMap((use) => {
        if (use.kind === 'technique') return [use];
        return use.kind === 'choose'
            ? builtInsOf(
                  use.branches.map((branch) => branch.use),
                  input,
              )
            : [];
    });
}

/** The syntax tree of a policy of the file. */
export function nodeOf(policy: Policy, input: RuleInput): ast.Policy | undefined {
    const node = declarationAt(policy.range, input);
    return ast.isPolicy(node) ? node : undefined;
}

const nodes = new WeakMap<RuleInput, ReadonlyMap<string, ast.Declaration>>();
const written = new WeakMap<RuleInput, readonly Written[]>();
const sound = new WeakMap<RuleInput, Soundness>();

function declarationAt(range: SourceRange, input: RuleInput): ast.Declaration | undefined {
    const byPlace = remembered(nodes, input, () => new Map(input.declarations.map((node) => [keyOf(input.context.range(node)), node])));
    return byPlace.get(keyOf(range));
}

/** Rules share what is worked out for one file. */
function remembered<T>(store: WeakMap<RuleInput, T>, input: RuleInput, make: () => T): T {
    const known = store.get(input);
    if (known !== undefined) return known;
    const made = make();
    store.set(input, made);
    return made;
}

function writtenIn(input: RuleInput): readonly Written[] {
    return remembered(written, input, () => {
        const { isSound } = soundness(input);
        const inTechniques = input.declarations
            .filter(ast.isTechnique)
            .filter((node) => isSound(node))
            .flatMap((node) => inTechnique(node, input));
        return [
            ...inTechniques,
            ...input.policies.flatMap((policy) => inPolicy(policy, input)),
            ...input.sequences.flatMap((sequence) => inSequence(sequence, input)),
        ];
    });
}

/** A technique with parameters is judged with their defaults; where one has none, only where it is used. */
function inTechnique(node: ast.Technique, input: RuleInput): readonly Written[] {
    const { context } = input;
    if (node.parameters.some((parameter) => parameter.value === undefined)) return [];
    const use = context.collect(() => {
        const values = new Map(
            node.parameters.map((parameter) => [parameter, parameter.value && expression(parameter.value, nothing, context)] as const),
        );
        return techniqueUse(node.use, context, values, [node]);
    }).result;
    return unfold(node.use, use, node.name, context.range(node), input);
}

function inPolicy(policy: Policy, input: RuleInput): readonly Written[] {
    const clause = nodeOf(policy, input)?.clauses.find(ast.isUsingClause);
    return clause ? unfoldAll(clause.uses, policy.technique, policy.range, input) : [];
}

function inSequence(sequence: HostSequence, input: RuleInput): readonly Written[] {
    const node = declarationAt(sequence.range, input);
    if (!ast.isSequence(node)) return [];
    return node.steps.flatMap((step, index) => {
        const compiled = sequence.steps[index];
        return ast.isDrainStep(step) && compiled?.kind === 'drain' ? unfoldAll(step.uses, compiled.technique, sequence.range, input) : [];
    });
}

function unfoldAll(
    written: readonly ast.TechniqueUse[],
    uses: readonly TechniqueUse[],
    owner: SourceRange,
    input: RuleInput,
): readonly Written[] {
    return written.flatMap((node, index) => {
        const use = uses[index];
        return use ? unfold(node, use, use.name, owner, input) : [];
    });
}

/** Goes down a use along the text that it was compiled from, to leave out what is written elsewhere. */
function unfold(
    node: ast.TechniqueUse,
    use: TechniqueUse,
    name: string | undefined,
    owner: SourceRange,
    input: RuleInput,
): readonly Written[] {
    const target = ast.isNamedUse(node) ? node.technique?.ref : undefined;
    if (target && !soundness(input).isSound(target)) return [];
    if (ast.isNamedUse(node) && target && node.arguments.length === 0 && node.items.length === 0 && !node.via) return [];
    const called = name ?? (use.kind === 'technique' ? use.technique : 'choose');
    const own: Written = { use, name: called, owner };
    if (use.kind !== 'choose' || !ast.isChooseUse(node)) return [own];
    return [
        own,
        ...node.branches.flatMap((branch, index) => {
            const compiled = use.branches[index];
            return compiled ? unfold(branch.use, compiled.use, compiled.use.name, owner, input) : [];
        }),
    ];
}

interface Soundness {
    /** Whether nothing is wrong with a technique, nor with those that it is made of. */
    readonly isSound: (technique: ast.Technique) => boolean;
    readonly isSoundUse: (use: TechniqueUse) => boolean;
}

/** Where the text has errors its values are stand-ins, and nothing can be said of them. */
function soundness(input: RuleInput): Soundness {
    return remembered(sound, input, () => {
        const { context } = input;
        const lines = new Set<string>();
        for (const { severity, range } of context.found) if (severity === 'error') lines.add(`${range.source}:${range.start.line}`);
        const isClean = ({ source, start, end }: SourceRange): boolean => {
            if (lines.size === 0) return true;
            for (let line = start.line; line <= end.line; line++) if (lines.has(`${source}:${line}`)) return false;
            return true;
        };
        const known = new Map<ast.Technique, boolean>();
        const isSound = (node: ast.Technique): boolean => {
            const before = known.get(node);
            if (before !== undefined) return before;
            known.set(node, false); // one that needs itself
            const found = !context.isBroken(node) && isClean(context.range(node)) && targetsOf(node.use).every(isSound);
            known.set(node, found);
            return found;
        };
        const unsound = new Set<string>();
        if (lines.size > 0) {
            const declared = input.documents.flatMap((document) => document.parseResult.value.declarations.filter(ast.isTechnique));
            for (const node of declared) if (!isSound(node)) unsound.add(node.name);
        }
        return { isSound, isSoundUse: (use) => use.name === undefined || !unsound.has(use.name) };
    });
}

function targetsOf(use: ast.TechniqueUse): readonly ast.Technique[] {
    if (ast.isChooseUse(use)) return use.branches.flatMap((branch) => targetsOf(branch.use));
    const target = ast.isNamedUse(use) ? use.technique?.ref : undefined;
    return target ? [target] : [];
}

const keyOf = ({ source, start }: SourceRange): string => `${source}:${start.line}:${start.character}`;
