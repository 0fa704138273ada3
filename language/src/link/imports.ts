import type { LangiumDocument, LangiumDocuments } from 'langium';
import { URI, UriUtils } from 'langium';
import type { Import, MigFile } from '../generated/ast.js';

/** The file that an import names; relative to the file that it stands in. */
export function importedUri(document: LangiumDocument, path: string): URI {
    return /^[a-z][a-z0-9+.-]+:\/\//i.test(path) ? URI.parse(path) : UriUtils.joinPath(UriUtils.dirname(document.uri), path);
}

/** The imports of a file, with the document of each where it could be read. */
export function importsOf(
    document: LangiumDocument,
    documents: LangiumDocuments,
): readonly { readonly node: Import; readonly uri: URI; readonly document: LangiumDocument<MigFile> | undefined }[] {
    return fileOf(document).imports.flatMap((node) => {
        // A path is absent where the text breaks off after `import`.
        const { path } = node as Partial<Import>;
        if (path === undefined) return [];
        const uri = importedUri(document, path);
        return [{ node, uri, document: documents.getDocument(uri) as LangiumDocument<MigFile> | undefined }];
    });
}

/** A document and everything that it imports, directly or not, each once: the document first, then as a reader meets them. */
export function withImports(document: LangiumDocument<MigFile>, documents: LangiumDocuments): readonly LangiumDocument<MigFile>[] {
    const seen = new Map<string, LangiumDocument<MigFile>>([[document.uri.toString(), document]]);
    for (const known of seen.values()) {
        for (const found of importsOf(known, documents)) {
            const key = found.uri.toString();
            if (found.document && !seen.has(key)) seen.set(key, found.document);
        }
    }
    return [...seen.values()];
}

/** The imports along which a file imports itself: the first step of each such way. */
export function cyclicImports(document: LangiumDocument<MigFile>, documents: LangiumDocuments): readonly Import[] {
    return importsOf(document, documents)
        .filter((found) => found.document && withImports(found.document, documents).includes(document))
        .map((found) => found.node);
}

/** A document that has not been parsed yet has no imports. */
function fileOf(document: LangiumDocument): Pick<MigFile, 'imports'> {
    const root = document.parseResult.value as Partial<MigFile>;
    return { imports: root.imports ?? [] };
}
