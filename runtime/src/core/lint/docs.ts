/** What there is to read about ids. It stands outside the package's door: behind it come all rules with the whole compiler, and a run has no use for them. */
import { checks, nearest, type RuleDoc, suppressionRules, textRules } from '@mig/language';
import { hostRules } from '../rules/index.js';
import { looseRules, otherErrors, wordsOfError } from './known.js';

/** Every rule, by id. */
export const ruleDocs = (): readonly RuleDoc[] =>
    [...textRules, ...hostRules, ...looseRules, ...suppressionRules].toSorted((a, b) => a.id.localeCompare(b.id));

export type Explanation =
    | { readonly kind: 'rule'; readonly rule: RuleDoc }
    | { readonly kind: 'error'; readonly id: string; readonly words: string }
    | { readonly kind: 'unknown'; readonly meant: string | undefined };

/** What an id or a name stands for. */
export function explain(word: string): Explanation {
    const id = word.toUpperCase();
    const rules = ruleDocs();
    const rule = rules.find((one) => one.id === id || one.name === word.toLowerCase());
    if (rule) return { kind: 'rule', rule };
    const words = wordsOfError(id);
    if (words !== undefined) return { kind: 'error', id, words };
    return { kind: 'unknown', meant: nearest(word, [...rules.map((one) => one.name), ...allIds()]) };
}

export const errorIds = (): readonly string[] => [...Object.keys(checks), ...Object.keys(otherErrors)].sort();

const allIds = (): readonly string[] => [...ruleDocs().map((rule) => rule.id), ...errorIds()];
