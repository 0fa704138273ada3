import type { SourceRange } from '@mig/language';
import { isMap, isPair, isScalar, type LineCounter, type Node, type ParsedNode } from 'yaml';

/** Where a key or a value of a YAML document stands in its text. */
export class Places {
    readonly #root: ParsedNode | null;
    readonly #lines: LineCounter;
    readonly #length: number;

    constructor(root: ParsedNode | null, lines: LineCounter, length: number) {
        this.#root = root;
        this.#lines = lines;
        this.#length = length;
    }

    span(start: number, end: number): SourceRange {
        const at = (offset: number) => {
            const { line, col } = this.#lines.linePos(Math.min(offset, this.#length));
            return { line: Math.max(0, line - 1), character: Math.max(0, col - 1) };
        };
        return { source: 0, start: at(start), end: at(Math.max(end, start)) };
    }

    whole(): SourceRange {
        return this.span(0, Math.min(1, this.#length));
    }

    has(path: readonly PropertyKey[]): boolean {
        return this.#find(path) !== undefined;
    }

    value(path: readonly PropertyKey[]): SourceRange {
        for (let n = path.length; n > 0; n--) {
            const found = this.#find(path.slice(0, n));
            if (found?.value?.range) return this.span(found.value.range[0], found.value.range[1]);
            if (found?.key?.range) return this.span(found.key.range[0], found.key.range[1]);
        }
        return this.whole();
    }

    key(path: readonly PropertyKey[]): SourceRange {
        const found = this.#find(path);
        return found?.key?.range ? this.span(found.key.range[0], found.key.range[1]) : this.value(path);
    }

    textAt(range: SourceRange): string {
        let text = '';
        this.#eachKey((key) => {
            const start = key.range === null || key.range === undefined ? undefined : this.span(key.range[0], key.range[1]).start;
            if (start?.line === range.start.line && start.character === range.start.character && isScalar(key)) text = String(key.value);
        });
        return text;
    }

    isHostKeyAt(offset: number): boolean {
        const hosts = this.#find(['hosts'])?.value;
        return isMap(hosts) && hosts.items.some((pair) => (pair.key as Node).range?.[0] === offset);
    }

    #eachKey(visit: (key: Node) => void): void {
        const walk = (node: unknown): void => {
            if (isMap(node))
                for (const pair of node.items) {
                    visit(pair.key as Node);
                    walk(pair.value);
                }
        };
        walk(this.#root);
    }

    #find(path: readonly PropertyKey[]): { key: Node | undefined; value: Node | undefined } | undefined {
        let node: unknown = this.#root;
        let key: Node | undefined;
        for (const step of path) {
            if (isMap(node)) {
                const pair = node.items.find((p) => isPair(p) && isScalar(p.key) && String(p.key.value) === String(step));
                if (pair === undefined) return undefined;
                key = pair.key as Node;
                node = pair.value;
            } else if (typeof node === 'object' && node !== null && 'items' in node && Array.isArray(node.items)) {
                node = (node.items as unknown[])[Number(step)];
                key = undefined;
                if (node === undefined) return undefined;
            } else return undefined;
        }
        return { key, value: (node ?? undefined) as Node | undefined };
    }
}
