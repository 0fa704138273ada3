/**
 * Three-valued logic: what was not measured is unknown, and so is what depends on it, unless the rest decides it alone.
 * An unknown says what it is about, so that a plan can name it.
 */
export type Value = number | string | boolean | readonly string[];

export type Outcome<T extends Value = Value> = { readonly known: true; readonly value: T } | Unknown;

export interface Unknown {
    readonly known: false;
    /** What was not known, in words. */
    readonly because: readonly string[];
}

export type Truth = Outcome<boolean>;

export const yes: Truth = { known: true, value: true };
export const no: Truth = { known: true, value: false };

export function known<T extends Value>(value: T): Outcome<T> {
    return { known: true, value };
}

export function unknown(...because: readonly string[]): Unknown {
    return { known: false, because };
}

/** False as soon as one is false; else unknown as soon as one is unknown. */
export function allOf(truths: readonly Truth[]): Truth {
    if (truths.some(isFalse)) return no;
    return unknownsOf(truths) ?? yes;
}

/** True as soon as one is true; else unknown as soon as one is unknown. */
export function anyOf(truths: readonly Truth[]): Truth {
    if (truths.some(isTrue)) return yes;
    return unknownsOf(truths) ?? no;
}

export function notOf(truth: Truth): Truth {
    return truth.known ? known(!truth.value) : truth;
}

export function isTrue(truth: Truth): boolean {
    return truth.known && truth.value;
}

export function isFalse(truth: Truth): boolean {
    return truth.known && !truth.value;
}

/** All that was unknown in any of them, each thing once; undefined when everything is known. */
export function unknownsOf(outcomes: readonly Outcome[]): Unknown | undefined {
    const because = outcomes.flatMap((outcome) => (outcome.known ? [] : outcome.because));
    return because.length === 0 ? undefined : unknown(...new Set(because));
}
