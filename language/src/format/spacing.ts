import type { Word } from './source.js';

/** Signs that stand close to what comes before them. */
const closeBefore: ReadonlySet<string> = new Set([',', ';', ':', ')', ']', '.', '..']);
/** Signs that stand close to what follows them. */
const closeBehind: ReadonlySet<string> = new Set(['(', '[', '.', '..']);

/** What parts two words on one line. */
export function spaceBetween(before: Word, after: Word): '' | ' ' {
    if (closeBefore.has(after.text) || closeBehind.has(before.text)) return '';
    // `careful(limit: 100 ms)`, `vm.tag["app"]`
    if (after.text === '(' && (after.node.$type === 'NamedUse' || after.node.$type === 'Technique')) return '';
    if (after.text === '[' && after.node.$type === 'AttributeRef') return '';
    if (before.text === '-' && before.node.$type === 'Negate') return '';
    return before.text === '{' && after.text === '}' ? '' : ' ';
}

/** What parts a word from a comment behind it. */
export function spaceBeforeComment(before: Word): '' | ' ' {
    return before.text === '(' || before.text === '[' ? '' : ' ';
}

/** What parts a comment from the word behind it. */
export function spaceAfterComment(after: Word): '' | ' ' {
    return closeBefore.has(after.text) ? '' : ' ';
}
