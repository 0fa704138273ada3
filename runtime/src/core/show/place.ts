import type { SourceRange } from '@mig/language';

export type Sources = readonly { readonly uri: string }[];

/** `evacuate.mig:14`, as short as a person can still follow; empty where the place is not known. */
export function placeText(range: SourceRange | undefined, sources: Sources): string {
    const source = range && sources[range.source];
    return source ? `${nameOf(source.uri)}:${range.start.line + 1}` : '';
}

/** `evacuate.mig:16,20`: several places, each file named once. */
export function placesText(ranges: readonly (SourceRange | undefined)[], sources: Sources): string {
    const lines = new Map<string, Set<number>>();
    for (const range of ranges) {
        const source = range && sources[range.source];
        if (!source) continue;
        const name = nameOf(source.uri);
        lines.set(name, (lines.get(name) ?? new Set()).add(range.start.line + 1));
    }
    return [...lines].map(([name, numbers]) => `${name}:${[...numbers].join(',')}`).join(', ');
}

/** `rack/evacuate.mig:14:8`, as an editor takes it. */
export function exactPlace(range: SourceRange | undefined, sources: Sources): string {
    const source = range && sources[range.source];
    return source ? `${pathOf(source.uri)}:${range.start.line + 1}:${range.start.character + 1}` : '';
}

/** The path of a file URI; any other URI as it is. */
export function pathOf(uri: string): string {
    if (!uri.startsWith('file://')) return uri;
    const path = uri.slice('file://'.length);
    try {
        return decodeURIComponent(path);
    } catch {
        return path; // a percent sign that is no escape: the path as it was given
    }
}

function nameOf(uri: string): string {
    return pathOf(uri).split('/').at(-1) ?? uri;
}
