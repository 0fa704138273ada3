/** Inventory: the hosts that a policy may act on, as a person wrote them down. VMs are discovered, not listed. */
import type { Bytes, BytesPerSecond, EpochMs } from '@mig/language';

export type HostName = string;

export interface Inventory {
    readonly kind: 'mig-inventory';
    readonly version: 1;
    /** In the order of the file. */
    readonly hosts: readonly InventoryHost[];
    readonly networks: readonly InventoryNetwork[];
    /** Tags of VMs that have none in their metadata, by VM name. */
    readonly vmTags: Readonly<Record<string, Tags>>;
    /** Machines beside the hosts, from which is looked whether VMs are there; hooks may run there too. */
    readonly probes?: readonly Probe[];
    /** Directories that every host sees with the same content. */
    readonly sharedStorage: readonly string[];
    /** IANA name: the time zone of schedules and windows that name none. */
    readonly timeZone: string | undefined;
}

/** A machine that is no host. */
export interface Probe {
    readonly name: string;
    readonly connection: Connection;
}

/** Tag name to value; a tag without a value has the value ''. */
export type Tags = Readonly<Record<string, string>>;

export interface InventoryHost {
    readonly name: HostName;
    readonly driver: 'libvirt' | 'qemu' | 'simulated';
    readonly connection: Connection;
    readonly zone: string | undefined;
    readonly rack: string | undefined;
    readonly tags: Tags;
    readonly maintenance: boolean;
    readonly migration: MigrationAddress | undefined;
    readonly links: readonly HostLink[];
    /** Whether calls that taint a domain may be used. */
    readonly monitor: 'allow' | 'deny';
    /** Driver qemu: where the QMP sockets of its VMs are, a path with {name} or {uuid}, or a directory. Absent: as their command lines say. */
    readonly qmp?: string;
    /** Driver qemu: directory of the certificates for encrypted migrations. Absent: /etc/pki/qemu. */
    readonly tlsDirectory?: string;
    /** What runs there, where a person wrote it down: for checks without a look at the hosts. What is seen counts before it. */
    readonly versions?: { readonly libvirt: string | undefined; readonly qemu: string | undefined };
    /** As a person wrote it down. What is seen counts before it. */
    readonly provides?: HostProvisions;
    /** Only for driver simulated. */
    readonly simulated: SimulatedHost | undefined;
}

/** What a host provides for moves beyond memory and CPU. What is absent is not known; an empty list is known to be empty. */
export interface HostProvisions {
    /** What VMs can be given there, by the names that the inventory gives it. No host tells it: it is known where it is written down. */
    readonly devices?: readonly string[];
    readonly profiles?: readonly string[];
    readonly numaNodes?: readonly NumaNode[];
    /** What keeps two VMs from writing to one disk: `lock_manager` of libvirt's qemu.conf. */
    readonly lockManager?: 'none' | 'lockd' | 'sanlock';
    /** What encrypted migrations the certificates that are in place will do for: to send one takes the CA's, to receive one a server's too. */
    readonly tlsCertificates?: 'none' | 'sending' | 'both';
    /** What is in them, as far as it could be read. */
    readonly tlsFiles?: TlsFiles;
    /** Version of Node.js, by which a relay would run; `none` where it is not installed. */
    readonly node?: string;
    /** Most memory that a QEMU there may keep from being swapped. */
    readonly lockableMemory?: Bytes | 'unlimited';
}

/** The certificates for encrypted migrations of a host; one without its key is none. */
export interface TlsFiles {
    readonly directory: string;
    /** To receive, who sends has to show a certificate too (libvirt's migrate_tls_x509_verify; with plain QEMU always). */
    readonly asksForClients: boolean;
    readonly ca?: TlsCertificate;
    readonly server?: TlsCertificate;
    readonly client?: TlsCertificate;
}

/** One whose file could not be read has nothing but its name. */
export interface TlsCertificate {
    readonly file: string;
    /** Why it can be used for nothing. */
    readonly unusable?: string;
    readonly from?: EpochMs;
    readonly until?: EpochMs;
    /** Names and addresses that it is for. */
    readonly names?: readonly string[];
    /** SHA-256 of the authority that signed it, where that is one of the host's own. */
    readonly authority?: string;
    /** Of an authority's file: SHA-256 of each that is in it. */
    readonly authorities?: readonly string[];
}

export interface NumaNode {
    readonly memory: Bytes;
    /** In use or not; page sizes that are absent have none. */
    readonly hugepages: readonly HugePages[];
}

export interface HugePages {
    readonly pageSize: Bytes;
    readonly memory: Bytes;
}

export type Connection = { readonly kind: 'local' } | SshConnection;

export interface SshConnection extends SshPeer {
    readonly kind: 'ssh';
    /** Hosts to pass through, nearest first; an empty list: straight there. Absent: as ~/.ssh/config says. */
    readonly jump?: readonly SshPeer[];
}

/** Where an SSH server is, and what to use with it. Undefined fields are left to ~/.ssh/config and its defaults. */
export interface SshPeer {
    readonly address: string;
    readonly user: string | undefined;
    readonly port: number | undefined;
    readonly identityFile: string | undefined;
    readonly knownHosts: string | undefined;
}

/** Where the destination listens for migrations, named rather than guessed (safety.md rule 11). */
export interface MigrationAddress {
    /** The network that carries the bytes, by name; caps apply to the host's link to it. */
    readonly network: string;
    /** What the source connects to: an address or a resolvable name. */
    readonly address: string;
    /** What the destination binds; the address itself unless said. */
    readonly listen: string;
}

export interface HostLink {
    readonly network: string;
    /** Each direction. */
    readonly capacity: BytesPerSecond | undefined;
}

export interface InventoryNetwork {
    readonly name: string;
    /** Of each host's link, where the host says nothing. */
    readonly capacity: BytesPerSecond | undefined;
}

export interface SimulatedHost {
    readonly memory: Bytes;
    readonly cpus: number;
    readonly vms: readonly SimulatedVm[];
}

export interface SimulatedVm {
    readonly name: string;
    readonly memory: Bytes;
    readonly vcpus: number;
    readonly dirtyRate: BytesPerSecond;
    /** Memory that is written again and again; the dirty rate falls on it. */
    readonly hotSet: Bytes;
    /** Share of memory that is zero. */
    readonly zeroShare: number;
    readonly tags: Tags;
    readonly persistent: boolean;
    readonly autostart: boolean;
    /** Absent: none. */
    readonly disks?: readonly SimulatedDisk[];
}

export interface SimulatedDisk {
    readonly target: string;
    readonly size: Bytes;
    /** What is written of it; all of it unless said. */
    readonly used?: Bytes;
    /** On storage that every host sees. */
    readonly shared: boolean;
}
