/**
 * The port that every hypervisor driver serves: `libvirt`, `qemu`, `simulated`.
 *
 * A move is the client-managed protocol v3, phase by phase, driven by the executor:
 *
 *   Departure (at the source, A)          Arrival (at the destination, B)
 *     begin  ── cookie, xml ──────────────▶ prepare ── cookie, uri ──┐
 *     perform ◀──────────────────────────────────────────────────────┘
 *     (returns when memory has been sent)  ▶ finish(cancelled)   B starts the guest, or removes its copy
 *     confirm(cancelled) ◀────────────────  A removes its copy, or resumes it
 *
 * Departure and Arrival each own a connection of their own for the length of the move, because perform and finish block.
 * Calls on a Departure other than perform go over the host's control connection.
 * Every call takes an AbortSignal; aborting a call abandons the wait, it does not undo what the host does
 * (use `Departure.cancel`). Errors are `HypervisorError`s.
 */
import type { Bytes, BytesPerSecond, Milliseconds, Ratio } from '@mig/language';
import type {
    CpuVerdict,
    HostState,
    ImageSight,
    InventoryHost,
    JobSummary,
    MoveTechnique,
    Progress,
    SettingFigure,
    SettingRead,
    VmState,
    VmUuid,
} from '../../core/index.js';
import type { LinkCounters } from './link-counters.js';

export interface HostSession extends AsyncDisposable {
    readonly host: InventoryHost;

    /** Reads what is asked for; what cannot be had is undefined and named in `unknown`. Never takes longer than `needs.windowMs` plus some calls. */
    observe(needs: ObservationNeeds, signal: AbortSignal): Promise<HostObservation>;

    /** Whether this host's hypervisor can run the live CPU of these VMs of other hosts. `cpuXml` comes from `HostObservation.cpus`. */
    compareCpus(
        vms: readonly { readonly uuid: VmUuid; readonly machine: string; readonly cpuXml: string }[],
        signal: AbortSignal,
    ): Promise<readonly CpuVerdict[]>;

    /** What stands where images of disks of other hosts would go; absent where the driver copies none. */
    images?(paths: readonly string[], signal: AbortSignal): Promise<readonly ImageSight[]>;

    /** What this host knows of a VM right now. Recovery rests on it, so it always asks (safety.md rule 2). */
    presence(vm: VmUuid, signal: AbortSignal): Promise<Presence>;

    departure(vm: VmUuid, signal: AbortSignal): Promise<Departure>;
    arrival(vm: VmUuid, signal: AbortSignal): Promise<Arrival>;

    /** Takes the lock of a VM on this host for a run; held until disposed or the process or host connection dies (safety.md rule 5). */
    lock(vm: VmUuid, owner: LockOwner, signal: AbortSignal): Promise<VmLock>;

    /** Definition as it stands (inactive XML where persistent, else live). */
    definition(vm: VmUuid, signal: AbortSignal): Promise<string>;
    setAutostart(vm: VmUuid, on: boolean, signal: AbortSignal): Promise<void>;
    /** Marks of a run in the domain's metadata (live and persistent): run id, epoch; undefined removes them. */
    markMover(vm: VmUuid, mark: { readonly run: string; readonly epoch: number } | undefined, signal: AbortSignal): Promise<void>;
    define(xml: string, signal: AbortSignal): Promise<void>;
    /** Removes a persistent definition; the running guest, if any, stays. Keeps NVRAM and TPM state. */
    undefine(vm: VmUuid, signal: AbortSignal): Promise<void>;
    /** Lets a paused guest run on. Only recovery decides this. */
    resumeGuest(vm: VmUuid, signal: AbortSignal): Promise<void>;
    /** Asks a guest to shut down, as its power button does; returns at once, whatever the guest makes of it. */
    shutDownGuest(vm: VmUuid, signal: AbortSignal): Promise<void>;
    /** Ends a copy of a guest. Only recovery decides this. */
    destroyGuest(vm: VmUuid, signal: AbortSignal): Promise<void>;
    /**
     * Clears away what a copy that never ran has left here beside its process, which is gone; absent where nothing can be
     * left. Only recovery decides this, under the VM's lock.
     */
    clearLeft?(vm: VmUuid, signal: AbortSignal): Promise<void>;

    /** Settles when the guest's agent answers; absent where the driver cannot ask it. */
    pingAgent?(vm: VmUuid, signal: AbortSignal): Promise<void>;
    /** CPU time that the VM's hypervisor process has used beside the guest's CPUs; undefined where it cannot be read. */
    emulatorCpu?(vm: VmUuid, signal: AbortSignal): Promise<Milliseconds | undefined>;
    /** Counters of the host's interface that has this address; undefined where they cannot be read. */
    linkCounters?(address: string, signal: AbortSignal): Promise<LinkCounters | undefined>;

    /** Settles when the connection to the host is lost, with the reason. */
    readonly lost: Promise<HostLost>;
}

export interface HostLost {
    readonly why: string;
}

export interface LockOwner {
    readonly run: string;
    /** user@machine of the controller. */
    readonly controller: string;
}

export interface VmLock extends AsyncDisposable {
    /** Settles if the lock is lost while held (the host's connection broke). */
    readonly lost: Promise<void>;
}

export interface ObservationNeeds {
    /** Which costly figures are wanted (language/src/catalogue/attributes.ts, `Cost`). */
    readonly statistics: boolean;
    readonly twoSamples: boolean;
    readonly dirtyRate: boolean;
    /** Sizes of disks that may have to be copied. */
    readonly storage?: true;
    /** Only of these VMs: sampling disturbs a migration that begins meanwhile. Absent: of all. */
    readonly dirtyRateOf?: readonly VmUuid[];
    /** Length of the sampling window, where one is needed. */
    readonly windowMs: Milliseconds;
}

export interface HostObservation {
    readonly host: HostState;
    readonly vms: readonly VmState[];
    /** Live CPU definition by VM, for `compareCpus` elsewhere; absent where the driver has none. */
    readonly cpus: Readonly<Record<VmUuid, { readonly machine: string; readonly cpuXml: string }>>;
    readonly unknown: readonly { readonly about: string; readonly why: string }[];
}

/**
 * `reason` distinguishes what recovery must know (libvirt's state reasons in words). `received`: paused with what it has
 * received, and nobody has told it to run the guest; a hypervisor that keeps such a copy until it is told says so.
 */
export type Presence =
    | { readonly kind: 'absent'; readonly bootId: string }
    | {
          readonly kind: 'present';
          readonly bootId: string;
          readonly state: 'running' | 'paused' | 'shut off' | 'other';
          readonly reason: 'migration' | 'migrated' | 'received' | 'postcopy' | 'postcopy-failed' | 'user' | 'starting-up' | 'other';
          readonly persistent: boolean;
          /** A migration job that is active on it. `unattended`: one that goes on whether or not the client that began it lives. */
          readonly job: 'outgoing' | 'unattended' | 'incoming' | 'none' | 'other';
          /** Mark of the run that moves it, from metadata. */
          readonly mover: { readonly run: string; readonly epoch: number } | undefined;
      };

export interface MoveParameters {
    /** What the source's hypervisor connects to, such as `tcp:10.0.0.2`; the destination adds a port unless one is given. */
    readonly migrateUri: string;
    readonly listenAddress: string;
    readonly downtimeLimit: Milliseconds | undefined;
    /** The persistent definition travels, and is removed at the source at confirm. */
    readonly persistent: boolean;
    /** libvirt's UNSAFE: only where the policy says so in words. */
    readonly unsafe: boolean;
    readonly technique: MoveTechnique;
    /** A post-copy that broke is taken up again (`recoverPostcopy`): pages that are not there yet are sent by a new migration. */
    readonly resume?: true;
}

/** A setting of a migration, as the hypervisor counts it (core/model/settings.ts). Undefined: unlimited, or not read. */
export type MoveSetting = (
    | SettingRead
    | { readonly setting: SettingFigure; readonly asked: undefined; readonly got: number | undefined }
) & {
    /** Why it could not be read. */
    readonly unread?: string;
};

/** Opaque to us: handed from phase to phase. */
export type Cookie = Uint8Array;

export interface Departure extends AsyncDisposable {
    begin(parameters: MoveParameters, signal: AbortSignal): Promise<Begun>;
    /** Sends the guest; returns when the source has done its part and its guest is stopped. */
    perform(parameters: MoveParameters, prepared: Prepared, signal: AbortSignal): Promise<{ readonly cookie: Cookie }>;
    /** `cancelled`: the source's guest runs on. Not cancelled: the source's copy is removed (safety.md rule 4). */
    confirm(parameters: MoveParameters, cookie: Cookie, cancelled: boolean, signal: AbortSignal): Promise<void>;

    /** Asks the running migration to stop; perform then fails with code `cancelled`. */
    cancel(signal: AbortSignal): Promise<void>;
    progress(signal: AbortSignal): Promise<Progress | undefined>;
    /**
     * What the source's host holds for the guest and its hypervisor: of the guest's memory no more than this was ever
     * touched. Undefined where it is not told; absent where the driver cannot ask.
     */
    memoryHeld?(signal: AbortSignal): Promise<Bytes | undefined>;
    /** Sets the cap of the running (or coming) migration and reads it back. */
    setBandwidth(rate: BytesPerSecond | undefined, signal: AbortSignal): Promise<{ readonly got: BytesPerSecond | undefined }>;
    /** Only while perform runs. */
    setDowntimeLimit(limit: Milliseconds, signal: AbortSignal): Promise<{ readonly got: Milliseconds | undefined }>;
    /**
     * Switches the migration that sends to post-copy, which it has been prepared for. It has switched when the events say
     * `postcopy-active`; from then on nothing may cancel or abort it (safety.md rule 3).
     */
    startPostcopy(signal: AbortSignal): Promise<void>;
    /** The cap of the pages that are sent after the switch, which is a setting of its own. */
    setPostcopyBandwidth(rate: BytesPerSecond | undefined, signal: AbortSignal): Promise<{ readonly got: BytesPerSecond | undefined }>;
    /**
     * Takes a share of its time from the guest while it is sent, and more step by step where that does not help.
     * Errors: `feature-missing` where the hypervisor takes no such order while it sends.
     */
    throttleGuest(
        throttle: { readonly initial: Ratio; readonly step: Ratio | undefined; readonly max: Ratio | undefined },
        signal: AbortSignal,
    ): Promise<void>;
    /** Stops the guest while it is sent, so that nothing more gets dirty; it runs on at the destination. */
    pauseGuest(signal: AbortSignal): Promise<void>;

    /**
     * Reads back every setting that was asked for. Absent where the driver reads none. Once the migration is active these are
     * the hypervisor's own, after perform only what is stored. The destination has none that it could be asked for: its
     * hypervisor is held by the migration until the guest runs, and where the two ends are set unlike the stream is not
     * understood there and the move fails.
     */
    settings?(signal: AbortSignal): Promise<readonly MoveSetting[]>;

    /** Facts from the source as they happen; ends when disposed. Register before begin: nothing earlier is told. */
    readonly events: AsyncIterable<DepartureEvent>;
}

export interface Begun {
    readonly cookie: Cookie;
    readonly xml: string;
    /** The guest is paused, and stays so at the destination; then `started` of finish says that it is there. */
    readonly paused?: boolean;
}

export interface Prepared {
    readonly cookie: Cookie;
    /** What the destination says it listens on; undefined: as asked. */
    readonly uri: string | undefined;
    readonly xml: string;
}

export interface Arrival extends AsyncDisposable {
    prepare(parameters: MoveParameters, begun: Begun, signal: AbortSignal): Promise<Prepared>;
    /**
     * Not cancelled: starts the guest here; `started` says whether it runs. Cancelled: removes the copy; a refusal is the expected answer.
     * A refusal that only says that the copy is gone returns with `started` false; one with a reason of its own is thrown.
     * An error *reply* has code `not-started` where the host says that the guest was not started; a lost connection has `host-lost`.
     */
    finish(
        parameters: MoveParameters,
        cookie: Cookie,
        cancelled: boolean,
        signal: AbortSignal,
    ): Promise<{ readonly cookie: Cookie; readonly started: boolean }>;
    /** Returns where a post-copy that broke can be taken up again here; absent: it can. Throws `feature-missing`; nothing is touched. */
    checkResume?(): void;
    readonly events: AsyncIterable<ArrivalEvent>;
}

/** `at` is the time of the event on the host's own clock where it says one, else when we heard of it. */
export type DepartureEvent = { readonly at: number } & (
    | { readonly type: 'iteration'; readonly iteration: number }
    /** In QEMU's words: `active`, `postcopy-active`, `completed`, `failed` … */
    | { readonly type: 'migration-status'; readonly status: string }
    | { readonly type: 'guest-stopped' }
    | { readonly type: 'guest-resumed' }
    | { readonly type: 'job-completed'; readonly summary: JobSummary }
);

export type ArrivalEvent = { readonly at: number } & (
    | { readonly type: 'guest-resumed' }
    | { readonly type: 'guest-stopped' }
    | { readonly type: 'migration-status'; readonly status: string }
);

/** How an edge opens sessions; the executor and the observer are given one of these. */
export interface Hypervisors {
    session(host: InventoryHost, signal: AbortSignal): Promise<HostSession>;
}
