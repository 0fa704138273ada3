import type { Finding } from '@mig/language';
import { type Inventory, parseInventory } from '@mig/runtime/core';
import { type FileSystemProvider, URI, UriUtils } from 'langium';

/** An inventory file, as it stands on disk now. */
export interface InventoryReading {
    readonly uri: URI;
    /** Undefined where it cannot be read or has errors. */
    readonly inventory: Inventory | undefined;
    readonly findings: readonly Finding[];
    /** Why it cannot be used, in words. */
    readonly problem: string | undefined;
}

/** Where the inventory of a policy stands: what the policy names, from its folder; else the setting, from the workspace folder. */
export function locateInventory(
    policy: URI,
    named: string | undefined,
    setting: string | undefined,
    folder: URI | undefined,
): URI | undefined {
    if (named !== undefined && named !== '') return UriUtils.resolvePath(UriUtils.dirname(policy), named);
    if (setting === undefined || setting === '') return undefined;
    return UriUtils.resolvePath(folder ?? UriUtils.dirname(policy), setting);
}

/** Reads inventories. A file is read each time, and parsed only when its text is not that of the last time. */
export class InventoryStore {
    readonly #files: Pick<FileSystemProvider, 'readFile'>;
    readonly #readings = new Map<string, { readonly text: string; readonly reading: InventoryReading }>();

    constructor(files: Pick<FileSystemProvider, 'readFile'>) {
        this.#files = files;
    }

    async read(uri: URI): Promise<InventoryReading> {
        const key = uri.toString();
        let text: string;
        try {
            text = await this.#files.readFile(uri);
        } catch (error) {
            this.#readings.delete(key);
            return { uri, inventory: undefined, findings: [], problem: whyUnreadable(error) };
        }
        const known = this.#readings.get(key);
        if (known?.text === text) return known.reading;
        const { inventory, findings } = parseInventory(text, key);
        const errors = findings.filter((finding) => finding.severity === 'error').length;
        const problem = inventory === undefined ? `it has ${errors === 1 ? 'an error' : `${errors} errors`}` : undefined;
        const reading = { uri, inventory, findings, problem };
        this.#readings.set(key, { text, reading });
        return reading;
    }
}

function whyUnreadable(error: unknown): string {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') return 'there is no such file';
    if (code === 'EACCES') return 'it may not be read';
    return error instanceof Error ? error.message : String(error);
}
