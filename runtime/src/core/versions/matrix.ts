/**
 * The version matrix: one row a fact. Rules find hosts by these rows, and documentation is made from them.
 * A row is wrong for versions from `from` (all, where absent) to below `below` (all later ones, where absent).
 */
import type { Facility } from './facilities.js';
import type { Part } from './versions-of.js';

export type Effect = 'missing' | 'removed' | 'ignored' | 'broken';

export interface Span {
    readonly from?: string;
    readonly below?: string;
}

export interface VersionFact {
    readonly id: string;
    /** All of these are asked for. */
    readonly uses: readonly Facility[];
    readonly part: Part;
    /** Only the version of the host that is left matters. Absent: that of both. */
    readonly at?: 'source';
    /** The versions with which it goes wrong. */
    readonly wrong: Span;
    readonly effect: Effect;
    /** What happens, a sentence to stand after the option and the host. */
    readonly what: string;
    readonly source: string;
}

const qapi = "QEMU's QAPI reference: since";
const libvirtApi = "libvirt's migration API: since";

const missing = (id: string, uses: readonly Facility[], part: Part, below: string, source: string): VersionFact => ({
    id,
    uses,
    part,
    wrong: { below },
    effect: 'missing',
    what: 'it is not known there, and the move is refused',
    source,
});

export const versionFacts: readonly VersionFact[] = [
    missing('postcopy', ['postcopy'], 'qemu', '2.6', `${qapi} 2.6 (postcopy-ram)`),
    missing('postcopy-libvirt', ['postcopy'], 'libvirt', '1.3.3', `${libvirtApi} 1.3.3 (VIR_MIGRATE_POSTCOPY)`),
    missing('postcopy-recover', ['postcopy'], 'qemu', '3.0', `${qapi} 3.0 (migrate-recover, migrate-pause)`),
    missing('postcopy-resume-libvirt', ['postcopy'], 'libvirt', '8.5', `${libvirtApi} 8.5.0 (VIR_MIGRATE_POSTCOPY_RESUME)`),
    missing('postcopy-bandwidth', ['postcopy-bandwidth'], 'qemu', '3.0', `${qapi} 3.0 (max-postcopy-bandwidth)`),
    missing('postcopy-bandwidth-libvirt', ['postcopy-bandwidth'], 'libvirt', '5.1', `${libvirtApi} 5.1.0 (bandwidth.postcopy)`),
    missing('postcopy-preempt', ['postcopy-preempt'], 'qemu', '7.1', `${qapi} 7.1 (postcopy-preempt)`),
    missing('multifd', ['multifd'], 'qemu', '4.0', `${qapi} 4.0 (multifd)`),
    missing('multifd-libvirt', ['multifd'], 'libvirt', '5.2', `${libvirtApi} 5.2.0 (VIR_MIGRATE_PARALLEL)`),
    missing('zlib', ['zlib'], 'qemu', '5.0', `${qapi} 5.0 (multifd-compression)`),
    missing('zstd', ['zstd'], 'qemu', '5.0', `${qapi} 5.0 (multifd-compression)`),
    missing('zlib-libvirt', ['zlib'], 'libvirt', '9.4', `${libvirtApi} 9.4.0 (compression methods of parallel migration)`),
    missing('zstd-libvirt', ['zstd'], 'libvirt', '9.4', `${libvirtApi} 9.4.0 (compression methods of parallel migration)`),
    {
        id: 'zlib-level-ignored',
        uses: ['zlib-level'],
        part: 'qemu',
        at: 'source',
        wrong: { below: '9.0' },
        effect: 'ignored',
        what: 'any value is taken, and level 1 is used whatever it is',
        source: 'Seen on QEMU 7.2.22: multifd-zlib-level is accepted and reads back as 1; put right in 9.0',
    },
    {
        id: 'zstd-level-ignored',
        uses: ['zstd-level'],
        part: 'qemu',
        at: 'source',
        wrong: { below: '9.0' },
        effect: 'ignored',
        what: 'any value is taken, and level 1 is used whatever it is',
        source: 'Seen on QEMU 7.2.22: multifd-zstd-level is accepted and reads back as 1; put right in 9.0',
    },
    {
        id: 'multifd-postcopy',
        uses: ['multifd', 'postcopy'],
        part: 'qemu',
        wrong: { below: '10.1' },
        effect: 'broken',
        what: 'they do not go together there: 7.2 accepts the pair and the VM can end shut off, later versions refuse it',
        source: 'Seen on QEMU 7.2.22; QEMU 10.1 is the first that is made for both',
    },
    {
        id: 'compress-removed',
        uses: ['compress'],
        part: 'qemu',
        wrong: { from: '9.1' },
        effect: 'removed',
        what: 'it was deprecated in 8.2 for its races, and is gone',
        source: "QEMU's list of removed features: 9.1 (compress)",
    },
    {
        id: 'block-removed',
        uses: ['block-copy'],
        part: 'qemu',
        wrong: { from: '9.1' },
        effect: 'removed',
        what: 'it was deprecated in 8.2, and is gone; disks are mirrored over NBD instead',
        source: "QEMU's list of removed features: 9.1 (block)",
    },
    missing('zero-copy', ['zero-copy'], 'qemu', '7.1', `${qapi} 7.1 (zero-copy-send)`),
    missing('zero-copy-libvirt', ['zero-copy'], 'libvirt', '8.5', `${libvirtApi} 8.5.0 (VIR_MIGRATE_ZEROCOPY)`),
    missing(
        'switchover-ack',
        ['switchover-ack'],
        'qemu',
        '8.1',
        `${qapi} 8.1 (switchover-ack); it needs the return path, which libvirt has on for every move that is not tunnelled`,
    ),
    missing('dirty-limit', ['dirty-limit'], 'qemu', '8.1', `${qapi} 8.1 (dirty-limit); it needs a dirty ring of KVM too`),
    missing('switchover-bandwidth', ['switchover-bandwidth'], 'qemu', '8.2', `${qapi} 8.2 (avail-switchover-bandwidth)`),
    missing(
        'switchover-bandwidth-libvirt',
        ['switchover-bandwidth'],
        'libvirt',
        '11.1',
        `${libvirtApi} 11.1.0 (bandwidth.avail.switchover)`,
    ),
    missing('mapped-ram', ['mapped-ram'], 'qemu', '9.0', `${qapi} 9.0 (mapped-ram); for files only`),
    missing('cpr-transfer', ['cpr-transfer'], 'qemu', '10.0', `${qapi} 10.0 (cpr-transfer); within one host only`),
    missing('ignore-shared', ['ignore-shared'], 'qemu', '4.0', `${qapi} 4.0 (x-ignore-shared); experimental`),
    missing('tls-libvirt', ['tls'], 'libvirt', '3.2', `${libvirtApi} 3.2.0 (VIR_MIGRATE_TLS)`),
    missing('dirty-rate', ['dirty-rate'], 'qemu', '5.2', `${qapi} 5.2 (calc-dirty-rate)`),
    missing('dirty-rate-libvirt', ['dirty-rate'], 'libvirt', '7.2', `${libvirtApi} 7.2.0 (virDomainStartDirtyRateCalc)`),
    missing('dirty-rate-modes', ['dirty-rate-modes'], 'qemu', '6.1', `${qapi} 6.1 (modes of calc-dirty-rate)`),
    missing('dirty-rate-modes-libvirt', ['dirty-rate-modes'], 'libvirt', '8.1', `${libvirtApi} 8.1.0 (modes of the dirty rate)`),
    missing('blocked-reasons', ['blocked-reasons'], 'qemu', '6.0', `${qapi} 6.0 (blocked-reasons of query-migrate)`),
];

/** A fact about two versions that do not understand each other. */
export interface PairFact {
    readonly id: string;
    readonly uses: readonly Facility[];
    readonly part: Part;
    readonly source: Span;
    readonly destination: Span;
    readonly what: string;
    readonly origin: string;
}

export const pairFacts: readonly PairFact[] = [
    {
        id: 'multifd-sync-packets',
        uses: ['multifd'],
        part: 'qemu',
        source: { below: '9.0' },
        destination: { from: '9.2', below: '9.2.1' },
        what: 'the source sends pages with its sync packets, which the destination does not read: the move fails, or worse',
        origin: 'https://gitlab.com/qemu-project/qemu/-/issues/2720, and the commit that resolves it, "Fix compat with QEMU < 9.0"',
    },
];

/** Facilities that cannot be had together, or not alone, whatever the version. */
export interface CombinationFact {
    readonly id: string;
    readonly uses: readonly Facility[];
    /** It is wrong only where this is not asked for. */
    readonly without?: Facility;
    readonly what: string;
    readonly cure: string;
    readonly source: string;
}

export const combinationFacts: readonly CombinationFact[] = [
    {
        id: 'xbzrle-multifd',
        uses: ['xbzrle', 'multifd'],
        what: 'libvirt 9.4 and later refuses the two together, and before that xbzrle is accepted and does nothing',
        cure: 'keep one of them: several streams for a fast link, xbzrle for a slow one',
        source: 'libvirt: "isn\'t supported with parallel migration"; accepted without effect by QEMU 7.2.22',
    },
    {
        id: 'zlib-without-multifd',
        uses: ['zlib'],
        without: 'multifd',
        what: 'libvirt compresses by zlib only on parallel streams',
        cure: 'add `streams 2`',
        source: 'libvirt: "is only supported with parallel migration"',
    },
    {
        id: 'zstd-without-multifd',
        uses: ['zstd'],
        without: 'multifd',
        what: 'libvirt compresses by zstd only on parallel streams',
        cure: 'add `streams 2`',
        source: 'libvirt: "is only supported with parallel migration"',
    },
    {
        id: 'storage-copy-postcopy',
        uses: ['storage-copy', 'postcopy'],
        what: 'after the switch the disks at the destination would be behind the guest that writes to them',
        cure: 'use pre-copy where disks are copied, or put the disks on shared storage',
        source: 'A rule of this project (docs/safety.md): post-copy never goes together with a copy of disks',
    },
    {
        id: 'ignore-shared-postcopy',
        uses: ['ignore-shared', 'postcopy'],
        what: 'QEMU refuses post-copy where memory is left out of the stream',
        cure: 'take the switch to post-copy out of the ladder',
        source: 'QEMU 7.2.22 refuses postcopy-ram with x-ignore-shared',
    },
    {
        id: 'rdma-multifd',
        uses: ['rdma', 'multifd'],
        what: 'parallel streams need a socket for each, and RDMA has one channel',
        cure: 'take `streams` out',
        source: 'QEMU, migration.c: several channels need a transport that supports them',
    },
    {
        id: 'zero-copy-tls',
        uses: ['zero-copy', 'tls'],
        what: 'QEMU refuses it: what is encrypted has been copied already',
        cure: 'keep one of them',
        source: 'QEMU 7.2.22 refuses zero-copy-send with TLS',
    },
    {
        id: 'zero-copy-zlib',
        uses: ['zero-copy', 'zlib'],
        what: 'QEMU refuses it: what is compressed has been copied already',
        cure: 'keep one of them',
        source: 'QEMU 7.2.22 refuses zero-copy-send with compression',
    },
    {
        id: 'zero-copy-zstd',
        uses: ['zero-copy', 'zstd'],
        what: 'QEMU refuses it: what is compressed has been copied already',
        cure: 'keep one of them',
        source: 'QEMU 7.2.22 refuses zero-copy-send with compression',
    },
    {
        id: 'zero-copy-without-multifd',
        uses: ['zero-copy'],
        without: 'multifd',
        what: 'QEMU sends without copying only on parallel streams',
        cure: 'add `streams 2`',
        source: 'QEMU 7.2.22 refuses zero-copy-send without multifd',
    },
    {
        id: 'zero-copy-xbzrle',
        uses: ['zero-copy', 'xbzrle'],
        what: 'QEMU refuses it: what is compressed has been copied already',
        cure: 'keep one of them',
        source: 'QEMU, migration/options.c: "Zero copy only available for non-compressed non-TLS multifd migration"',
    },
    {
        id: 'zero-copy-compress',
        uses: ['zero-copy', 'compress'],
        what: 'QEMU refuses it: what is compressed has been copied already',
        cure: 'keep one of them',
        source: 'QEMU, migration/options.c: "Zero copy only available for non-compressed non-TLS multifd migration"',
    },
    {
        id: 'compress-multifd',
        uses: ['compress', 'multifd'],
        what: 'QEMU refuses it: the old compression has threads of its own',
        cure: 'write `compression zstd` for the streams, or take `streams` out',
        source: 'QEMU 7.2.22 refuses compress with multifd',
    },
    {
        id: 'compress-xbzrle',
        uses: ['compress', 'xbzrle'],
        what: 'QEMU refuses to compress a page in two ways',
        cure: 'keep one of them',
        source: 'QEMU, migration/options.c: "Compression is not compatible with xbzrle"',
    },
    {
        id: 'dirty-limit-auto-converge',
        uses: ['dirty-limit', 'auto-converge'],
        what: 'QEMU slows a guest in one of the two ways, and refuses both together',
        cure: 'keep one of them: `dirty-limit` slows only what writes much, `throttle` every virtual CPU',
        source: 'QEMU, migration/options.c: "dirty-limit conflicts with auto-converge"',
    },
];
