import type {
    AstNodeDescription,
    AstNodeDescriptionProvider,
    AstReflection,
    LangiumCoreServices,
    LangiumDocument,
    LangiumDocuments,
    LocalSymbols,
    ReferenceInfo,
    Scope,
    ScopeProvider,
    Stream,
} from 'langium';
import { AstUtils, DefaultScopeComputation, MapScope, MultiMap, stream, WorkspaceCache } from 'langium';
import type { MigFile } from '../generated/ast.js';
import { isTechnique, Parameter } from '../generated/ast.js';
import { withImports } from './imports.js';

/**
 * What a name can stand for: the parameters of the technique around it, then what its file declares, then what the
 * files declare that it imports, directly or not. One map per file and kind, kept until a document changes.
 */
export class MigScopeProvider implements ScopeProvider {
    private readonly reflection: AstReflection;
    private readonly documents: () => LangiumDocuments;
    private readonly descriptions: AstNodeDescriptionProvider;
    private readonly fileScopes: WorkspaceCache<LangiumDocument, Map<string, Scope>>;
    private readonly names: WorkspaceCache<LangiumDocument, Map<string, Names>>;

    constructor(services: LangiumCoreServices) {
        this.reflection = services.shared.AstReflection;
        this.documents = () => services.shared.workspace.LangiumDocuments;
        this.descriptions = services.workspace.AstNodeDescriptionProvider;
        this.fileScopes = new WorkspaceCache(services.shared);
        this.names = new WorkspaceCache(services.shared);
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
        return new FilesScope(withImports(document, this.documents()).map((file) => this.namesIn(type, file)));
    }

    /** The same for every file that imports this one. */
    private namesIn(type: string, document: LangiumDocument<MigFile>): Names {
        const byType = this.names.get(document, () => new Map<string, Names>());
        const known = byType.get(type);
        if (known) return known;
        const names = new Map<string, AstNodeDescription>();
        const { declarations = [] } = document.parseResult.value as Partial<MigFile>;
        for (const node of declarations) {
            // Where the text breaks off a declaration has no name, and some never have.
            const { name } = node as { readonly name?: string };
            // Of two declarations of one name the first counts; the second is reported.
            if (name === undefined || names.has(name) || !this.reflection.isSubtype(node.$type, type)) continue;
            names.set(name, this.descriptions.createDescription(node, name, document));
        }
        byType.set(type, names);
        return names;
    }
}

type Names = ReadonlyMap<string, AstNodeDescription>;

/** The names of several files, of which an earlier one hides what a later one declares. */
class FilesScope implements Scope {
    private readonly files: readonly Names[];

    constructor(files: readonly Names[]) {
        this.files = files;
    }

    getElement(name: string): AstNodeDescription | undefined {
        for (const names of this.files) {
            const found = names.get(name);
            if (found) return found;
        }
        return undefined;
    }

    getElements(name: string): Stream<AstNodeDescription> {
        return stream(this.files.flatMap((names) => names.get(name) ?? []));
    }

    getAllElements(): Stream<AstNodeDescription> {
        return stream(this.files.flatMap((names) => [...names.values()]));
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
