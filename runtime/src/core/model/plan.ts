/**
 * Plan: who moves where, when, how, with which share of the bandwidth, and why. Content-addressed: `id` is a digest of
 * everything else. It holds only while its assumptions hold.
 */
import type {
    Bytes,
    BytesPerSecond,
    EpochMs,
    Milliseconds,
    OnFailure,
    Requirement,
    Rung,
    SourceRange,
    TechniqueKind,
    TechniqueOptions,
} from '@mig/language';
import type { HostName, MigrationAddress } from './inventory.js';
import type { VmName, VmUuid } from './snapshot.js';

export const planVersion = 1;

/** Why something was decided: a sentence, and the clause that asked for it. */
export interface Reason {
    readonly text: string;
    readonly range?: SourceRange;
}

export interface Plan {
    readonly kind: 'mig-plan';
    readonly version: typeof planVersion;
    /** `sha256:…` over the canonical JSON of the rest. */
    readonly id: string;
    readonly madeAt: EpochMs;
    /** Time stamp of the Snapshot that it was made from. */
    readonly snapshotTakenAt: EpochMs;
    /** Program.sources, so that ranges can be shown. */
    readonly sources: readonly { readonly uri: string }[];
    readonly instances: readonly PolicyInstance[];
    /** In the order of start. */
    readonly moves: readonly PlannedMove[];
    /** VMs that a policy wanted to move and could not place, each with what excluded which host. */
    readonly unplaced: readonly Unplaced[];
    readonly limits: PlanLimits;
    readonly caps: readonly PlanCap[];
    readonly assumptions: readonly Assumption[];
    readonly warnings: readonly Reason[];
}

/** A policy that fired, with what it was bound to. */
export interface PolicyInstance {
    readonly policy: string;
    readonly bound: { readonly kind: 'host' | 'vm'; readonly name: string } | undefined;
    readonly priority: number;
    readonly because: readonly Reason[];
    readonly requires: readonly Requirement[];
    readonly onFailure: OnFailure | undefined;
    /** VMs that were considered and not taken, with the clause. */
    readonly passedOver: readonly { readonly vm: VmName; readonly because: Reason }[];
}

export interface PlannedMove {
    /** Unique in the plan; also the key in journal and events. */
    readonly id: string;
    /** Index into `Plan.instances`. */
    readonly instance: number;
    readonly vm: { readonly uuid: VmUuid; readonly name: VmName };
    readonly source: HostName;
    readonly destination: HostName;
    readonly memory: Bytes;
    readonly technique: PlannedTechnique;
    readonly route: MigrationAddress;
    /** Moves that must have ended well before this one starts (room at its destination, order). */
    readonly after: readonly string[];
    readonly gang: string | undefined;
    readonly persistent: boolean;
    readonly autostart: boolean;
    readonly because: readonly Reason[];
    /** The calls that will be made, in order, as a person would want to read them. */
    readonly actions: readonly PlannedAction[];
}

export interface PlannedTechnique {
    readonly kind: TechniqueKind;
    readonly name: string | undefined;
    readonly options: TechniqueOptions;
    readonly ladder: readonly Rung[];
}

export interface PlannedAction {
    readonly on: HostName;
    readonly phase: MovePhase | 'settings' | 'lock' | 'arrival';
    /** `virDomainMigrateBegin3Params` and the like. */
    readonly call: string;
    readonly with: Readonly<Record<string, string | number | boolean | readonly string[]>>;
}

export interface Unplaced {
    readonly instance: number;
    readonly vm: VmName;
    readonly source: HostName;
    /** One reason per candidate host, or one with an empty host for the VM itself. */
    readonly excluded: readonly { readonly host: HostName; readonly because: Reason }[];
}

export interface PlanLimits {
    readonly perHost: number | undefined;
    readonly intoHost: number | undefined;
    readonly outOfHost: number | undefined;
    readonly perLink: number | undefined;
    readonly inAll: number | undefined;
    /** What each host's daemon allows (safety margin below its workers). */
    readonly workers: Readonly<Record<HostName, number>>;
}

export interface PlanCap {
    readonly scope: 'total' | 'link' | 'host' | 'vm';
    /** Undefined: of every link, host or VM. `a/network` for links. */
    readonly of: string | undefined;
    readonly rate: BytesPerSecond;
    readonly kind: 'cap' | 'floor';
    readonly because: Reason;
}

/** What must still be so when the plan is carried out. */
export type Assumption =
    | { readonly kind: 'vm-on-host'; readonly vm: VmUuid; readonly name: VmName; readonly host: HostName }
    | { readonly kind: 'vm-memory'; readonly vm: VmUuid; readonly name: VmName; readonly memory: Bytes }
    | { readonly kind: 'vm-state'; readonly vm: VmUuid; readonly name: VmName; readonly state: string }
    | { readonly kind: 'host-boot'; readonly host: HostName; readonly bootId: string }
    | { readonly kind: 'host-maintenance'; readonly host: HostName; readonly maintenance: boolean }
    | { readonly kind: 'host-memory'; readonly host: HostName; readonly atLeastFree: Bytes };

/** Phases of the client-managed protocol v3, and what stands around them. */
export type MovePhase = 'begin' | 'prepare' | 'perform' | 'finish' | 'confirm';

/** How long one phase may take before it counts as failed. `perform` is bounded by the policy. */
export type PhaseBounds = Readonly<Record<MovePhase, Milliseconds>>;
