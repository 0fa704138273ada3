/** In which order kernel modules have to be loaded. Pure. */

/** What a module's file says that it needs: the `depends` of its .modinfo section. */
export function dependsOf(module: Uint8Array): readonly string[] {
    // The section is a row of `name=value` texts, each ended by a zero.
    const found = /(?:^|\0)depends=([^\0]*)\0/.exec(Buffer.from(module).toString('latin1'))?.[1] ?? '';
    return found
        .split(',')
        .filter((name) => name !== '')
        .map(sameName);
}

/** Each after what it needs. A module that is not among them is built into the kernel. */
export function loadOrder(needs: ReadonlyMap<string, readonly string[]>): readonly string[] {
    const order: string[] = [];
    const begun = new Set<string>();
    const visit = (name: string): void => {
        if (begun.has(name) || !needs.has(name)) return;
        begun.add(name);
        for (const needed of needs.get(name) ?? []) visit(needed);
        order.push(name);
    };
    for (const name of needs.keys()) visit(name);
    return order;
}

/** Files are called with hyphens or underscores, whichever the author liked; names have underscores. */
export const sameName = (name: string): string => name.replaceAll('-', '_');
