import type { SourceRange } from './program.js';

export type Severity = 'error' | 'warning' | 'info';

/** Something that a check found. The same findings are shown by the editor and by `mig-run check`. */
export interface Finding {
    /** Stable: MIG001, MIG101, … */
    readonly id: string;
    readonly severity: Severity;
    /** What is wrong, in the user's words. */
    readonly message: string;
    /** How to mend it. */
    readonly hint: string | undefined;
    readonly range: SourceRange;
    readonly fixes: readonly Fix[];
}

export interface Fix {
    readonly title: string;
    /** Likely, and no more: a person chooses it in the editor, and it is never made together with all others. */
    readonly asks?: true;
    readonly edits: readonly { readonly range: SourceRange; readonly newText: string }[];
}
