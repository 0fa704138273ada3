import type { Rung, TechniqueKind, TechniqueOptions } from '@mig/language';

/** What a move asks of libvirt and QEMU, one row each: what it is called, and how a policy asks for it. */
const rows = {
    postcopy: ['post-copy', '`postcopy`, `hybrid`, `scatter-gather`, `switch to postcopy`'],
    'postcopy-bandwidth': ['a post-copy bandwidth', '`postcopy bandwidth`'],
    multifd: ['parallel streams', '`streams`'],
    zlib: ['zlib compression', '`compression zlib`'],
    'zlib-level': ['a zlib level', '`compression zlib level`'],
    zstd: ['zstd compression', '`compression zstd`'],
    'zstd-level': ['a zstd level', '`compression zstd level`'],
    xbzrle: ['xbzrle compression', '`compression xbzrle`, `xbzrle cache`'],
    'auto-converge': ['CPU throttling', '`throttle`'],
    'storage-copy': ['a copy of disks', '`storage copy`, `storage preseeded`'],
    tls: ['TLS', '`tls`'],
    rdma: ['RDMA', '`rdma`'],
    'ignore-shared': ['memory that both hosts share', '`agile`'],
    'dirty-rate': ['the dirty rate before a move', '`vm.dirty_rate`'],
    'dirty-rate-modes': ['the dirty rate by other means than samples', undefined],
    compress: ["QEMU's old compression", '`compression mt`'],
    'block-copy': ["QEMU's old copy of disks", undefined],
    'zero-copy': ['sending without copying', '`zero-copy`'],
    'postcopy-preempt': ['a connection of its own for faulted pages', undefined],
    'switchover-ack': ['the destination agreeing to the switchover', '`switchover-ack`'],
    'dirty-limit': ['a limit on what virtual CPUs write', '`dirty-limit`'],
    'switchover-bandwidth': ['a stated bandwidth for the switchover', undefined],
    'mapped-ram': ['a file with a fixed place for each page', undefined],
    'cpr-transfer': ['a new QEMU on the same host', undefined],
    'blocked-reasons': ["QEMU's own reasons against a move", undefined],
} as const;

export type Facility = keyof typeof rows;

export interface FacilityInfo {
    readonly name: string;
    /** As it is written in a policy; undefined where the language has no word for it. */
    readonly written: string | undefined;
}

export const facilities: Readonly<Record<Facility, FacilityInfo>> = Object.fromEntries(
    Object.entries(rows).map(([id, [name, written]]) => [id, { name, written }]),
) as Record<Facility, FacilityInfo>;

const byTechnique: Readonly<Partial<Record<TechniqueKind, Facility>>> = {
    postcopy: 'postcopy',
    hybrid: 'postcopy',
    'scatter-gather': 'postcopy',
    'traffic-sensitive': 'postcopy',
    agile: 'ignore-shared',
    rdma: 'rdma',
};

/** What a technique with these options and this ladder asks for. */
export function facilitiesOf(kind: TechniqueKind, options: TechniqueOptions, ladder: readonly Rung[]): ReadonlySet<Facility> {
    const found = new Set<Facility>();
    const add = (facility: Facility | undefined, when = true): void => {
        if (facility !== undefined && when) found.add(facility);
    };
    const { compression, storage, never = [] } = options;
    const rungs = new Set(ladder.map(({ action }) => action.kind));
    // A rung that does what `never` forbids is left out.
    const mayDo = (action: Rung['action']['kind'], word: (typeof never)[number]): boolean => rungs.has(action) && !never.includes(word);
    add(byTechnique[kind]);
    add('postcopy', mayDo('switch-to-postcopy', 'postcopy'));
    add('postcopy-bandwidth', options.postcopyBandwidth !== undefined);
    add('multifd', options.streams !== undefined);
    if (compression && compression.method !== 'none') {
        const { method, level } = compression;
        add(method === 'mt' ? 'compress' : method);
        if (level !== undefined && (method === 'zlib' || method === 'zstd')) add(`${method}-level`);
    }
    add('xbzrle', options.xbzrleCache !== undefined);
    add('auto-converge', options.throttle !== undefined || mayDo('throttle', 'throttle'));
    add('storage-copy', storage?.some(({ mode }) => mode !== 'shared') === true);
    add('tls', options.tls === true);
    add('zero-copy', options.zeroCopy === true);
    add('switchover-ack', options.switchoverAck === true);
    add('dirty-limit', options.dirtyLimit !== undefined);
    return found;
}
