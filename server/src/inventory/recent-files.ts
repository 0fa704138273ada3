import type { FileSystemProvider, URI } from 'langium';

/** How long a file is taken to be as it was read. */
const freshMs = 1000;

/**
 * Files beside policies, read at most once a second, so that a keystroke does not wait for the disk. Where the client tells of
 * changes, these are seen at once.
 */
export class RecentFiles {
    readonly #files: Pick<FileSystemProvider, 'readFile'>;
    /** Milliseconds that only grow. */
    readonly #clock: () => number;
    readonly #read = new Map<string, { readonly at: number; readonly text: Promise<string> }>();

    constructor(files: Pick<FileSystemProvider, 'readFile'>, clock: () => number) {
        this.#files = files;
        this.#clock = clock;
    }

    /** Rejects as the reading did, within that second too. */
    readFile(uri: URI): Promise<string> {
        const key = uri.toString();
        const known = this.#read.get(key);
        if (known && this.#clock() - known.at < freshMs) return known.text;
        const text = this.#files.readFile(uri);
        this.#read.set(key, { at: this.#clock(), text });
        return text;
    }

    /** Has all files be read anew. */
    forget(): void {
        this.#read.clear();
    }
}
