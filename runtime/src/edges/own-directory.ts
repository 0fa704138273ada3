/** Where a program keeps what is its own: made with all above it, for this user alone. */
import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a directory that may be there already. Node's own way (`recursive`) asks for ever where a file system knows the
 * directory above and takes no new one in it (/proc: ENOENT).
 * @throws what the system says of the first directory that cannot be made
 */
export function ownDirectory(path: string): void {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
    const above = dirname(path);
    if (above !== path) ownDirectory(above);
    try {
        mkdirSync(path, { mode: 0o700 });
    } catch (error) {
        // Another process may have made it just now.
        if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) throw error;
    }
}
