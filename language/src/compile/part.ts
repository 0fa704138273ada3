import type { AstNode, CstNode } from 'langium';
import { AstUtils, GrammarAST, isCompositeCstNode } from 'langium';

/** The part of a node that a property was read from; `index` counts where there are several. */
export function partOf(node: CstNode, property: string, index = 0): CstNode | undefined {
    let left = index;
    let last: CstNode | undefined;
    const search = (within: CstNode, element: AstNode): CstNode | undefined => {
        if (!isCompositeCstNode(within)) return undefined;
        for (const part of within.content) {
            if (propertyOf(part.grammarSource) === property) {
                last = part;
                if (left-- === 0) return part;
            } else if (isCompositeCstNode(part) && part.astNode === element) {
                const found = search(part, element);
                if (found) return found;
            }
        }
        return undefined;
    };
    return search(node, node.astNode) ?? last;
}

const properties = new WeakMap<object, string>();

/** The property that a piece of the grammar fills; looked up once for each piece. */
function propertyOf(source: CstNode['grammarSource']): string {
    if (!source) return '';
    let found = properties.get(source);
    if (found === undefined) {
        found = AstUtils.getContainerOfType(source, GrammarAST.isAssignment)?.feature ?? '';
        properties.set(source, found);
    }
    return found;
}
