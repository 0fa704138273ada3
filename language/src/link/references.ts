import type {
    AstNode,
    AstNodeDescription,
    AstNodeDescriptionProvider,
    AstNodeLocator,
    CstNode,
    DocumentSegment,
    LangiumCoreServices,
    LangiumDocument,
    NameProvider,
    ReferenceDescription,
    ReferenceInfo,
    URI,
} from 'langium';
import {
    AstUtils,
    Cancellation,
    CstUtils,
    DefaultLinker,
    DefaultReferenceDescriptionProvider,
    interruptAndCheck,
    isAstNode,
    isReference,
} from 'langium';

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

/** Describes what a name stands for. Where that is, which few ask for, is worked out when they do. */
export class MigDescriptions implements AstNodeDescriptionProvider {
    private readonly locator: AstNodeLocator;
    private readonly names: NameProvider;

    constructor(services: LangiumCoreServices) {
        this.locator = services.workspace.AstNodeLocator;
        this.names = services.references.NameProvider;
    }

    createDescription(node: AstNode, name: string | undefined, { uri }: LangiumDocument = AstUtils.getDocument(node)): AstNodeDescription {
        const path = this.locator.getAstNodePath(node);
        const called = name ?? this.names.getName(node);
        if (called === undefined || called === '') throw new Error(`the node at ${path} has no name`);
        return new Description(node, called, path, uri, this.names);
    }
}

class Description implements AstNodeDescription {
    readonly node: AstNode;
    readonly name: string;
    readonly path: string;
    readonly documentUri: URI;
    readonly type: string;
    readonly #names: NameProvider;

    constructor(node: AstNode, name: string, path: string, documentUri: URI, names: NameProvider) {
        this.node = node;
        this.name = name;
        this.path = path;
        this.documentUri = documentUri;
        this.type = node.$type;
        this.#names = names;
    }

    get nameSegment(): DocumentSegment {
        return segmentOf(this.#names.getNameNode(this.node) ?? this.node.$cstNode);
    }

    get selectionSegment(): DocumentSegment {
        return segmentOf(this.node.$cstNode);
    }
}

/** Every node was read from a text. */
const segmentOf = (node: CstNode | undefined): DocumentSegment => CstUtils.toDocumentSegment(node as CstNode);

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
