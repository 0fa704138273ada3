import type {
    BuildOptions,
    Cancellation,
    LangiumDocument,
    LangiumDocumentFactory,
    LangiumDocuments,
    LangiumSharedCoreServices,
    URI,
} from 'langium';
import { DefaultDocumentBuilder, DocumentState } from 'langium';
import type { MigFile } from '../generated/ast.js';
import { importsOf, withImports } from './imports.js';

/** Builds documents together with what they import: an imported file is read when it is first named. */
export class MigDocumentBuilder extends DefaultDocumentBuilder {
    private readonly documents: LangiumDocuments;
    private readonly factory: LangiumDocumentFactory;

    constructor(services: LangiumSharedCoreServices) {
        super(services);
        this.documents = services.workspace.LangiumDocuments;
        this.factory = services.workspace.LangiumDocumentFactory;
    }

    protected override async buildDocuments(
        documents: LangiumDocument[],
        options: BuildOptions,
        cancelToken: Cancellation.CancellationToken,
    ): Promise<void> {
        const all = new Set(documents);
        for (const document of all) {
            if (document.state < DocumentState.Parsed) await this.factory.update(document, cancelToken);
            for (const imported of await this.openImports(document, cancelToken)) {
                if (imported.state < DocumentState.Validated) all.add(imported);
            }
        }
        await super.buildDocuments([...all], options, cancelToken);
    }

    /** A file is checked anew when one that it imports has changed, or has appeared. */
    protected override shouldRelink(document: LangiumDocument, changedUris: Set<string>): boolean {
        if (super.shouldRelink(document, changedUris)) return true;
        return withImports(document as LangiumDocument<MigFile>, this.documents).some((imported) =>
            importsOf(imported, this.documents).some(({ uri }) => changedUris.has(uri.toString())),
        );
    }

    private async openImports(document: LangiumDocument, cancelToken: Cancellation.CancellationToken): Promise<readonly LangiumDocument[]> {
        const opened: LangiumDocument[] = [];
        for (const { uri } of importsOf(document, this.documents)) {
            // Asked anew each time: a file may be imported twice.
            const known = this.documents.getDocument(uri);
            if (known) {
                opened.push(known);
                continue;
            }
            // What is no policy file by its name is not read as one.
            const text = this.serviceRegistry.hasServices(uri) ? await this.read(uri) : undefined;
            if (text === undefined) continue;
            const created = await this.factory.fromString(text, uri, cancelToken);
            this.documents.addDocument(created);
            opened.push(created);
        }
        return opened;
    }

    /** The text of a file. One that cannot be read is no document: the check of imports reports it where it is named. */
    private async read(uri: URI): Promise<string | undefined> {
        try {
            return await this.fileSystemProvider.readFile(uri);
        } catch {
            return undefined;
        }
    }
}
