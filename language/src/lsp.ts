/**
 * The door for the language server: the language's services together with Langium's for the editor.
 * It stands apart from the main door because it loads the Language Server Protocol, which a run has no use for.
 */
import type { Module } from 'langium';
import { inject } from 'langium';
import type {
    DefaultSharedModuleContext,
    LangiumServices,
    LangiumSharedServices,
    PartialLangiumServices,
    PartialLangiumSharedServices,
} from 'langium/lsp';
import { createDefaultModule, createDefaultSharedModule } from 'langium/lsp';
import { MigGeneratedModule, MigGeneratedSharedModule, migModule, migSharedModule } from './services.js';

export { programOf } from './compile/analyse.js';
export { CompileMemory } from './compile/memory.js';
export { formatChanges, type TextChange } from './format/format-text.js';
export * as ast from './generated/ast.js';
export { withImports } from './link/imports.js';
export { toDiagnostic } from './validator.js';

export interface MigServices {
    readonly shared: LangiumSharedServices;
    readonly mig: LangiumServices;
}

/** Services of the editor's own, which stand in for those of the same name. */
export interface EditorServices {
    readonly shared?: Module<LangiumSharedServices, PartialLangiumSharedServices>;
    readonly mig?: Module<LangiumServices, PartialLangiumServices>;
}

/** The services of the language in an editor. Pass a connection and a file system; findings come as diagnostics with their id as `code`. */
export function createMigServices(context: DefaultSharedModuleContext, editor: EditorServices = {}): MigServices {
    const shared = inject(createDefaultSharedModule(context), MigGeneratedSharedModule, migSharedModule, editor.shared ?? {});
    const mig = inject(createDefaultModule({ shared }), MigGeneratedModule, migModule, editor.mig ?? {});
    shared.ServiceRegistry.register(mig);
    return { shared, mig };
}
