/**
 * Where nodes of the text begin and end. Langium works that out by way of every node between one and its first and last
 * word, and keeps what it finds at each: in a long file that is a good part of all memory.
 */
import type { CstNode } from 'langium';
import { CompositeCstNodeImpl } from 'langium';

/** The first word of a node that is no comment. */
export function firstWord(node: CstNode): CstNode {
    let first = node;
    while (first instanceof CompositeCstNodeImpl) {
        const { content }: { readonly content: readonly CstNode[] } = first;
        let index = 0;
        while (content[index]?.hidden === true) index++;
        const inner = content[index] ?? content[0];
        if (!inner) break;
        first = inner;
    }
    return first;
}

/** The last word of a node that is no comment. */
export function lastWord(node: CstNode): CstNode {
    let last = node;
    while (last instanceof CompositeCstNodeImpl) {
        const { content }: { readonly content: readonly CstNode[] } = last;
        let index = content.length - 1;
        while (content[index]?.hidden === true) index--;
        const inner = content[index] ?? content.at(-1);
        if (!inner) break;
        last = inner;
    }
    return last;
}
