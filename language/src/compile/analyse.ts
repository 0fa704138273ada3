import type { AstNode, LangiumCoreServices, LangiumDocument } from 'langium';
import { AstUtils } from 'langium';
import { checks } from '../catalogue/checks.js';
import type { Finding } from '../finding.js';
import type { MigFile, Param } from '../generated/ast.js';
import * as ast from '../generated/ast.js';
import { reportImports, reportInventories, reportUnresolved } from '../link/findings.js';
import { importsOf, withImports } from '../link/imports.js';
import type { CompiledGroup, CompiledParam, HostSequence, Policy, Program, Scenario } from '../program.js';
import { programVersion } from '../program.js';
import { type SyntaxProblem, syntaxProblems, withoutEchoes } from '../syntax/findings.js';
import { Context, type Entered, meant, type ParamValue } from './context.js';
import { checkDeclarations } from './declarations.js';
import { featuresOf, featuresOfEach } from './features.js';
import { groupCondition } from './expression.js';
import { anew, type CompileMemory, type Recall } from './memory.js';
import { observedBy, observedByEach } from './observed.js';
import { evaluateParams, type Settings } from './params.js';
import { policy } from './policy.js';
import { scenario } from './scenario.js';
import { sequence } from './sequence.js';
import type { RuleInput } from '../rules/rule.js';
import { ruleFindings } from '../rules/run.js';

type MigDocument = LangiumDocument<MigFile>;

const noSettings: Settings = { set: {}, environment: {} };

/** What a program consists of, as far as it could be compiled. */
interface Parts {
    readonly policies: readonly Policy[];
    readonly sequences: readonly HostSequence[];
    readonly scenarios: readonly Scenario[];
}

/** What is wrong with one file, for the editor. Params have the values that they have in the text. */
export function findingsOf(document: MigDocument, services: LangiumCoreServices): readonly Finding[] {
    const { context, problems, documents } = prepare(document, services);
    evaluateParams(documents, noSettings, context.values, context.context);
    check(document, documents, problems, services, context.context);
    return inOrder(context.context.found.filter((finding) => finding.range.source === 0));
}

/** Compiles a file with everything that it imports. A memory goes with one set of settings. */
export function programOf(
    main: MigDocument,
    services: LangiumCoreServices,
    settings: Settings,
    { memory, entered }: { readonly memory?: CompileMemory; readonly entered?: Entered | undefined } = {},
): { readonly program: Program | undefined; readonly findings: readonly Finding[]; readonly sources: readonly { readonly uri: string }[] } {
    const { context, problems, documents } = prepare(main, services, entered);
    const params = evaluateParams(documents, settings, context.values, context.context);
    const recall = memory?.recalling(context.context) ?? anew;
    const parts = documents.map((document) => check(document, documents, problems, services, context.context, recall));
    context.context.entered('assemble');
    const sources = documents.map((document) => ({ uri: document.uri.toString() }));
    const findings = inOrder(context.context.found);
    // What a rule finds is sound, and may be silenced.
    const hasErrors = findings.some((finding) => finding.severity === 'error' && finding.id in checks);
    return { program: hasErrors ? undefined : assemble(documents, parts, params, context.context, memory), findings, sources };
}

function prepare(
    document: MigDocument,
    services: LangiumCoreServices,
    entered?: Entered,
): {
    readonly documents: readonly MigDocument[];
    readonly problems: ReadonlyMap<MigDocument, readonly SyntaxProblem[]>;
    readonly context: { readonly values: Map<Param, ParamValue>; readonly context: Context };
} {
    const documents = withImports(document, services.shared.workspace.LangiumDocuments);
    const problems = new Map(documents.map((one) => [one, syntaxProblems(one)]));
    const broken = new Set(documents.flatMap((one) => brokenIn(one, problems.get(one) ?? [], services)));
    const values = new Map<Param, ParamValue>();
    const context = new Context(
        documents.map((one) => one.uri.toString()),
        values,
        broken,
        entered,
    );
    return { documents, problems, context: { values, context } };
}

/** Checks and compiles what one file declares. */
function check(
    document: MigDocument,
    documents: readonly MigDocument[],
    problems: ReadonlyMap<MigDocument, readonly SyntaxProblem[]>,
    services: LangiumCoreServices,
    context: Context,
    recall: Recall = anew,
): Parts {
    context.entered('check');
    const source = documents.indexOf(document);
    for (const problem of withoutEchoes(problems.get(document) ?? [])) {
        const range = { source, start: problem.start, end: problem.end };
        context.report('MIG001', range, problem.message, meant(problem.meant, range));
    }
    const imported = withImports(document, services.shared.workspace.LangiumDocuments).filter((other) => other !== document);
    reportInventories(document, context);
    reportImports(document, services, context);
    // Where the text could not be read to its end, a name may be declared in what was not read.
    if (![...problems.values()].some((found) => found.length > 0)) reportUnresolved(document, services, context);
    checkDeclarations(document, imported, context, recall.checked);
    const declared = document.parseResult.value.declarations.filter((node) => !context.isBroken(node));
    const made = new Map(declared.filter(runs).map((node) => [node, recall.compiled(node, () => partOf(node, context))] as const));
    const all = [...made.values()];
    const parts: Parts = {
        policies: all.flatMap((part) => part.policies),
        sequences: all.flatMap((part) => part.sequences),
        scenarios: all.flatMap((part) => part.scenarios),
    };
    const input: RuleInput = {
        document,
        documents,
        isImported: () => isImportedBeside(document, documents, services),
        context,
        declarations: document.parseResult.value.declarations,
        ...parts,
    };
    context.entered('rules');
    context.add(ruleFindings(input, context.found, (node) => (runs(node) ? made.get(node) : undefined) ?? nothing, recall.judged));
    return parts;
}

const nothing: Parts = { policies: [], sequences: [], scenarios: [] };

type Runnable = ast.Policy | ast.Sequence | ast.Scenario;
const runs = (node: ast.Declaration): node is Runnable => ast.isPolicy(node) || ast.isSequence(node) || ast.isScenario(node);

/** What one declaration makes of a program. */
function partOf(node: Runnable, context: Context): Parts {
    if (ast.isPolicy(node)) return { ...nothing, policies: [policy(node, context)] };
    if (ast.isSequence(node)) return { ...nothing, sequences: [sequence(node, context)] };
    return { ...nothing, scenarios: [scenario(node, context)] };
}

/** Whether a file imports this one that is open beside it, and is not compiled with it. */
function isImportedBeside(document: MigDocument, compiled: readonly MigDocument[], services: LangiumCoreServices): boolean {
    const known = services.shared.workspace.LangiumDocuments;
    return known.all.some(
        (other) => !compiled.some((one) => one === other) && importsOf(other, known).some((found) => found.document === document),
    );
}

/** A declaration is broken where a syntax error stands in it, or after it and before the next, and where a part of it is missing. */
function brokenIn(document: MigDocument, problems: readonly SyntaxProblem[], services: LangiumCoreServices): readonly AstNode[] {
    if (problems.length === 0) return [];
    const declarations = document.parseResult.value.declarations;
    const placed = declarations.flatMap((node) => (node.$cstNode ? [{ node, offset: node.$cstNode.offset }] : []));
    let last = 0;
    const around = problems.flatMap(({ offset }) => {
        // Both are in the order of the text.
        while ((placed[last + 1]?.offset ?? Number.POSITIVE_INFINITY) <= offset) last++;
        const declaration = placed[last];
        return declaration && declaration.offset <= offset ? [declaration.node] : [];
    });
    const reflection = services.shared.AstReflection;
    return [
        ...around,
        ...declarations.filter(
            (node) => node.$cstNode === undefined || AstUtils.streamAst(node).some((part) => !reflection.isComplete(part)),
        ),
    ];
}

/**
 * A program runs what its main file declares: an import lends names (params, lets, groups, techniques, templates) and
 * starts nothing by itself. What a scenario runs of an imported file is kept apart.
 */
function assemble(
    documents: readonly MigDocument[],
    parts: readonly Parts[],
    params: readonly CompiledParam[],
    context: Context,
    memory: CompileMemory | undefined,
): Program {
    const [own = nothing, ...others] = parts;
    const run = new Set(own.scenarios.flatMap((one) => one.runs.map((step) => step.policy)));
    const policies = own.policies.toSorted((a, b) => b.priority - a.priority);
    const observed = [...policies, ...own.sequences];
    return {
        kind: 'mig-program',
        version: programVersion,
        sources: documents.map((document) => ({ uri: document.uri.toString() })),
        inventory: inventoryOf(documents, context),
        params,
        groups: documents
            .flatMap((document) => document.parseResult.value.declarations.filter(ast.isGroup))
            .map((node) => group(node, context)),
        policies,
        sequences: own.sequences,
        scenarios: own.scenarios,
        imported: others.flatMap((other) => other.policies).filter((one) => run.has(one.name)),
        uses: memory
            ? featuresOfEach(policies, own.sequences, own.scenarios, memory.uses)
            : featuresOf(policies, own.sequences, own.scenarios),
        ...(memory ? observedByEach(observed, memory.observed) : observedBy(observed)),
    };
}

/** The inventory of the main file, or else the first that an import names. */
function inventoryOf(documents: readonly MigDocument[], context: Context): Program['inventory'] {
    const node = documents.flatMap((document) => document.parseResult.value.inventories)[0];
    return node && { path: node.path, range: context.range(node, 'path') };
}

function group(node: ast.Group, context: Context): CompiledGroup {
    return { name: node.name, of: node.of, where: groupCondition(node, context), range: context.range(node) };
}

function inOrder(findings: readonly Finding[]): readonly Finding[] {
    return findings.toSorted(
        ({ id, range: a }, { id: other, range: b }) =>
            a.source - b.source ||
            a.start.line - b.start.line ||
            a.start.character - b.start.character ||
            (id < other ? -1 : id > other ? 1 : 0),
    );
}
