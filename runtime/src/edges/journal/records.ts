import type { EpochMs } from '@mig/language';
import type { FinishRecord, HostName, MoveFailure, MoveId, MovePhase, Plan } from '../../core/index.js';
import type { Owner } from './owner.js';

/** A run as the journal has it. */
export interface RunRecord {
    readonly id: string;
    readonly startedAt: EpochMs;
    readonly endedAt: EpochMs | undefined;
    readonly outcome: RunOutcome | undefined;
    readonly simulated: boolean;
    /** user@machine. */
    readonly controller: string;
    readonly owner: Owner;
    readonly plan: Plan;
    /** In the order of the plan. */
    readonly moves: readonly MoveRecord[];
}

export type RunOutcome = 'complete' | 'incomplete' | 'stopped';
export type MoveOutcome = 'moved' | 'failed' | 'aborted' | 'skipped' | 'held';

export interface MoveRecord {
    readonly id: MoveId;
    readonly state: 'waiting' | 'running' | 'ended';
    readonly attempt: number;
    /** The last phase that was entered in this attempt. */
    readonly phase: JournaledPhase | undefined;
    readonly finish: FinishRecord;
    /** Rises with each attempt: goes into the mark on the VM. */
    readonly epoch: number;
    /** Boot ids of the hosts when the attempt began. */
    readonly sourceBoot: string | undefined;
    readonly destinationBoot: string | undefined;
    readonly outcome: MoveOutcome | undefined;
    readonly vmOn: HostName | undefined;
    readonly error: MoveFailure | undefined;
}

/** `claim`: lock and mark at the source. `arrival`: what is done after confirm. */
export type JournaledPhase = 'claim' | MovePhase | 'arrival';

/** What is written for a move, and when: each is on disk before what it announces is done. `switch`: to post-copy. `take-up`: of one that broke. */
export type PhaseMark =
    | JournaledPhase
    | 'switch'
    | 'take-up'
    | 'finish-sent'
    | 'finish-started'
    | 'finish-not-started'
    | 'finish-refused'
    | 'finish-cancelled';

/** Asked of a run from outside: `stop` starts nothing more, `cancel` also stops what is still safe to stop. */
export type Ask = 'stop' | 'cancel';

export interface AbortRequest {
    readonly seq: number;
    readonly ask: Ask;
    readonly by: string;
    readonly at: EpochMs;
}

export interface MoveEnd {
    readonly outcome: MoveOutcome;
    readonly vmOn: HostName | undefined;
    readonly error: MoveFailure | undefined;
}
