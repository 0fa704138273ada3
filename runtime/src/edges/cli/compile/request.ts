import type { Compilation } from '@mig/language';

export interface CompileRequest {
    readonly uri: string;
    readonly text: string;
    /** Values of params, as given by `--set name=value`. */
    readonly set: Readonly<Record<string, string>>;
    readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface Compiled extends Compilation {
    /** By URI, of every file that was read. */
    readonly texts: ReadonlyMap<string, string>;
}
