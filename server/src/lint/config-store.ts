import type { RuleName } from '@mig/language';
import { configFileName, parseConfig, type ParsedConfig } from '@mig/runtime/core';
import { type FileSystemProvider, type URI, UriUtils } from 'langium';

/** A configuration file, as it stands on disk now. */
export interface ConfigReading extends ParsedConfig {
    readonly uri: URI;
}

/** Finds and reads mig.config.yaml. It is read each time, and parsed only when its text is not that of the last time. */
export class ConfigStore {
    readonly #files: Pick<FileSystemProvider, 'readFile'>;
    readonly #rules: readonly RuleName[];
    readonly #readings = new Map<string, { readonly text: string; readonly reading: ConfigReading }>();

    constructor(files: Pick<FileSystemProvider, 'readFile'>, rules: readonly RuleName[]) {
        this.#files = files;
        this.#rules = rules;
    }

    /** The nearest one, from a policy's directory upwards. */
    async of(policy: URI): Promise<ConfigReading | undefined> {
        const places = directoriesAbove(policy).map((directory) => UriUtils.joinPath(directory, configFileName));
        // All at once: a keystroke should not wait for one after the other.
        const texts = await Promise.all(places.map((uri) => this.#textOf(uri)));
        const nearest = texts.findIndex((text) => text !== undefined);
        const [uri, text] = [places[nearest], texts[nearest]];
        return uri && text !== undefined ? this.#read(uri, text) : undefined;
    }

    /** One that cannot be read is none; `mig-run check` says so. */
    async #textOf(uri: URI): Promise<string | undefined> {
        try {
            return await this.#files.readFile(uri);
        } catch {
            return undefined;
        }
    }

    #read(uri: URI, text: string): ConfigReading {
        const key = uri.toString();
        const known = this.#readings.get(key);
        if (known?.text === text) return known.reading;
        const reading = { uri, ...parseConfig(text, this.#rules) };
        this.#readings.set(key, { text, reading });
        return reading;
    }
}

function directoriesAbove(policy: URI): readonly URI[] {
    const directories = [UriUtils.dirname(policy)];
    for (const directory of directories) {
        const above = UriUtils.dirname(directory);
        if (above.path !== directory.path) directories.push(above);
    }
    return directories;
}
