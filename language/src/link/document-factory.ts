import type { AstNode, Cancellation, LangiumDocuments, LangiumSharedCoreServices, ParseResult, URI } from 'langium';
import { DefaultLangiumDocumentFactory } from 'langium';
import { isMigFile, type MigFile } from '../generated/ast.js';
import { type ParsedFile, reparse } from '../syntax/reparse.js';

/** Makes documents of texts. Of a document that is known, only what has changed is read again. */
export class MigDocumentFactory extends DefaultLangiumDocumentFactory {
    private readonly documents: () => LangiumDocuments;

    constructor(services: LangiumSharedCoreServices) {
        super(services);
        this.documents = () => services.workspace.LangiumDocuments;
    }

    protected override parseAsync<T extends AstNode>(
        uri: URI,
        text: string,
        cancellationToken: Cancellation.CancellationToken,
    ): Promise<ParseResult<T>> {
        const earlier = this.documents().getDocument(uri)?.parseResult;
        if (!earlier || !isMigFile(earlier.value)) return super.parseAsync(uri, text, cancellationToken);
        const { LangiumParser } = this.serviceRegistry.getServices(uri).parser;
        const parsed = reparse(earlier as ParsedFile, text, (part) => LangiumParser.parse<MigFile>(part));
        return Promise.resolve(parsed as ParseResult as ParseResult<T>);
    }
}
