import type { Finding, Severity } from '../finding.js';
import { nearest } from '../nearest.js';
import type { SourceRange } from '../program.js';
import { directive, misspeltIn, type Suppression, suppressionsIn } from './suppressions.js';

/** How a rule is called: its stable id, or its name. */
export interface RuleName {
    readonly id: string;
    readonly name: string;
}

/** What comments can be about. */
export interface Suppressible {
    /** Rules: what a comment may silence. */
    readonly rules: readonly RuleName[];
    /** Whether an id is of what nothing may silence. */
    readonly isFixed: (id: string) => boolean;
    /** Whether a rule has looked at all that matters for a line, so that a comment which silenced nothing is not needed. */
    readonly judged: (id: string, line: number) => boolean;
}

export interface Suppressed {
    readonly kept: readonly Finding[];
    /** What is wrong with the comments themselves: MIG007, MIG008 and MIG009. */
    readonly about: readonly Finding[];
}

/** Takes out what the comments in the texts silence. A text for each `SourceRange.source`. */
export function suppress(findings: readonly Finding[], texts: readonly string[], suppressible: Suppressible): Suppressed {
    const comments = texts.flatMap((text, source) => suppressionsIn(text, source));
    const misspelt = texts.flatMap((text, source) => misspeltIn(text, source)).map(aboutMisspelt);
    if (comments.length === 0) return { kept: findings, about: misspelt };
    const read = comments.map((comment) => ({ comment, ids: comment.words.map(({ text }) => idOf(text, suppressible)) }));
    // A comment holds once it says why.
    const holding = read.filter(({ comment }) => comment.reason !== undefined);
    const used = new Map<Suppression, Set<string>>();
    const kept = findings.filter((finding) => {
        const silencing = holding.filter(({ comment, ids }) => ids.includes(finding.id) && standsAt(finding, comment));
        if (silencing.length === 0 || suppressible.isFixed(finding.id)) return true;
        for (const { comment } of silencing) used.set(comment, (used.get(comment) ?? new Set()).add(finding.id));
        return false;
    });
    const about = read.flatMap(({ comment, ids }) => aboutOne(comment, ids, used.get(comment) ?? new Set(), suppressible));
    return { kept, about: [...about, ...misspelt] };
}

function aboutMisspelt({ word, range }: ReturnType<typeof misspeltIn>[number]): Finding {
    return {
        id: 'MIG008',
        severity: suppressionSeverity,
        message: `this comment silences nothing: there is no '${word}'`,
        hint: `write ${directive}, the rules, and the reason after two dashes; it is for the next line`,
        range,
        fixes: [{ title: `Change to ${directive}`, edits: [{ range, newText: directive }], asks: true }],
    };
}

function idOf(word: string, { rules, isFixed }: Suppressible): string | undefined {
    const id = word.toUpperCase();
    return rules.find((rule) => rule.id === id || rule.name === word)?.id ?? (isFixed(id) ? id : undefined);
}

function standsAt({ range }: Finding, { range: comment, line, isFirst }: Suppression): boolean {
    if (range.source !== comment.source) return false;
    const { start, end } = range;
    const nowhere = start.line === 0 && start.character === 0 && end.line === 0 && end.character === 0;
    return start.line === line || (nowhere && isFirst);
}

function aboutOne(
    comment: Suppression,
    ids: readonly (string | undefined)[],
    used: ReadonlySet<string>,
    suppressible: Suppressible,
): readonly Finding[] {
    const findings: Finding[] = [];
    const say = (id: string, range: SourceRange, message: string, hint: string, fixes: Finding['fixes'] = []): void => {
        findings.push({ id, severity: suppressionSeverity, message, hint, range, fixes });
    };
    if (comment.words.length === 0) {
        say('MIG008', comment.range, 'this comment names no rule, so that it silences nothing', 'write the id of the rule that it is for', [
            removal(comment),
        ]);
        return findings;
    }
    const stale: number[] = [];
    for (const [index, { text, range }] of comment.words.entries()) {
        const id = ids[index];
        if (id === undefined) {
            const { hint, fixes } = meantRule(text, range, suppressible.rules);
            say('MIG008', range, `there is no rule ${text}`, hint, fixes);
        } else if (suppressible.isFixed(id)) {
            const hint = 'mend what it finds: with it the policy cannot be carried out';
            say('MIG009', range, `${id} is no rule but an error, and no comment silences it`, hint, [without(comment, index)]);
        } else if (comment.reason !== undefined && !used.has(id) && suppressible.judged(id, comment.line ?? Infinity)) stale.push(index);
    }
    if (comment.reason === undefined) {
        const hint = `write it after two dashes: // mig-disable-next-line ${comment.words.map(({ text }) => text).join(' ')} -- why it is right here`;
        say('MIG007', comment.range, 'this comment gives no reason, and holds only with one', hint);
    }
    const where = comment.line === undefined ? 'no line follows' : 'the next line has nothing of it';
    if (stale.length === comment.words.length) {
        const all = comment.words.map(({ text }) => text).join(', ');
        say('MIG009', comment.range, `this comment for ${all} silences nothing: ${where}`, 'take it out', [removal(comment)]);
    } else {
        for (const index of stale) {
            const { text = '', range = comment.range } = comment.words[index] ?? {};
            say('MIG009', range, `${text} silences nothing here: ${where}`, 'take it out', [without(comment, index)]);
        }
    }
    return findings;
}

const suppressionSeverity: Severity = 'warning';

/** Ids are so alike that the nearest is a guess; only a misspelt name is mended. */
function meantRule(
    word: string,
    range: SourceRange,
    rules: readonly RuleName[],
): { readonly hint: string; readonly fixes: Finding['fixes'] } {
    const isId = /^mig\d*$/i.test(word);
    const near = nearest(
        isId ? word.toUpperCase() : word,
        rules.map((rule) => (isId ? rule.id : rule.name)),
    );
    if (near === undefined) return { hint: '`mig-run explain` lists them all', fixes: [] };
    if (!isId) return { hint: `did you mean ${near}?`, fixes: [{ title: `Change to ${near}`, edits: [{ range, newText: near }] }] };
    return { hint: `did you mean ${near} (${rules.find((rule) => rule.id === near)?.name ?? ''})?`, fixes: [] };
}

function removal(comment: Suppression): Finding['fixes'][number] {
    return { title: 'Remove the comment', edits: [{ range: comment.whole, newText: '' }] };
}

/** Takes one rule out of a comment, and the comment where it was the only one. */
function without(comment: Suppression, index: number): Finding['fixes'][number] {
    const word = comment.words[index];
    const before = comment.words[index - 1];
    const after = comment.words[index + 1];
    if (!word || (!before && !after)) return removal(comment);
    const range = before ? { ...word.range, start: before.range.end } : { ...word.range, end: after?.range.start ?? word.range.end };
    return { title: `Remove ${word.text}`, edits: [{ range, newText: '' }] };
}
