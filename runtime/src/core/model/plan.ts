/**
 * Plan: who moves where, when, how, with which share of the bandwidth, and why. Content-addressed: `id` is a digest of
 * everything else. It holds only while its assumptions hold.
 */
import type {
    Bytes,
    BytesPerSecond,
    CalendarDays,
    EpochMs,
    Expression,
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
    /** VMs that cannot move and are shut down where they are, since the policy says so: when the moves have ended. Absent: none is. */
    readonly shutdowns?: readonly PlannedShutdown[];
    readonly limits: PlanLimits;
    readonly caps: readonly PlanCap[];
    /** Absent: none. */
    readonly windows?: readonly PlanWindow[];
    /** VMs that start together. Absent: none do. */
    readonly gangs?: readonly PlannedGang[];
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
    /** From the start of the run; after it none of the policy's moves starts. Absent: there is none. */
    readonly deadlineMs?: number;
    /** VMs that were considered and not taken, with the clause. */
    readonly passedOver: readonly { readonly vm: VmName; readonly because: Reason }[];
}

/** Moves that are made ready together, and then sent at the same time. */
export interface PlannedGang {
    readonly name: string;
    readonly moves: readonly string[];
    /** Nobody starts unless all can, and the failure of one returns those that have not switched. */
    readonly allOrNone: boolean;
}

export interface PlannedMove {
    /** Unique in the plan; also the key in journal and events. */
    readonly id: string;
    /** Index into `Plan.instances`. */
    readonly instance: number;
    readonly vm: { readonly uuid: VmUuid; readonly name: VmName };
    readonly source: HostName;
    readonly destination: HostName;
    /** Both hosts run plain QEMU. Absent: they do not. */
    readonly driver?: 'qemu';
    readonly memory: Bytes;
    readonly technique: PlannedTechnique;
    readonly route: MigrationAddress;
    /** Moves that must have ended well before this one starts (room at its destination, order). */
    readonly after: readonly string[];
    readonly gang: string | undefined;
    /** Moves beside which it never runs. Absent: none. */
    readonly neverDuring?: readonly string[];
    /** Moves beside which it does not start, though they may start beside it: they go first. Absent: none. */
    readonly behind?: readonly string[];
    /** It waits for its moment. Absent: it does not. */
    readonly quiet?: QuietMoment;
    /** Where it goes when it has failed for good, if there is such a place. */
    readonly otherDestination?: { readonly destination: HostName; readonly route: MigrationAddress };
    /** The way back to its source, where the policy may have it go home again. */
    readonly home?: MigrationAddress;
    /** It had arrived elsewhere and is on its way back, for this reason. Absent: it is not. */
    readonly homeward?: string;
    readonly persistent: boolean;
    readonly autostart: boolean;
    readonly because: readonly Reason[];
    /** What is run before and after it, in this order. */
    readonly hooks?: readonly PlannedHook[];
    /** What is asked once it has arrived. */
    readonly checks?: readonly PlannedCheck[];
    /** From where it is looked whether the VM answers while it moves. Absent: from nowhere. */
    readonly probe?: PlannedProbe;
    /** The calls that will be made, in order, as a person would want to read them. */
    readonly actions: readonly PlannedAction[];
}

/** Who watches whether a VM answers on the network while it moves. */
export interface PlannedProbe {
    /** A host or probe of the inventory. Undefined: the machine that mig-run runs on. */
    readonly from: string | undefined;
    readonly address: string;
    /** A port that is closed: a refusal is an answer. */
    readonly port: number;
}

/** A command that is run around a move. */
export interface PlannedHook {
    readonly when: 'before' | 'after';
    /** A host or probe of the inventory. Undefined: the machine that mig-run runs on. */
    readonly on: string | undefined;
    /** It is to run on this end of the move, wherever that is in the end. */
    readonly end?: 'source' | 'destination';
    /** Program and arguments; they reach it as they stand here. */
    readonly command: readonly string[];
    readonly withinMs: Milliseconds;
}

/** What is asked of a VM once it has arrived. */
export interface PlannedCheck {
    readonly check:
        | { readonly kind: 'tcp'; readonly address: string; readonly port: number }
        /** The guest's agent, through the hypervisor of the destination. */
        | { readonly kind: 'agent' }
        | { readonly kind: 'command'; readonly command: readonly string[] };
    /** A host or probe of the inventory. Undefined: the machine that mig-run runs on. */
    readonly from: string | undefined;
    /** How long the VM has to answer. */
    readonly withinMs: Milliseconds;
    readonly otherwise: 'report' | 'return-home' | 'halt-plan';
}

/** A move starts only while the condition holds; when that has not been so within the time, its VM stays where it is. */
export interface QuietMoment {
    readonly when: Expression;
    readonly withinMs: number;
}

export interface PlannedTechnique {
    readonly kind: TechniqueKind;
    readonly name: string | undefined;
    readonly options: TechniqueOptions;
    readonly ladder: readonly Rung[];
    /** It was chosen since the VM mostly sends, or mostly receives. Absent: for another reason. */
    readonly byTraffic?: 'sends' | 'receives';
}

export interface PlannedAction {
    readonly on: HostName;
    readonly phase: MovePhase | 'settings' | 'lock' | 'arrival' | 'hook' | 'verify' | 'shutdown';
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

/** A VM that cannot move and is asked to shut down. It is never switched off: one that does not heed it runs on. */
export interface PlannedShutdown {
    readonly instance: number;
    readonly vm: { readonly uuid: VmUuid; readonly name: VmName };
    readonly host: HostName;
    /** How long its guest has for it. */
    readonly withinMs: Milliseconds;
    /** Why it cannot move, and the clause. */
    readonly because: readonly Reason[];
    readonly actions: readonly PlannedAction[];
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
    /** Holds in each direction of a link for itself, as its capacity does. Absent: for both directions together. */
    readonly eachWay?: true;
    /** Not while one of these windows is open (indices into `Plan.windows`): others take its place. */
    readonly replacedIn?: readonly number[];
    readonly because: Reason;
}

/** A time by clock and day in which other caps hold, or at whose end moves in flight are dealt with. */
export interface PlanWindow {
    readonly policy: string;
    readonly schedule: {
        /** Five fields: when it opens. */
        readonly cron: string;
        readonly timeZone: string;
        readonly windowMs: number;
        readonly days?: CalendarDays;
    };
    /** What holds while it is open. */
    readonly caps: readonly PlanCap[];
    /**
     * What becomes of the policy's moves that are sending when it closes: they follow the caps that hold then, are
     * aborted, keep to the caps of the window as well, or share a cap of their own.
     */
    readonly atEnd: { readonly kind: 'finish' | 'abort' | 'keep-caps' } | { readonly kind: 'cap'; readonly rate: BytesPerSecond };
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
