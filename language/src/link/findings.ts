import type { LangiumCoreServices, LangiumDocument, LinkingError } from 'langium';
import { AstUtils } from 'langium';
import { attributes } from '../catalogue/attributes.js';
import type { CheckId } from '../catalogue/checks.js';
import type { Context } from '../compile/context.js';
import { meant, replaceBy } from '../compile/context.js';
import type { MigFile } from '../generated/ast.js';
import * as ast from '../generated/ast.js';
import { nearest } from '../nearest.js';
import type { SourceRange } from '../program.js';
import { cyclicImports, importsOf } from './imports.js';

/** What each kind of reference is to, by what the grammar calls it. */
const kinds: Readonly<Record<string, { readonly id: CheckId; readonly what: string; readonly builtIn: readonly string[] }>> = {
    Technique: {
        id: 'MIG102',
        what: 'technique',
        builtIn: [
            'precopy',
            'postcopy',
            'hybrid',
            'stop-and-copy',
            'scatter-gather',
            'agile',
            'rdma',
            'traffic-sensitive',
            'least',
            'choose',
        ],
    },
    Policy: { id: 'MIG103', what: 'policy', builtIn: [] },
    Runnable: { id: 'MIG103', what: 'policy', builtIn: [] },
    Group: { id: 'MIG104', what: 'group', builtIn: [] },
    Calendar: { id: 'MIG113', what: 'calendar', builtIn: [] },
    Named: { id: 'MIG101', what: 'name', builtIn: ['true', 'false', 'unlimited'] },
};

/** Reports names that nothing declares, with the name that was probably meant. */
export function reportUnresolved(document: LangiumDocument<MigFile>, services: LangiumCoreServices, context: Context): void {
    for (const { error, $refNode } of document.references) {
        if (!error || !$refNode || isInBroken(error, context)) continue;
        const type = services.shared.AstReflection.getReferenceType(error.info);
        const kind = kinds[type];
        if (!kind) continue;
        const name = error.info.reference.$refText;
        const range: SourceRange = { ...context.range(error.info.container), start: $refNode.range.start, end: $refNode.range.end };
        const declared = services.references.ScopeProvider.getScope(error.info)
            .getAllElements()
            .map((element) => element.name)
            .toArray();
        const near = nearest(name, [...declared, ...kind.builtIn]);
        const attribute = type === 'Named' ? attributes.find((row) => row.name === name) : undefined;
        if (attribute) {
            const full = `${attribute.entity}.${name}`;
            context.report(kind.id, range, `'${name}' is not declared.`, {
                hint: `Did you mean ${full}?`,
                fixes: [replaceBy(range, full)],
            });
            continue;
        }
        const message = type === 'Named' ? `'${name}' is not declared.` : `There is no ${kind.what} '${name}'.`;
        const others =
            declared.length === 0 ? undefined : `Declared: ${declared.slice(0, 8).join(', ')}${declared.length > 8 ? ', …' : ''}.`;
        context.report(kind.id, range, message, near === undefined ? { hint: others } : meant(near, range));
    }
}

/** Reports every inventory of a file but the first, which is the one that counts. */
export function reportInventories({ parseResult }: LangiumDocument<MigFile>, context: Context): void {
    for (const node of parseResult.value.inventories.slice(1)) {
        const range = context.range(node);
        context.report('MIG004', range, "'inventory' is given twice here.", {
            hint: 'Keep one of the two: all hosts of a policy stand in one inventory.',
            fixes: [{ title: 'Remove the second', edits: [{ range, newText: '' }], asks: true }],
        });
    }
}

/** Reports imports that cannot be read, and files that import themselves. */
export function reportImports(document: LangiumDocument<MigFile>, services: LangiumCoreServices, context: Context): void {
    const documents = services.shared.workspace.LangiumDocuments;
    for (const { node, uri, document: found } of importsOf(document, documents)) {
        if (found) continue;
        const place = uri.scheme === 'file' ? uri.fsPath : uri.toString(true);
        context.report('MIG002', context.range(node, 'path'), `The import "${node.path}" cannot be read.`, {
            hint: `Looked for ${place}.`,
        });
    }
    for (const node of cyclicImports(document, documents)) {
        context.report('MIG003', context.range(node, 'path'), `The import "${node.path}" leads back to this file.`, {
            hint: 'Put what both need into a file of its own.',
        });
    }
}

function isInBroken(error: LinkingError, context: Context): boolean {
    const declaration = AstUtils.getContainerOfType(error.info.container, ast.isDeclaration);
    return declaration !== undefined && context.isBroken(declaration);
}
