/**
 * Events: one stream of typed facts. Executor and simulator emit the same ones; progress display, report, journal and
 * metrics read nothing else. Times are milliseconds since the epoch in a run, and virtual in a simulation.
 */
import type { Bytes, BytesPerSecond, EpochMs, Milliseconds, Ratio } from '@mig/language';
import type { HostName } from './inventory.js';
import type { MovePhase, Plan, PlannedCheck, PlannedHook } from './plan.js';
import type { SettingRead } from './settings.js';
import type { VmName } from './snapshot.js';

export const eventsVersion = 1;

export type MoveId = string;

interface At {
    readonly at: EpochMs;
}
interface OfMove extends At {
    readonly move: MoveId;
}

export type MigrationEvent = RunEvent | MoveEvent;

export type RunEvent =
    /** The first event of a run: `version` says how to read those that follow. */
    | (At & {
          readonly type: 'run-started';
          readonly version: typeof eventsVersion;
          readonly run: string;
          readonly plan: Plan;
          readonly simulated: boolean;
      })
    | (At & { readonly type: 'run-stopping'; readonly why: 'interrupted' | 'aborted' | 'plan-halted'; readonly detail: string })
    | (At & { readonly type: 'run-ended'; readonly outcome: 'complete' | 'incomplete' | 'stopped' })
    /** What a host's link counted while moves went over it, whatever it carried; headers of every layer included. */
    | (At & {
          readonly type: 'link-counted';
          readonly host: HostName;
          readonly network: string;
          readonly sent: Bytes;
          readonly received: Bytes;
          readonly since: EpochMs;
      })
    /** A VM that cannot move is about to be asked to shut down; `shutdown-ended` says what became of it. */
    | (At & { readonly type: 'shutdown-started'; readonly vm: VmName; readonly host: HostName })
    | (At & {
          readonly type: 'shutdown-ended';
          readonly vm: VmName;
          readonly host: HostName;
          /** `off`: its host says that it does not run. `skipped`: it was not asked. */
          readonly outcome: 'off' | 'failed' | 'skipped';
          readonly tookMs: Milliseconds;
          readonly error: MoveFailure | undefined;
      })
    | (At & { readonly type: 'host-lost'; readonly host: HostName; readonly why: string })
    | (At & { readonly type: 'host-back'; readonly host: HostName })
    | (At & {
          readonly type: 'note';
          readonly level: 'info' | 'warning' | 'alarm';
          readonly move: MoveId | undefined;
          readonly text: string;
      });

export type MoveEvent =
    | (OfMove & { readonly type: 'move-queued'; readonly because: string })
    /** It has failed where it was to go, and goes to another host instead. */
    | (OfMove & { readonly type: 'move-redirected'; readonly destination: HostName; readonly because: string })
    /** It has arrived, is not to stay, and goes back to where it came from: another `move-ended` tells how that ended. */
    | (OfMove & { readonly type: 'move-returning'; readonly from: HostName; readonly home: HostName; readonly because: string })
    | (OfMove & { readonly type: 'move-started'; readonly attempt: number })
    | (OfMove & { readonly type: 'phase-entered'; readonly phase: MovePhase })
    | (OfMove & {
          readonly type: 'phase-ended';
          readonly phase: MovePhase;
          readonly tookMs: Milliseconds;
          readonly error: string | undefined;
      })
    /** A cap, a limit or an option was asked for, and what the hypervisor says it is now. */
    | (OfMove & {
          readonly type: 'setting-applied';
          readonly on: HostName;
          readonly agrees: boolean;
      } & SettingRead)
    | (OfMove & { readonly type: 'iteration'; readonly iteration: number; readonly remaining: Bytes | undefined })
    | (OfMove & { readonly type: 'progress' } & Progress)
    | (OfMove & { readonly type: 'rung-fired'; readonly rung: number; readonly action: string; readonly because: string })
    | (OfMove & { readonly type: 'guest-stopped'; readonly on: HostName })
    | (OfMove & { readonly type: 'guest-resumed'; readonly on: HostName })
    /** The source has switched to post-copy: from now on nothing cancels the move. */
    | (OfMove & { readonly type: 'postcopy-started' })
    | (OfMove & { readonly type: 'job-completed' } & JobSummary)
    /** A command of the policy is about to be run; `hook-ended` says what became of it. */
    | (OfMove & { readonly type: 'hook-started'; readonly hook: PlannedHook })
    | (OfMove & { readonly type: 'hook-ended'; readonly hook: PlannedHook } & Ran)
    /** Whether the VM that has arrived answers. */
    | (OfMove & { readonly type: 'verified'; readonly check: PlannedCheck } & Ran)
    /** How long the VM did not answer on the network. */
    | (OfMove & { readonly type: 'blackout'; readonly from: string | undefined } & Blackout)
    /** What sending and receiving cost. */
    | (OfMove & {
          readonly type: 'effort';
          readonly on: HostName;
          readonly side: 'source' | 'destination';
          /** CPU time of the hypervisor's process beside that of the guest's CPUs. */
          readonly cpuMs: Milliseconds;
      })
    | (OfMove & { readonly type: 'arrived'; readonly carried: readonly string[] })
    | (OfMove & {
          readonly type: 'move-ended';
          readonly outcome: 'moved' | 'failed' | 'aborted' | 'skipped' | 'held';
          /** Where the VM is now, as far as both hosts say. Undefined: unknown. */
          readonly vmOn: HostName | undefined;
          readonly error: MoveFailure | undefined;
      });

/** What became of something that was run for a move. */
export interface Ran {
    readonly outcome: 'ok' | 'failed';
    readonly tookMs: Milliseconds;
    /** Why not, in words. */
    readonly detail: string | undefined;
    /** The last that it wrote, bounded. */
    readonly output: string | undefined;
}

/** What a probe saw, or why it saw nothing. */
export interface Blackout {
    /** The longest time between two answers. Undefined: not seen, and `detail` says why. */
    readonly blackoutMs: Milliseconds | undefined;
    /** It has not answered since: it may be longer. */
    readonly goesOn?: true;
    /** In simulations: nobody was asked, and it is what the model expects. */
    readonly modelled?: true;
    readonly detail: string | undefined;
}

export interface Progress {
    /** Of memory. */
    readonly total: Bytes;
    readonly remaining: Bytes;
    /** Of memory and disks. */
    readonly transferred: Bytes;
    readonly rate: BytesPerSecond | undefined;
    readonly dirtyRate: BytesPerSecond | undefined;
    readonly iteration: number;
    readonly throttle: Ratio | undefined;
    /** The cap that is in force. */
    readonly cap: BytesPerSecond | undefined;
    readonly eta: Milliseconds | undefined;
    /** Pages that the guest has asked for before they were sent. Absent: not in post-copy, or not told. */
    readonly postcopyRequests?: number;
    /** Disks that are mirrored: first, and what is written to them meanwhile until the end. Absent: none is. */
    readonly disks?: {
        readonly total: Bytes;
        readonly remaining: Bytes;
        /** Of what was transferred; what is empty counts where the hypervisor counts it. Absent: not told. */
        readonly sent?: Bytes;
    };
}

export interface JobSummary {
    /** From the source's statistics: set-up to completion. */
    readonly totalMs: Milliseconds;
    /** The guest's CPUs stood still for this long, as the hypervisors say (clock offset not taken off). */
    readonly downtimeMs: Milliseconds | undefined;
    readonly transferred: Bytes;
    readonly iterations: number;
    readonly normalPages: number | undefined;
    readonly zeroPages: number | undefined;
    /** As in Progress, at the end. */
    readonly postcopyRequests?: number;
}

export interface MoveFailure {
    readonly code: string;
    readonly message: string;
    readonly hint: string | undefined;
}
