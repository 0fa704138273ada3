import type { AstNode, CstNode } from 'langium';
import { isLeafCstNode } from 'langium';

/** The text of the doc comment before a declaration, without its stars. */
export function docOf(node: AstNode): string | undefined {
    const before = node.$cstNode && previous(node.$cstNode);
    const comment = isLeafCstNode(before) && before.tokenType.name === 'ML_COMMENT' ? before.text : undefined;
    if (comment?.startsWith('/**') !== true || comment === '/**/') return undefined;
    const text = comment
        .slice(3, -2)
        .split(/\r?\n/)
        .map((line) => line.trim().replace(/^\*\s?/, ''))
        .join('\n')
        .trim();
    return text === '' ? undefined : text;
}

/** What stands before a node. */
function previous(node: CstNode): CstNode | undefined {
    for (let inner = node; inner.container; inner = inner.container) {
        const index = indexIn(inner.container.content, inner);
        if (index > 0) return inner.container.content[index - 1];
    }
    return undefined;
}

/** Looked for by halves: a file may have ten thousand declarations, each of which asks. */
function indexIn(content: readonly CstNode[], node: CstNode): number {
    let [low, high] = [0, content.length];
    while (low < high) {
        const middle = (low + high) >> 1;
        if ((content[middle]?.offset ?? 0) < node.offset) low = middle + 1;
        else high = middle;
    }
    // A part without text has no place of its own.
    return content[low] === node ? low : content.indexOf(node);
}
