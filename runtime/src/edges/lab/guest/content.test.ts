import { fc, test } from '@fast-check/vitest';
import { expect } from 'vitest';
import { deflateRawSync } from 'node:zlib';
import { fillPage, lastWriteTo, pageSize, stampOf, wordsPerPage } from './content.js';

const pageOf = (page: number, seed: number): Int32Array => {
    const words = new Int32Array(wordsPerPage);
    fillPage(words, page, seed);
    return words;
};

test('a filled page cannot be compressed', () => {
    const pages = Buffer.concat([1, 2, 3, 4].map((page) => Buffer.from(pageOf(page, 7).buffer)));
    expect(deflateRawSync(pages).length).toBeGreaterThan(0.99 * 4 * pageSize);
});

test('pages of one seed differ from each other, and from those of another seed', () => {
    const seen = new Set([1, 2].flatMap((seed) => Array.from({ length: 500 }, (_, page) => pageOf(page, seed).slice(0, 2).join())));
    expect(seen.size).toBe(1000);
});

test.prop([fc.integer({ min: 1, max: 50 }), fc.integer({ min: 0, max: 500 })])(
    'the last write to each page is what a guest that writes in turn leaves there',
    (hotPages, writes) => {
        const left = new Array<number>(hotPages).fill(0);
        for (let write = 1; write <= writes; write++) left[(write - 1) % hotPages] = write;
        expect(left.map((_, page) => lastWriteTo(page, writes, hotPages))).toEqual(left);
    },
);

test('a stamp is a number and its complement, and nothing else', () => {
    expect(stampOf(Int32Array.of(5, ~5))).toBe(5);
    expect(stampOf(Int32Array.of(-2, 1))).toBe(0xffff_fffe);
    expect(stampOf(Int32Array.of(5, 5))).toBeUndefined();
    expect(stampOf(pageOf(3, 9))).toBeUndefined();
});
