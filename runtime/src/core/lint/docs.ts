/** What there is to read about ids. It stands outside the package's door: behind it come all rules with the whole compiler, and a run has no use for them. */
import { type CheckDoc, checkDocs, checks, nearest, type RuleDoc, suppressionRules, textRules } from '@mig/language';
import { hostRules } from '../rules/index.js';
import { looseRules, otherErrors, wordsOfError } from './known.js';

/** Every rule, by id. */
export const ruleDocs = (): readonly RuleDoc[] =>
    [...textRules, ...hostRules, ...looseRules, ...suppressionRules].toSorted((a, b) => a.id.localeCompare(b.id));

export type Explanation =
    | { readonly kind: 'rule'; readonly rule: RuleDoc }
    /** An error of the compiler has a page like a rule's; one that is found beside the text has words alone. */
    | { readonly kind: 'error'; readonly id: string; readonly words: string; readonly page: CheckDoc | undefined }
    | { readonly kind: 'unknown'; readonly meant: string | undefined };

/** What an id or a name stands for. */
export function explain(word: string): Explanation {
    const id = word.toUpperCase();
    const rules = ruleDocs();
    const rule = rules.find((one) => one.id === id || one.name === word.toLowerCase());
    if (rule) return { kind: 'rule', rule };
    const words = wordsOfError(id);
    if (words !== undefined)
        return { kind: 'error', id, words, page: id in checkDocs ? checkDocs[id as keyof typeof checkDocs] : undefined };
    // One number is not like another.
    return {
        kind: 'unknown',
        meant: /^MIG\d*$/.test(id)
            ? undefined
            : nearest(
                  word,
                  rules.map((one) => one.name),
              ),
    };
}

export const errorIds = (): readonly string[] => [...Object.keys(checks), ...Object.keys(otherErrors)].sort();
