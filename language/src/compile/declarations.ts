import type { LangiumDocument } from 'langium';
import * as ast from '../generated/ast.js';
import { checkCalendar } from './calendar.js';
import type { Context } from './context.js';
import { condition, expression } from './expression.js';
import type { Recall } from './memory.js';
import { isSound, namesInGroup, namesInLet } from './names.js';
import { typeNamed } from './params.js';
import { checkTechnique } from './technique.js';

type Named = (ast.Param | ast.Let | ast.Group | ast.Calendar | ast.Technique | ast.Policy | ast.Sequence) & { readonly name: string };

/** Names that mean something of their own in an expression. */
const ownWords: ReadonlySet<string> = new Set([
    'vm',
    'host',
    'source',
    'iteration',
    'elapsed',
    'remaining',
    'true',
    'false',
    'unlimited',
    'not',
    'metric',
]);
/** Names that mean something of their own after `using`. */
const ownTechniques: ReadonlySet<string> = new Set(['precopy', 'postcopy', 'hybrid', 'agile', 'rdma', 'choose', 'least']);

/** Checks what a file declares for others to use: names, lets, groups and techniques. Policies are checked as they are compiled. */
export function checkDeclarations(
    document: LangiumDocument<ast.MigFile>,
    imported: readonly LangiumDocument<ast.MigFile>[],
    context: Context,
    recall: Recall['checked'],
): void {
    checkNames(document, imported, context);
    for (const node of document.parseResult.value.declarations) {
        const check = context.isBroken(node) ? undefined : checkOf(node, context);
        if (check) recall(node, check);
    }
}

function checkOf(node: ast.Declaration, context: Context): (() => void) | undefined {
    if (ast.isLet(node)) return () => checkLet(node, context);
    if (ast.isCalendar(node)) return () => checkCalendar(node, context);
    if (ast.isGroup(node)) {
        return () => {
            if (node.where && isSound(node, context)) condition(node.where, namesInGroup[node.of], context);
        };
    }
    if (ast.isTechnique(node)) {
        return () => {
            checkParameters(node, context);
            checkTechnique(node, context);
        };
    }
    return undefined;
}

function checkLet(node: ast.Let, context: Context): void {
    if (isSound(node, context)) expression(node.value, namesInLet, context);
}

function checkParameters(node: ast.Technique, context: Context): void {
    const seen = new Set<string>();
    for (const parameter of node.parameters) {
        const range = context.range(parameter, 'name');
        typeNamed(parameter.valueType, context.range(parameter, 'valueType'), context);
        if (seen.has(parameter.name)) context.report('MIG106', range, `The parameter '${parameter.name}' is declared twice.`);
        if (ownWords.has(parameter.name)) reserved(parameter.name, range, context);
        seen.add(parameter.name);
    }
}

/** What shares one space of names: values in expressions, techniques, policies. */
function spaceOf(node: Named): string {
    return ast.isTechnique(node) ? 'technique' : ast.isPolicy(node) || ast.isSequence(node) ? 'policy' : 'value';
}

const isNamed = (node: ast.Declaration): node is Named => !ast.isScenario(node) && node.name !== undefined;

function checkNames(document: LangiumDocument<ast.MigFile>, imported: readonly LangiumDocument<ast.MigFile>[], context: Context): void {
    const taken = new Map<string, string>();
    for (const file of imported) {
        const place = file.uri.path.split('/').at(-1) ?? 'an imported file';
        for (const node of namedIn(file, context)) taken.set(`${spaceOf(node)} ${node.name}`, ` in ${place}`);
    }
    for (const node of namedIn(document, context)) {
        const key = `${spaceOf(node)} ${node.name}`;
        const before = taken.get(key);
        if (before !== undefined)
            context.report('MIG106', context.range(node, 'name'), `'${node.name}' is already declared${before}.`, {
                hint: 'Give one of the two another name.',
            });
        const own = ast.isTechnique(node) ? ownTechniques : spaceOf(node) === 'policy' ? undefined : ownWords;
        if (own?.has(node.name)) reserved(node.name, context.range(node, 'name'), context);
        taken.set(key, ' in this file');
    }
    const scenarios = new Set<string>();
    for (const node of document.parseResult.value.declarations) {
        if (!ast.isScenario(node) || context.isBroken(node)) continue;
        if (scenarios.has(node.name))
            context.report('MIG106', context.range(node, 'name'), `A scenario "${node.name}" is already declared in this file.`);
        scenarios.add(node.name);
    }
}

function namedIn(document: LangiumDocument<ast.MigFile>, context: Context): readonly Named[] {
    return document.parseResult.value.declarations.filter(isNamed).filter((node) => !context.isBroken(node));
}

function reserved(name: string, range: Parameters<Context['report']>[1], context: Context): void {
    context.report('MIG109', range, `'${name}' has a meaning of its own here: it cannot be declared.`, { hint: 'Choose another name.' });
}
