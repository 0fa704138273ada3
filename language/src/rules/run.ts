import type { Finding } from '../finding.js';
import { type Declaration, Policy, Scenario, Sequence, Technique } from '../generated/ast.js';
import { anyInside } from '../places.js';
import type { SourceRange } from '../program.js';
import { textRules } from './index.js';
import type { RuleInput, TextRule } from './rule.js';

/** Judges one declaration by the rules that judge by part, or takes over what they found of it before. */
type Judge = (declaration: Declaration, judge: () => readonly Finding[]) => readonly Finding[];

/** One declaration as a rule sees it. */
type PartOf = (declaration: Declaration) => Pick<RuleInput, 'policies' | 'sequences' | 'scenarios'>;

/**
 * What the rules find in one file. Of a declaration in which something is wrong already, nothing more is said. Where nothing
 * is wrong at all, each declaration may be judged by itself.
 */
export function ruleFindings(input: RuleInput, found: readonly Finding[], partOf: PartOf, judge?: Judge): readonly Finding[] {
    const errors = found.filter((finding) => finding.severity === 'error').map((finding) => finding.range);
    if (errors.length === 0 && judge) {
        const byPart = input.declarations
            .filter(isJudged)
            .flatMap((declaration) =>
                judge(declaration, () => findingsOf(rulesByPart, { ...input, declarations: [declaration], ...partOf(declaration) })),
            );
        return once([...findingsOf(rulesOfFiles, input), ...byPart]);
    }
    const isBroken = anyInside(errors);
    const sound = <T extends { readonly range: SourceRange }>(parts: readonly T[]): readonly T[] =>
        errors.length === 0 ? parts : parts.filter((part) => !isBroken(part.range));
    const { policies, sequences, scenarios } = input;
    return once(findingsOf(textRules, { ...input, policies: sound(policies), sequences: sound(sequences), scenarios: sound(scenarios) }));
}

/** The others are judged where these use them, or by rules that look at files. */
const isJudged = (node: Declaration): boolean =>
    node.$type === Technique.$type || node.$type === Policy.$type || node.$type === Sequence.$type || node.$type === Scenario.$type;

const rulesByPart = textRules.filter((rule) => rule.byPart === true);
const rulesOfFiles = textRules.filter((rule) => rule.byPart !== true);

function findingsOf(rules: readonly TextRule[], input: RuleInput): readonly Finding[] {
    const findings: Finding[] = [];
    for (const { id, severity, check } of rules) {
        check(input, (range, message, { hint, fixes = [] } = {}) => findings.push({ id, severity, message, hint, range, fixes }));
    }
    return findings;
}

/** A condition that several policies use is spoken of once. */
function once(findings: readonly Finding[]): readonly Finding[] {
    const seen = new Set<string>();
    return findings.filter(({ id, message, range: { source, start, end } }) => {
        const key = [id, source, start.line, start.character, end.line, end.character, message].join(' ');
        return !seen.has(key) && seen.add(key);
    });
}
