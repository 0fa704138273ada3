/** Addresses for Linux guests, one for each, also where several are started side by side. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { guestNumbers } from './domain.js';

/** An address that nobody else gets until it is let go. */
export interface ClaimedNumber extends AsyncDisposable {
    readonly number: number;
}

/**
 * The first number that no guest has and nobody else has claimed, on this machine; undefined where there is none.
 * @param taken the numbers that guests have now
 * @param directory of the claims
 */
export async function claimNumber(taken: () => Promise<ReadonlySet<number>>, directory: string): Promise<ClaimedNumber | undefined> {
    await mkdir(directory, { recursive: true });
    const before = await taken();
    for (let number = guestNumbers.least; number <= guestNumbers.most; number++) {
        if (before.has(number)) continue;
        const claim = join(directory, String(number));
        try {
            await writeFile(claim, `${process.pid}\n`, { flag: 'wx' });
        } catch (error) {
            if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
            throw error;
        }
        const letGo = (): Promise<void> => rm(claim, { force: true });
        // Whoever had claimed it before may have given it to a guest since we looked.
        if (!(await taken()).has(number)) return { number, [Symbol.asyncDispose]: letGo };
        await letGo();
    }
    return undefined;
}
