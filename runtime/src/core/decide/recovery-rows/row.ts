import type { Condition, FinishRecord, RecoveryDecision } from '../recovery.js';

/** The first row that fits decides. `any` stands for every value. */
export interface RecoveryRow extends Omit<RecoveryDecision, 'row'> {
    readonly id: string;
    readonly finish: 'any' | readonly FinishRecord[];
    readonly source: 'any' | readonly Condition[];
    readonly destination: 'any' | readonly Condition[];
    readonly unguardedDisks?: boolean;
    /** Whether a post-copy that broke may be taken up again by these hosts. */
    readonly takesUp?: boolean;
}
