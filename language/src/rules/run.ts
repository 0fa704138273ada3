import type { Finding } from '../finding.js';
import type { SourceRange } from '../program.js';
import { textRules } from './index.js';
import type { RuleInput } from './rule.js';

/** What the rules find in one file. Of a declaration in which something is wrong already, nothing more is said. */
export function ruleFindings(input: RuleInput, found: readonly Finding[]): readonly Finding[] {
    const errors = found.filter((finding) => finding.severity === 'error').map((finding) => finding.range);
    const sound = <T extends { readonly range: SourceRange }>(parts: readonly T[]): readonly T[] =>
        errors.length === 0 ? parts : parts.filter((part) => !errors.some((error) => within(error, part.range)));
    const judged: RuleInput = {
        ...input,
        policies: sound(input.policies),
        sequences: sound(input.sequences),
        scenarios: sound(input.scenarios),
    };
    const findings: Finding[] = [];
    for (const { id, severity, check } of textRules) {
        check(judged, (range, message, { hint, fixes = [] } = {}) => findings.push({ id, severity, message, hint, range, fixes }));
    }
    return findings;
}

function within(inner: SourceRange, outer: SourceRange): boolean {
    if (inner.source !== outer.source) return false;
    const before = (a: SourceRange['start'], b: SourceRange['start']): boolean =>
        a.line < b.line || (a.line === b.line && a.character <= b.character);
    return before(outer.start, inner.start) && before(inner.end, outer.end);
}
