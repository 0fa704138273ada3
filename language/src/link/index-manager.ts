import type { AstNode, LangiumDocument, ReferenceDescription, Stream, URI } from 'langium';
import { DefaultIndexManager } from 'langium';
import { MigReferenceDescriptions } from './references.js';

/** Keeps where names are used; worked out when somebody asks, and not after each keystroke. */
export class MigIndexManager extends DefaultIndexManager {
    private readonly waiting = new Map<string, LangiumDocument>();

    override updateReferences(document: LangiumDocument): Promise<void> {
        this.waiting.set(document.uri.toString(), document);
        return Promise.resolve();
    }

    override removeReferences(uri: URI): void {
        this.waiting.delete(uri.toString());
        super.removeReferences(uri);
    }

    override findAllReferences(target: AstNode, path: string): Stream<ReferenceDescription> {
        for (const document of [...this.waiting.values()]) this.describe(document);
        return super.findAllReferences(target, path);
    }

    override isAffected(document: LangiumDocument, changed: Set<string>): boolean {
        if (this.waiting.get(document.uri.toString()) === document) this.describe(document);
        return super.isAffected(document, changed);
    }

    private describe(document: LangiumDocument): void {
        const key = document.uri.toString();
        const descriptions = this.serviceRegistry.getServices(document.uri).workspace.ReferenceDescriptionProvider;
        this.waiting.delete(key);
        this.referenceIndex.set(key, descriptions instanceof MigReferenceDescriptions ? descriptions.describe(document) : []);
    }
}
