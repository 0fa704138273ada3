import { checks } from '../catalogue/checks.js';
import type { Finding, Fix } from '../finding.js';
import type { SourceRange } from '../program.js';

type Edit = Fix['edits'][number];

/** A finding and the fix of it that is taken. */
export interface TakenFix<Of extends Pick<Finding, 'id' | 'fixes'> = Finding> {
    readonly finding: Of;
    readonly fix: Fix;
}

/**
 * The first sure fix of each finding, of those that can be made together: none touches what another has changed, and all of
 * their edits stand in the main file. What is left out may be found again afterwards. Errors come first and alone: what a rule
 * finds beside them may be their doing, as a technique is used by nobody while its name is misspelt where it is used.
 */
export function fixesTogether<Of extends Pick<Finding, 'id' | 'fixes'>>(findings: readonly Of[]): readonly TakenFix<Of>[] {
    const taken: TakenFix<Of>[] = [];
    const edits: Edit[] = [];
    const errors = findings.filter(({ id }) => id in checks);
    for (const finding of errors.length > 0 ? errors : findings) {
        const fix = finding.fixes.find(({ asks }) => !asks);
        if (!fix || fix.edits.length === 0) continue;
        if (fix.edits.some(({ range }) => range.source !== 0 || edits.some((other) => touches(range, other.range)))) continue;
        taken.push({ finding, fix });
        edits.push(...fix.edits);
    }
    return taken;
}

/** The text with edits that do not overlap. */
export function withEdits(text: string, edits: readonly Edit[]): string {
    const starts = [0, ...[...text.matchAll(/\r\n|\r|\n/g)].map((end) => end.index + end[0].length)];
    const offset = ({ line, character }: SourceRange['start']): number => Math.min(text.length, (starts[line] ?? text.length) + character);
    const backwards = edits.toSorted((a, b) => offset(b.range.start) - offset(a.range.start));
    return backwards.reduce(
        (changed, { range, newText }) => changed.slice(0, offset(range.start)) + newText + changed.slice(offset(range.end)),
        text,
    );
}

/** Also side by side: two words that are written one after the other may not be meant to stand together. */
function touches(a: SourceRange, b: SourceRange): boolean {
    return a.source === b.source && !before(a.end, b.start) && !before(b.end, a.start);
}

const before = (a: SourceRange['start'], b: SourceRange['start']): boolean =>
    a.line < b.line || (a.line === b.line && a.character < b.character);
