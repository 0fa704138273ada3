/** Waits for `work` or for the signal, whichever comes first. The work itself is not undone; `whenLate` gets its late result. */
export function abortable<T>(work: Promise<T>, signal: AbortSignal, whenLate?: (late: T) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
        let settled = false;
        const onAbort = (): void => {
            settled = true;
            reject(asError(signal.reason));
        };
        if (signal.aborted) onAbort();
        else signal.addEventListener('abort', onAbort, { once: true });
        work.then(
            (value) => {
                signal.removeEventListener('abort', onAbort);
                if (settled) whenLate?.(value);
                else resolve(value);
            },
            (error: unknown) => {
                signal.removeEventListener('abort', onAbort);
                if (!settled) reject(asError(error));
            },
        );
    });
}

/** Whatever was thrown, as an Error. */
export function asError(thrown: unknown): Error {
    return thrown instanceof Error ? thrown : new Error(String(thrown));
}
