/**
 * Snapshot: what was true of hosts and VMs at one time. Observed live, recorded to a file, or written in a scenario.
 * What was not measured is undefined, and evaluates to unknown.
 */
import type { Bytes, BytesPerSecond, EpochMs, Milliseconds, Ratio } from '@mig/language';
import type { HostName, HostProvisions, MigrationAddress, Tags } from './inventory.js';

export const snapshotVersion = 1;

export type VmUuid = string;
export type VmName = string;

export interface Snapshot {
    readonly kind: 'mig-snapshot';
    readonly version: typeof snapshotVersion;
    readonly takenAt: EpochMs;
    /** IANA name. */
    readonly timeZone: string;
    readonly hosts: readonly HostState[];
    readonly vms: readonly VmState[];
    /** Pairs of VM and host that were asked about. */
    readonly compatibility: readonly CpuVerdict[];
    /** Absent: nobody asked. */
    readonly images?: readonly ImageSight[];
    /** Earlier values of what the program reads, for `for 5 min`; oldest first. Key: `host:a:memory.used`, `vm:UUID:dirty_rate`. */
    readonly history: Readonly<Record<string, readonly Sample[]>>;
    /** What each policy did before: for cooldown and release. */
    readonly policies: readonly PolicyState[];
    /** Hosts and figures that could not be had, in words: the plan names them. */
    readonly unknown: readonly { readonly about: string; readonly why: string }[];
}

export interface Sample {
    readonly at: EpochMs;
    readonly value: number | string | boolean;
}

export interface PolicyState {
    readonly policy: string;
    /** The host or VM of the instance. */
    readonly bound: string | undefined;
    readonly lastFired: EpochMs | undefined;
    /** Fired and not yet released by its `until`. */
    readonly holding: boolean;
}

export interface HostState {
    readonly name: HostName;
    readonly driver: 'libvirt' | 'qemu' | 'simulated';
    /** Undefined where the host answered; otherwise why it did not. */
    readonly unreachable: string | undefined;
    readonly uuid: string;
    /** Changes with each boot of the host. */
    readonly bootId: string;
    readonly zone: string | undefined;
    readonly rack: string | undefined;
    readonly tags: Tags;
    readonly maintenance: boolean;
    readonly failing: boolean | undefined;
    readonly versions: { readonly libvirt: string | undefined; readonly qemu: string | undefined };
    readonly cpus: number;
    readonly cpuUsed: Ratio | undefined;
    readonly memory: Bytes;
    readonly memoryFree: Bytes;
    readonly networks: readonly string[];
    readonly migration: MigrationAddress | undefined;
    readonly links: readonly { readonly network: string; readonly capacity: BytesPerSecond | undefined }[];
    readonly monitor: 'allow' | 'deny';
    /** Migrations (in and out) that the daemon's workers allow at once, each holding one. */
    readonly workers: number;
    /** Milliseconds that the host's clock is ahead of ours, and how sure that is. */
    readonly clockOffset: { readonly ms: Milliseconds; readonly uncertaintyMs: Milliseconds } | undefined;
    /** As seen, else as the inventory states. */
    readonly provides?: HostProvisions;
    /** The command by which its hypervisor is reached, where the SSH server does not lead to its socket. */
    readonly reachedBy?: 'virt-ssh-helper' | 'nc';
}

export interface VmState {
    readonly uuid: VmUuid;
    readonly name: VmName;
    readonly host: HostName;
    readonly state: 'running' | 'paused' | 'blocked' | 'shut off' | 'crashed' | 'suspended' | 'shutting down';
    readonly persistent: boolean;
    readonly autostart: boolean;
    readonly memory: Bytes;
    readonly maxMemory: Bytes;
    /** The most that its QEMU may take of its host's memory (`memtune/hard_limit`). Absent: not known. */
    readonly memoryHardLimit?: Bytes | 'none';
    /** Its memory is in huge pages, of the host's usual size where none is said. Absent: it is not, or it is not known. */
    readonly hugepages?: { readonly pageSize: Bytes | undefined };
    /** KVM tells what it writes by a ring of pages (`features/kvm/dirty-ring`). Absent: not known. */
    readonly dirtyRing?: boolean;
    readonly vcpus: number;
    readonly tags: Tags;
    readonly machine: string;
    readonly disks: readonly VmDisk[];
    readonly networks: readonly string[];
    /** Devices of the host that are passed through, in words. */
    readonly passthrough: readonly string[];
    readonly hasSnapshots: boolean;
    /** A job that is running on it (backup, migration), in words. */
    readonly activeJob: string | undefined;
    /** What else stands against moving it, in words, each with its cure. */
    readonly blockers: readonly { readonly reason: string; readonly cure: string }[];
    readonly cpu: Ratio | undefined;
    readonly netTx: BytesPerSecond | undefined;
    readonly netRx: BytesPerSecond | undefined;
    readonly diskRead: BytesPerSecond | undefined;
    readonly diskWrite: BytesPerSecond | undefined;
    readonly dirtyRate: BytesPerSecond | undefined;
    readonly workingSet: Bytes | undefined;
    readonly uptime: Milliseconds | undefined;
    /** Set while another run moves it: the run's id and its controller. */
    readonly mover: string | undefined;
}

export interface VmDisk {
    readonly target: string;
    readonly path: string | undefined;
    readonly kind: 'file' | 'block' | 'network' | 'volume' | 'other';
    /** Both hosts see the same bytes. Undefined: cannot be told. */
    readonly shared: boolean | undefined;
    readonly readOnly: boolean;
    /** Such as `raw` or `qcow2`. Absent: not told. */
    readonly format?: string;
    /** What the guest sees, and what of it takes room. Absent: it was not asked for. */
    readonly capacity?: Bytes;
    readonly allocated?: Bytes;
}

/** What stands on a host where the image of another host's disk would go. */
export interface ImageSight {
    readonly host: HostName;
    readonly path: string;
    /** Undefined: nothing is there. */
    readonly image: { readonly size: Bytes; readonly allocated: Bytes } | undefined;
    /** A storage pool is active whose directory this is: libvirt makes an image there. */
    readonly pool: boolean;
    /** Formats of images that we make there ourselves. Absent: none. */
    readonly makes?: readonly string[];
    /** In the file system that it stands in, or would stand in. Undefined: not known. */
    readonly free: Bytes | undefined;
}

/** What a host's libvirt said of a VM's live CPU. */
export interface CpuVerdict {
    readonly vm: VmUuid;
    readonly host: HostName;
    readonly compatible: boolean;
    readonly detail: string;
}
