import { epochMs } from '@mig/language';
import { isWorthALook, type LastLook, LastLooks, lookFileName } from '@mig/runtime/core';
import { type FileSystemProvider, URI, UriUtils } from 'langium';
import type { InventoryReading } from './store.js';

/** What mig-run saw of hosts last, by their inventory. */
export class LookStore {
    readonly #files: Pick<FileSystemProvider, 'readFile'>;
    readonly #directory: URI | undefined;
    readonly #looks = new Map<string, LastLooks>();

    /** `directory`: where the looks are kept; undefined where none are. */
    constructor(files: Pick<FileSystemProvider, 'readFile'>, directory: string | undefined) {
        this.#files = files;
        this.#directory = directory === undefined ? undefined : URI.file(directory);
    }

    async of(reading: InventoryReading | undefined): Promise<LastLook> {
        if (!reading?.inventory) return nothingSeen;
        const { uri, inventory } = reading;
        const text = this.#directory && isWorthALook(inventory) ? await this.#textIn(this.#directory, uri) : undefined;
        const key = uri.toString();
        const looks = this.#looks.get(key) ?? new LastLooks();
        this.#looks.set(key, looks);
        return looks.of(text, uri.fsPath, inventory, epochMs(Date.now()));
    }

    /** One that cannot be read is none. */
    async #textIn(directory: URI, inventory: URI): Promise<string | undefined> {
        try {
            return await this.#files.readFile(UriUtils.joinPath(directory, lookFileName(inventory.fsPath)));
        } catch {
            return undefined;
        }
    }
}

const nothingSeen: LastLook = { kind: 'none' };
