import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Inventory, isWorthALook, lookDirectoryOf, lookFileName, lookText, type Snapshot } from '../../core/index.js';
import { guarded } from '../journal/errors.js';
import { ownDirectory } from '../own-directory.js';

/** Where the last look at the hosts of an inventory is kept. */
export const lookPath = (state: string, inventory: string): string =>
    path.join(lookDirectoryOf(state), lookFileName(path.resolve(inventory)));

/**
 * Keeps what was seen of the hosts of an inventory, for checks that look at no host. Where nothing answered, the look before
 * stays. Throws JournalError, as of a journal.
 */
export function keepLook(state: string, file: string, inventory: Inventory, snapshot: Snapshot): void {
    if (!isWorthALook(inventory) || snapshot.hosts.every(({ unreachable }) => unreachable !== undefined)) return;
    const place = lookPath(state, file);
    guarded(
        place,
        () => {
            ownDirectory(path.dirname(place));
            const written = `${place}.${process.pid}`;
            writeFileSync(written, lookText(path.resolve(file), inventory, snapshot), { mode: 0o600 });
            renameSync(written, place);
        },
        'the last look at the hosts',
    );
}

/** The text of the last look; undefined where there is none that can be read. */
export function readLook(state: string, inventory: string): string | undefined {
    try {
        return readFileSync(lookPath(state, inventory), 'utf8');
    } catch {
        return undefined;
    }
}
