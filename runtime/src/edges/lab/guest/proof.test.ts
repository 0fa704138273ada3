import { describe, expect, test } from 'vitest';
import { fillPage, wordsPerPage } from './content.js';
import { judge } from './proof.js';

/** Page 2 is hot and filled, page 6 is filled, page 12 is zero. */
const content = { seed: 99, filledPages: 10, hotPages: 4 };
/** Of writes 1 to 11, page 2 has had 3, 7 and 11. */
const writes = { writesBefore: 11, writesAfter: 11 };

function holding(page: number, stamp?: number): Int32Array {
    const words = new Int32Array(wordsPerPage);
    if (page < content.filledPages) fillPage(words, page, content.seed);
    if (stamp !== undefined) words.set([stamp, ~stamp]);
    return words;
}

const verdict = (words: Int32Array, page: number, during = writes): string | undefined =>
    judge(words, page, content, during, new Int32Array(wordsPerPage));

describe('a page that is written to', () => {
    test('is whole when it holds the last write', () => expect(verdict(holding(2, 11), 2)).toBeUndefined());
    test('is stale when it holds an earlier write', () => expect(verdict(holding(2, 7), 2)).toBe('stale'));
    test('is stale when it holds what it held before any write', () => expect(verdict(holding(2), 2)).toBe('stale'));
    test('cannot hold a write that went to another page', () => expect(verdict(holding(2, 10), 2)).toBe('impossible'));
    test('cannot hold a write that is still to come', () => expect(verdict(holding(2, 15), 2)).toBe('impossible'));
    test('may hold a write that came while it was read', () => {
        expect(verdict(holding(2, 15), 2, { writesBefore: 11, writesAfter: 15 })).toBeUndefined();
        expect(verdict(holding(2, 11), 2, { writesBefore: 11, writesAfter: 15 })).toBeUndefined();
    });
    test('may hold the write whose number the guest has not counted yet', () => {
        expect(verdict(holding(2, 11), 2, { writesBefore: 10, writesAfter: 10 })).toBeUndefined();
    });
    test('is damaged when another word has changed', () => {
        const words = holding(2, 11);
        words[500] = 1;
        expect(verdict(words, 2)).toBe('content');
    });
    test('is whole as it was filled, before the first write', () => {
        expect(verdict(holding(2), 2, { writesBefore: 1, writesAfter: 1 })).toBeUndefined();
    });
});

test('a page that is only filled must hold what the seed says', () => {
    expect(verdict(holding(6), 6)).toBeUndefined();
    expect(verdict(holding(5), 6)).toBe('content');
    expect(judge(holding(6), 6, { ...content, seed: 98 }, writes, new Int32Array(wordsPerPage))).toBe('content');
});

test('a page that was never touched must be zero', () => {
    expect(verdict(holding(12), 12)).toBeUndefined();
    expect(verdict(holding(12, 1), 12)).toBe('content');
});
