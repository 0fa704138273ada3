import type { AstNode, LangiumDocument, ReferenceDescription, ReferenceInfo } from 'langium';
import { Cancellation, DefaultLinker, DefaultReferenceDescriptionProvider, interruptAndCheck, isAstNode, isReference } from 'langium';

/**
 * Links a document in one pass over its syntax tree. What Langium does by default comes to the same, but waits at every node
 * for its turn: that takes longer than the linking itself.
 */
export class MigLinker extends DefaultLinker {
    override async link(document: LangiumDocument, cancelToken = Cancellation.CancellationToken.None): Promise<void> {
        for (const part of partsOf(document.parseResult.value)) {
            await interruptAndCheck(cancelToken);
            for (const info of referencesIn(part)) this.doLink(info, document);
        }
    }
}

/** Where names are used, for the editor's search for uses and to know what a change concerns. */
export class MigReferenceDescriptions extends DefaultReferenceDescriptionProvider {
    override createDescriptions(document: LangiumDocument): Promise<ReferenceDescription[]> {
        return Promise.resolve(this.describe(document));
    }

    describe(document: LangiumDocument): ReferenceDescription[] {
        const found: ReferenceDescription[] = [];
        for (const part of partsOf(document.parseResult.value)) {
            for (const info of referencesIn(part)) found.push(...this.createInfoDescriptions(info));
        }
        return found;
    }
}

/** The declarations of a file. It has no references of its own. */
function* partsOf(root: AstNode): Generator<AstNode> {
    for (const value of Object.values(root)) if (Array.isArray(value)) yield* value.filter(isAstNode);
}

const references = new WeakMap<AstNode, readonly ReferenceInfo[]>();

/** Every reference in a declaration, in the order of the text. Looked for once: it may stand unchanged in many versions of a file. */
export function referencesIn(declaration: AstNode): readonly ReferenceInfo[] {
    const known = references.get(declaration);
    if (known) return known;
    const found: ReferenceInfo[] = [];
    visitReferences(declaration, (info) => found.push(info));
    references.set(declaration, found);
    return found;
}

/** Every reference in a node and below it, in the order of the text. However long an expression is, it is not gone into by recursion. */
function visitReferences(top: AstNode, visit: (info: ReferenceInfo) => void): void {
    const waiting: AstNode[] = [top];
    for (let node = waiting.pop(); node; node = waiting.pop()) {
        const inside = waiting.length;
        for (const property in node) {
            if (property.startsWith('$')) continue;
            const value: unknown = node[property as keyof AstNode];
            if (typeof value !== 'object' || value === null) continue;
            if (isReference(value)) visit({ reference: value, container: node, property });
            else if (Array.isArray(value)) {
                for (const [index, item] of value.entries()) {
                    if (isReference(item)) visit({ reference: item, container: node, property, index });
                    else if (isAstNode(item)) waiting.push(item);
                }
            } else if (isAstNode(value)) waiting.push(value);
        }
        // The first is to be taken next.
        if (waiting.length > inside + 1) waiting.push(...waiting.splice(inside).reverse());
    }
}
