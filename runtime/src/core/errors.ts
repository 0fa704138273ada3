/**
 * Errors that a person can act on. Recognised by a brand, not by class identity, so that they survive bundling and
 * more than one copy of this module.
 */
import type { SourceRange } from '@mig/language';

const brand = Symbol.for('mig.error');

export interface MigrationErrorOptions extends ErrorOptions {
    /** What to do about it. */
    readonly hint?: string | undefined;
    readonly where?: ErrorPlace | undefined;
}

/** Where it happened, as far as known. */
export interface ErrorPlace {
    readonly host?: string;
    readonly vm?: string;
    readonly file?: string;
    /** One-based. */
    readonly line?: number;
    readonly column?: number;
    readonly range?: SourceRange;
}

/** The message says what happened, to which VM or host or file; `hint` says what to do; `code` is stable. */
export class MigrationError<Code extends string = string> extends Error {
    readonly [brand] = true;
    readonly code: Code;
    readonly hint: string | undefined;
    readonly where: ErrorPlace | undefined;

    constructor(code: Code, message: string, options: MigrationErrorOptions = {}) {
        super(message, options.cause === undefined ? undefined : { cause: options.cause });
        this.name = 'MigrationError';
        this.code = code;
        this.hint = options.hint;
        this.where = options.where;
    }
}

export function isMigrationError(error: unknown): error is MigrationError {
    return typeof error === 'object' && error !== null && brand in error;
}
