import type {
    AstNodeDescription,
    AstNodeDescriptionProvider,
    AstReflection,
    IndexManager,
    LangiumCoreServices,
    LangiumDocument,
    LangiumDocuments,
    LocalSymbols,
    ReferenceInfo,
    Scope,
    ScopeProvider,
} from 'langium';
import { AstUtils, DefaultScopeComputation, MapScope, MultiMap, WorkspaceCache } from 'langium';
import type { MigFile } from '../generated/ast.js';
import { isTechnique, Parameter } from '../generated/ast.js';
import { withImports } from './imports.js';

/**
 * What a name can stand for: the parameters of the technique around it, then what its file declares, then what the
 * files declare that it imports, directly or not. One map per file and kind, kept until a document changes.
 */
export class MigScopeProvider implements ScopeProvider {
    private readonly reflection: AstReflection;
    private readonly index: IndexManager;
    private readonly documents: () => LangiumDocuments;
    private readonly descriptions: AstNodeDescriptionProvider;
    private readonly fileScopes: WorkspaceCache<LangiumDocument, Map<string, Scope>>;

    constructor(services: LangiumCoreServices) {
        this.reflection = services.shared.AstReflection;
        this.index = services.shared.workspace.IndexManager;
        this.documents = () => services.shared.workspace.LangiumDocuments;
        this.descriptions = services.workspace.AstNodeDescriptionProvider;
        this.fileScopes = new WorkspaceCache(services.shared);
    }

    getScope(context: ReferenceInfo): Scope {
        const type = this.reflection.getReferenceType(context);
        const document = AstUtils.getDocument<MigFile>(context.container);
        const scopes = this.fileScopes.get(document, () => new Map<string, Scope>());
        const file = scopes.get(type) ?? this.fileScope(type, document);
        scopes.set(type, file);
        if (!this.reflection.isSubtype(Parameter.$type, type)) return file;
        const technique = AstUtils.getContainerOfType(context.container, isTechnique);
        if (!technique) return file;
        // Where the text breaks off a parameter has no name.
        const named = technique.parameters.filter((parameter) => (parameter as Partial<Parameter>).name !== undefined);
        const parameters = named.map((parameter) => this.descriptions.createDescription(parameter, parameter.name, document));
        return new MapScope(parameters, file);
    }

    private fileScope(type: string, document: LangiumDocument<MigFile>): Scope {
        const [own, ...imported] = withImports(document, this.documents());
        const outer = imported.reduceRight<Scope | undefined>((scope, file) => this.namesIn(type, file, scope), undefined);
        return own ? this.namesIn(type, own, outer) : new MapScope([], outer);
    }

    private namesIn(type: string, document: LangiumDocument, outer: Scope | undefined): Scope {
        const names = new Map<string, AstNodeDescription>();
        // Of two declarations of one name the first counts; the second is reported.
        for (const found of this.index.allElements(type, new Set([document.uri.toString()]))) {
            if (!names.has(found.name)) names.set(found.name, found);
        }
        return new MapScope(names.values(), outer);
    }
}

/** Names are looked up by file (above): the tables of local symbols are left empty. */
export class MigScopeComputation extends DefaultScopeComputation {
    /** Declarations have names, and nothing else that another file could speak of. */
    override collectExportedSymbols(document: LangiumDocument): Promise<AstNodeDescription[]> {
        const exported: AstNodeDescription[] = [];
        const { declarations = [] } = document.parseResult.value as Partial<MigFile>;
        for (const node of declarations) this.addExportedSymbol(node, exported, document);
        return Promise.resolve(exported);
    }

    override collectLocalSymbols(): Promise<LocalSymbols> {
        return Promise.resolve(new MultiMap());
    }
}
