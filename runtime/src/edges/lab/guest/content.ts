/** What the memory of a lab guest holds, computed here as the guest computes it. Pure. */

export const pageSize = 4096;
export const wordsPerPage = pageSize / 4;

/** How a guest fills its memory and writes to it. Pages count from `memoryBase`. */
export interface GuestContent {
    /** Guests with the same seed hold the same content. */
    readonly seed: number;
    /** The first pages, filled with pseudo-random content; the others stay zero. */
    readonly filledPages: number;
    /** The first pages, written to in turn. */
    readonly hotPages: number;
}

/** Where pages begin: above the legacy area of the PC. */
export const memoryBase = 0x10_0000;

/** Constants of the generator, an add-rotate-xor sequence: odd, with well-mixed bits. */
export const generator = { pageA: 0x85eb_ca6b, pageB: 0xc2b2_ae35, step: 0x9e37_79b9, rotate: 7 } as const;

/** Writes a filled page's content, before any write, into `into`. */
export function fillPage(into: Int32Array, page: number, seed: number): void {
    let a = (Math.imul(page, generator.pageA) + seed) | 0;
    let b = Math.imul(page, generator.pageB) ^ seed;
    for (let word = 0; word < wordsPerPage; word++) {
        a = (a + b) | 0;
        a = (a << generator.rotate) | (a >>> (32 - generator.rotate));
        b = (b + generator.step) | 0;
        into[word] = a;
    }
}

/**
 * The number of the last write to a hot page when `writes` writes have been made; 0 if there was none.
 * Write number s, counted from 1, goes to page (s - 1) mod hotPages, so every page's number follows from the count alone.
 */
export function lastWriteTo(page: number, writes: number, hotPages: number): number {
    return writes > page ? writes - ((writes - 1 - page) % hotPages) : 0;
}

/** The number that the guest keeps in a page's first word, its complement in the second. */
export function stampOf(page: Int32Array): number | undefined {
    const [number = 0, complement = 0] = page;
    return complement === ~number ? number >>> 0 : undefined;
}
