import type {
    DefaultSharedCoreModuleContext,
    LangiumCoreServices,
    LangiumSharedCoreServices,
    Module,
    PartialLangiumCoreServices,
    PartialLangiumSharedCoreServices,
} from 'langium';
import { createDefaultCoreModule, createDefaultSharedCoreModule, inject } from 'langium';
import { MigGeneratedModule, MigGeneratedSharedModule } from './generated/module.js';
import { MigDocumentFactory } from './link/document-factory.js';
import { MigDocumentBuilder } from './link/document-builder.js';
import { MigIndexManager } from './link/index-manager.js';
import { MigDescriptions, MigLinker, MigReferenceDescriptions } from './link/references.js';
import { MigScopeComputation, MigScopeProvider } from './link/scope.js';
import { MigLexer } from './syntax/lexer.js';
import { MigLexerMessages, MigParserMessages, wordsOf } from './syntax/messages.js';
import { createMigParser } from './syntax/parser.js';
import { MigTokenBuilder } from './syntax/tokens.js';
import { MigDocumentValidator } from './validator.js';

/** What the language adds to Langium's services; the same for the compiler and the editor. */
export const migModule: Module<LangiumCoreServices, PartialLangiumCoreServices> = {
    parser: {
        LangiumParser: (services) => createMigParser(services),
        Lexer: (services) => new MigLexer(services),
        TokenBuilder: () => new MigTokenBuilder(),
        ParserErrorMessageProvider: (services) => new MigParserMessages(() => wordsOf(Object.values(services.parser.Lexer.definition))),
        LexerErrorMessageProvider: () => new MigLexerMessages(),
    },
    references: {
        Linker: (services) => new MigLinker(services),
        ScopeProvider: (services) => new MigScopeProvider(services),
        ScopeComputation: (services) => new MigScopeComputation(services),
    },
    workspace: {
        AstNodeDescriptionProvider: (services) => new MigDescriptions(services),
        ReferenceDescriptionProvider: (services) => new MigReferenceDescriptions(services),
    },
    validation: {
        DocumentValidator: (services) => new MigDocumentValidator(services),
    },
};

/** What the language adds to the services that are shared between languages. */
export const migSharedModule: Module<LangiumSharedCoreServices, PartialLangiumSharedCoreServices> = {
    workspace: {
        DocumentBuilder: (services) => new MigDocumentBuilder(services),
        IndexManager: (services) => new MigIndexManager(services),
        LangiumDocumentFactory: (services) => new MigDocumentFactory(services),
    },
};

export { MigGeneratedModule, MigGeneratedSharedModule };

export interface MigCoreServices {
    readonly shared: LangiumSharedCoreServices;
    readonly mig: LangiumCoreServices;
}

/** The services without an editor: what parsing, linking and checking need, and nothing of the Language Server Protocol. */
export function createMigCoreServices(context: DefaultSharedCoreModuleContext): MigCoreServices {
    const shared = inject(createDefaultSharedCoreModule(context), MigGeneratedSharedModule, migSharedModule);
    const mig = inject(createDefaultCoreModule({ shared }), MigGeneratedModule, migModule);
    shared.ServiceRegistry.register(mig);
    return { shared, mig };
}
