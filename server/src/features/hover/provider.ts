import { type Attribute, type Entity, findAttribute, units } from '@mig/language';
import { ast } from '@mig/language/lsp';
import {
    CstUtils,
    type CstNode,
    type DocumentationProvider,
    GrammarAST,
    GrammarUtils,
    type LangiumDocument,
    type LeafCstNode,
    type References,
} from 'langium';
import type { HoverProvider, LangiumServices } from 'langium/lsp';
import { type Hover, type HoverParams, MarkupKind } from 'vscode-languageserver';
import { describeAttribute } from '../../words/attribute-text.js';
import { describeQuantity } from '../../words/quantity-text.js';
import { describeWord } from '../../words/word-texts.js';
import { describeDeclaration } from './declaration.js';

interface Explained {
    readonly text: string;
    readonly node: CstNode;
}

/** What is known about the word at the cursor: an attribute, a quantity, a declared name, or a word of the language. */
export class PolicyHoverProvider implements HoverProvider {
    readonly #references: References;
    readonly #documentation: DocumentationProvider;

    constructor(services: LangiumServices) {
        this.#references = services.references.References;
        this.#documentation = services.documentation.DocumentationProvider;
    }

    getHoverContent(document: LangiumDocument, params: HoverParams): Hover | undefined {
        const root = document.parseResult.value.$cstNode;
        const leaf = root && CstUtils.findLeafNodeAtOffset(root, document.textDocument.offsetAt(params.position));
        if (!leaf || leaf.hidden) return undefined;
        const found = attributeAt(leaf) ?? quantityAt(leaf) ?? this.#declarationAt(leaf) ?? wordAt(leaf);
        return found && { contents: { kind: MarkupKind.Markdown, value: found.text }, range: found.node.range };
    }

    #declarationAt(leaf: LeafCstNode): Explained | undefined {
        const [target] = this.#references.findDeclarations(leaf);
        const text = target && describeDeclaration(target, this.#documentation.getDocumentation(target));
        return text === undefined ? undefined : { text, node: leaf };
    }
}

/** `vm.memory` in an expression; `memory` in what a scenario gives or expects. */
function attributeAt(leaf: LeafCstNode): Explained | undefined {
    const node = leaf.astNode;
    if (ast.isAttributeRef(node)) {
        const entity = entityOf(node.entity);
        return entity && explained(entity, node.attribute, node.$cstNode);
    }
    const path = GrammarUtils.findNodeForProperty(node.$cstNode, 'attribute');
    if (!path || leaf.offset < path.offset || leaf.end > path.end) return undefined;
    if (ast.isFact(node))
        return explained(ast.isGiven(node.$container) && node.$container.of === 'vm' ? 'vm' : 'host', node.attribute, path);
    if (ast.isEverySubject(node) || ast.isNamedSubject(node)) return explained(node.of, node.attribute, path);
    return undefined;
}

function explained(entity: Entity, path: string, node: CstNode | undefined): Explained | undefined {
    const attribute = lookUp(entity, path);
    return attribute && node && { text: describeAttribute(entity, attribute), node };
}

/** `tag.app` is the attribute `tag` with a key. */
function lookUp(entity: Entity, path: string): Attribute | undefined {
    const keyed = findAttribute(entity, path.split('.')[0] ?? '');
    return findAttribute(entity, path) ?? (keyed?.keyed ? keyed : undefined);
}

const entities: readonly Entity[] = ['vm', 'host', 'source', 'cluster', 'link', 'move'];
const entityOf = (text: string): Entity | undefined => entities.find((entity) => entity === text);

function quantityAt(leaf: LeafCstNode): Explained | undefined {
    const known = units.some((unit) => leaf.text.endsWith(unit.symbol));
    const text = known && /^\d/.test(leaf.text) ? describeQuantity(leaf.text) : undefined;
    return text === undefined ? undefined : { text, node: leaf };
}

function wordAt(leaf: LeafCstNode): Explained | undefined {
    const text = GrammarAST.isKeyword(leaf.grammarSource) ? describeWord(leaf.text) : undefined;
    return text === undefined ? undefined : { text: `**${leaf.text}**\n\n${text}`, node: leaf };
}
