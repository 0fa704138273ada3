/**
 * The door for the language server: the language's services together with Langium's for the editor.
 * It stands apart from the main door because it loads the Language Server Protocol, which a run has no use for.
 */
import { inject } from 'langium';
import type { DefaultSharedModuleContext, LangiumServices, LangiumSharedServices } from 'langium/lsp';
import { createDefaultModule, createDefaultSharedModule } from 'langium/lsp';
import { MigGeneratedModule, MigGeneratedSharedModule, migModule, migSharedModule } from './services.js';

export interface MigServices {
    readonly shared: LangiumSharedServices;
    readonly mig: LangiumServices;
}

/** The services of the language in an editor. Pass a connection and a file system; findings come as diagnostics with their id as `code`. */
export function createMigServices(context: DefaultSharedModuleContext): MigServices {
    const shared = inject(createDefaultSharedModule(context), MigGeneratedSharedModule, migSharedModule);
    const mig = inject(createDefaultModule({ shared }), MigGeneratedModule, migModule);
    shared.ServiceRegistry.register(mig);
    return { shared, mig };
}
