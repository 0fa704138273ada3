import type { Compilation, RuleName } from '@mig/language';

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
    /** The rules that were run. They are known where they are: whoever takes a kept policy need not load them. */
    readonly rules: readonly RuleName[];
}
