/**
 * What libvirt is asked for by a move's technique: flags and parameters by the names that libvirt gives them. The plan
 * shows them and the driver sends them, from this one place.
 */
import { type BytesPerSecond, bytesPerSecond } from '@mig/language';
import { percent } from './ladder-actions.js';
import type { MoveTechnique } from './move-technique.js';

/** VIR_MIGRATE_*, without that. */
export type MigrateFlag =
    | 'LIVE'
    | 'PERSIST_DEST'
    | 'UNDEFINE_SOURCE'
    | 'PAUSED'
    | 'NON_SHARED_DISK'
    | 'NON_SHARED_INC'
    | 'CHANGE_PROTECTION'
    | 'UNSAFE'
    | 'COMPRESSED'
    | 'AUTO_CONVERGE'
    | 'POSTCOPY'
    | 'TLS'
    | 'PARALLEL'
    | 'POSTCOPY_RESUME';

/** VIR_MIGRATE_PARAM_*, by their strings; `migrate_disks` and `compression` may stand several times. */
export interface MigrateParameter {
    readonly name: MigrateParameterName;
    readonly value: number | string;
}

export type MigrateParameterName =
    | 'parallel.connections'
    | 'compression'
    | 'compression.mt.level'
    | 'compression.zlib.level'
    | 'compression.zstd.level'
    | 'compression.xbzrle.cache'
    | 'auto_converge.initial'
    | 'auto_converge.increment'
    | 'migrate_disks';

export interface MigrateAsk {
    readonly technique: MoveTechnique;
    /** The persistent definition travels. */
    readonly persistent: boolean;
    readonly unsafe: boolean;
    /** A post-copy that broke is taken up again. */
    readonly resume?: true;
}

/** The host that a call goes to: throttling is the source's business alone. */
export type MigrateSide = 'source' | 'destination';

/**
 * Flags of every phase at one side, in libvirt's order. With POSTCOPY neither PERSIST_DEST nor UNDEFINE_SOURCE: a
 * definition that fails at the destination after the switch must not end the guest (safety rule 3), so it is defined
 * there, and undefined at the source, by calls of their own once it has arrived.
 */
export function migrateFlagsOf(ask: MigrateAsk, side: MigrateSide): readonly MigrateFlag[] {
    const { technique, persistent, unsafe } = ask;
    if (ask.resume === true) return resumeFlags.filter((flag) => side === 'source' || flag !== 'CHANGE_PROTECTION');
    const { live, postcopy, options } = technique;
    const flags: MigrateFlag[] = [];
    if (live) flags.push('LIVE');
    if (persistent && !postcopy) flags.push('PERSIST_DEST', 'UNDEFINE_SOURCE');
    const disks = copiedDisks(technique);
    if (disks.length > 0) flags.push(isIncremental(technique) ? 'NON_SHARED_INC' : 'NON_SHARED_DISK');
    if (side === 'source') flags.push('CHANGE_PROTECTION');
    if (unsafe) flags.push('UNSAFE');
    if (compressionOf(technique) !== undefined) flags.push('COMPRESSED');
    if (side === 'source' && isThrottled(technique)) flags.push('AUTO_CONVERGE');
    if (postcopy) flags.push('POSTCOPY');
    if (options.tls === true) flags.push('TLS');
    if (options.streams !== undefined) flags.push('PARALLEL');
    return flags;
}

/** The disks are those that the guest writes to at the destination already: whether that is safe is no question any more. */
const resumeFlags: readonly MigrateFlag[] = ['LIVE', 'CHANGE_PROTECTION', 'UNSAFE', 'POSTCOPY', 'POSTCOPY_RESUME'];

/** Parameters that the technique adds to those of the route. */
export function migrateParametersOf(
    { technique, resume }: Pick<MigrateAsk, 'technique' | 'resume'>,
    side: MigrateSide,
): readonly MigrateParameter[] {
    if (resume === true) return [];
    const { streams, compression, xbzrleCache, throttle } = technique.options;
    const found: MigrateParameter[] = [];
    const add = (name: MigrateParameterName, value: number | string | undefined): void => {
        if (value !== undefined) found.push({ name, value });
    };
    add('parallel.connections', streams);
    const method = compressionOf(technique);
    add('compression', method);
    if (method === 'zlib' || method === 'zstd' || method === 'mt') add(`compression.${method}.level`, compression?.level);
    if (method === 'xbzrle') add('compression.xbzrle.cache', xbzrleCache);
    if (side === 'source' && isThrottled(technique)) {
        // Only a rung may throttle: until then it is held where the guest does not feel it.
        add('auto_converge.initial', throttle ? percent(throttle.initial) : 1);
        if (!throttle || throttle.step !== undefined)
            add('auto_converge.increment', throttle?.step === undefined ? 1 : percent(throttle.step));
    }
    for (const disk of copiedDisks(technique)) add('migrate_disks', disk);
    return found;
}

/** The disks whose content goes along, by their targets. */
export function copiedDisks({ options }: MoveTechnique): readonly string[] {
    return (options.storage ?? []).filter(({ mode }) => mode !== 'shared').flatMap(({ disks }) => disks);
}

/** A disk that goes along, and the most that it may be sent at. */
export interface DiskCopy {
    readonly target: string;
    readonly mode: 'copy' | 'preseeded';
    readonly cap: BytesPerSecond | undefined;
}

/** Each disk that goes along, with what the technique says of it. */
export function diskCopies({ options }: Pick<MoveTechnique, 'options'>): readonly DiskCopy[] {
    return (options.storage ?? []).flatMap(({ mode, disks, cap }) =>
        mode === 'shared' ? [] : disks.map((target) => ({ target, mode, cap: cap === undefined ? undefined : bytesPerSecond(cap) })),
    );
}

/** What stands at the destination already is not sent again: of these disks only the top image of the chain travels. */
export function isIncremental({ options }: MoveTechnique): boolean {
    return options.storage?.some(({ mode }) => mode === 'preseeded') === true;
}

/** How pages are made smaller: `xbzrle cache` alone asks for xbzrle as well. */
export function compressionOf({ options }: MoveTechnique): 'zlib' | 'zstd' | 'xbzrle' | 'mt' | undefined {
    const { compression, xbzrleCache } = options;
    if (compression === undefined) return xbzrleCache === undefined ? undefined : 'xbzrle';
    return compression.method === 'none' ? undefined : compression.method;
}

/** CPU time may be taken from the guest, from the start or by a rung. */
export const isThrottled = ({ options, throttleLater }: MoveTechnique): boolean =>
    (options.throttle !== undefined || throttleLater === true) && options.never?.includes('throttle') !== true;
