import type { AstNode } from 'langium';
import type { Context } from './context.js';

/** Something that each compilation has of its own. */
export function perContext<T>(make: () => T): (context: Context) => T {
    const made = new WeakMap<Context, T>();
    return (context) => {
        let mine = made.get(context);
        if (mine === undefined) {
            mine = make();
            made.set(context, mine);
        }
        return mine;
    };
}

/**
 * Work that many places ask for of one node is done once for each compilation: a thousand policies use one technique and
 * name one group. Kept until one more param is known, on which anything may depend.
 */
export function once<Node extends AstNode, T>(work: (node: Node, context: Context) => T): (node: Node, context: Context) => T {
    const kept = perContext(() => ({ paramsKnown: 0, results: new Map<Node, { readonly result: T }>() }));
    return (node, context) => {
        const mine = kept(context);
        if (mine.paramsKnown !== context.params.size) {
            mine.paramsKnown = context.params.size;
            mine.results.clear();
        }
        const known = mine.results.get(node) ?? { result: work(node, context) };
        mine.results.set(node, known);
        return known.result;
    };
}
