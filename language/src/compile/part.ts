import type { AstNode, CstNode } from 'langium';
import { AstUtils, GrammarAST, isCompositeCstNode } from 'langium';
import type { Position } from '../program.js';

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

/**
 * Where a node begins and ends. Langium works that out by way of every node between it and its first and last word, and
 * keeps what it finds at each: in a long file that is a good part of all memory.
 */
export const startOf = (node: CstNode): Position => edgeOf(node, 0, 1).range.start;
export const endOf = (node: CstNode): Position => edgeOf(node, -1, -1).range.end;

/** The first word of a node, or its last. */
function edgeOf(node: CstNode, from: number, step: number): CstNode {
    let edge = node;
    while (isCompositeCstNode(edge)) {
        const { content }: { readonly content: readonly CstNode[] } = edge;
        let index = from;
        while (content.at(index)?.hidden === true) index += step;
        const next = content.at(index) ?? content.at(from);
        if (!next) break;
        edge = next;
    }
    return edge;
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
