/** What many rows say alike. */

export const before = ['not-sent'] as const;
/** An error reply that the guest was not started: the destination's copy is not the VM here either. */
export const neverStarted = ['not-sent', 'not-started'] as const;
export const mayHaveStarted = ['sent', 'refused'] as const;
/** The destination answered and has no QEMU process of this VM that could run it. */
export const gone = ['absent', 'rebooted', 'shut-off', 'fenced'] as const;

export const settled = { verdict: 'settled', alarm: false } as const;
export const askAgain = { verdict: 'ask-again', steps: [], alarm: false } as const;
export const hold = { verdict: 'hold', steps: [], alarm: true, vmAt: undefined } as const;
