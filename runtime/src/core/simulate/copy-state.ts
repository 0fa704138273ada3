/** A guest's memory as it is copied, as plain data: what is left to send, what has been dirtied, and what has been sent. */
import { bytes, milliseconds, type Bytes, type BytesPerSecond, type Milliseconds, type Ratio } from '@mig/language';
import type { VmDisk } from '../model/snapshot.js';
import { qemuMachine, type CopyMachine } from './machine.js';
import type { ThrottleState } from './throttle.js';

/** Guest pages are 4 KiB on every machine that is supported. */
export const pageSize = bytes(4096);

/** What a guest's memory holds and how it is written. */
export interface GuestMemory {
    readonly size: Bytes;
    /** Share of the memory that is zero when the move starts; such pages cost almost nothing on the wire. */
    readonly zeroShare: Ratio;
    /** How fast clean pages of the hot set become dirty. */
    readonly dirtyRate: BytesPerSecond;
    /** Memory that the writes fall on; what is dirty never exceeds it, however long a round lasts. */
    readonly hotSet: Bytes;
    /** `cyclic` writes the hot set page after page; `random` writes a page that is dirty already as often as any other. */
    readonly pattern: 'cyclic' | 'random';
    /** Writes outside the hot set, spread over the rest of the memory. */
    readonly coldRate: BytesPerSecond;
    /** Its disks, and how fast it writes to them. Absent: none that a technique could take along. */
    readonly disks?: readonly VmDisk[];
    readonly diskWrite?: BytesPerSecond;
    /** Each disk that goes along has a cap of its own (plain QEMU). Absent: all have the least of them (libvirt). */
    readonly ownDiskCaps?: true;
}

/** Disks that go along: mirrored before memory is sent, and kept so until the end. */
export interface DiskMirror {
    readonly total: Bytes;
    readonly left: Bytes;
    /** Of all of them together. */
    readonly cap: BytesPerSecond;
    /** What the guest writes to them, which is sent as well. */
    readonly writes: BytesPerSecond;
}

export interface PrecopyState {
    readonly guest: GuestMemory;
    readonly machine: CopyMachine;
    readonly stage: 'mirroring' | 'copying' | 'stopped' | 'switching' | 'postcopy' | 'sent';
    readonly mirror: DiskMirror | undefined;
    /** The guest stands still at the source, though the copy goes on as if it ran. */
    readonly paused: boolean;
    readonly throttle: ThrottleState | undefined;
    /** One-based: how often the dirty bitmap has been read. */
    readonly iteration: number;
    /** Memory that this round still has to send. */
    readonly remaining: Bytes;
    /** Share of `remaining` that is zero. */
    readonly zeroInRound: number;
    /** Memory of the hot set, and outside it, dirtied since the bitmap was last read. */
    readonly dirtyHot: Bytes;
    readonly dirtyCold: Bytes;
    /** Since the bitmap was last read. */
    readonly roundFor: Milliseconds;
    /** Of the last full round; undefined in the first. */
    readonly seenDirtyRate: BytesPerSecond | undefined;
    readonly downtimeLimit: Milliseconds;
    /** Since the guest was stopped. */
    readonly stoppedFor: Milliseconds;
    /** Devices' state that still has to be sent, and what goes before it at a switch. */
    readonly stateLeft: Bytes;
    /** Pages that the guest had to wait for at the destination, and for how long it did. */
    readonly pageRequests: number;
    readonly faultingFor: Milliseconds;
    /** Stream bytes so far. */
    readonly transferred: Bytes;
    readonly normalBytes: Bytes;
    readonly zeroBytes: Bytes;
}

/** A pre-copy that begins now: the first round holds all memory. */
export function startPrecopy(guest: GuestMemory, downtimeLimit: Milliseconds, machine: CopyMachine = qemuMachine): PrecopyState {
    return {
        guest,
        machine,
        stage: 'copying',
        mirror: undefined,
        paused: false,
        throttle: undefined,
        iteration: 1,
        remaining: guest.size,
        zeroInRound: guest.zeroShare,
        dirtyHot: bytes(0),
        dirtyCold: bytes(0),
        roundFor: milliseconds(0),
        seenDirtyRate: undefined,
        downtimeLimit,
        stoppedFor: milliseconds(0),
        stateLeft: machine.deviceState,
        pageRequests: 0,
        faultingFor: milliseconds(0),
        transferred: bytes(0),
        normalBytes: bytes(0),
        zeroBytes: bytes(0),
    };
}

/** Disks first. The iteration that the memory begins with is told when they are there. */
export const mirrorFirst = (state: PrecopyState, mirror: DiskMirror): PrecopyState =>
    state.stage === 'copying' && mirror.total > 0 ? { ...state, stage: 'mirroring', mirror } : state;

/** The guest is at the source, and may be left there. */
export const isAtSource = ({ stage }: Pick<PrecopyState, 'stage'>): boolean => stage === 'copying' || stage === 'mirroring';

/** The guest is stopped first, and copied then. */
export function startStopAndCopy(guest: GuestMemory, machine: CopyMachine = qemuMachine): PrecopyState {
    return { ...startPrecopy(guest, milliseconds(0), machine), stage: 'stopped' };
}

/** The guest writes no more; the copy goes on by its own rules until little enough is left. */
export const pauseGuest = (state: PrecopyState): PrecopyState =>
    isAtSource(state) ? { ...state, paused: true, throttle: undefined } : state;

/** Another downtime limit, from now on. */
export const withDowntimeLimit = (state: PrecopyState, downtimeLimit: Milliseconds): PrecopyState => ({ ...state, downtimeLimit });

/** The guest's CPUs stand still, as far as the source knows: after the switch the destination lets it run. */
export const standsStill = (state: PrecopyState): boolean => !isAtSource(state) || state.paused;
