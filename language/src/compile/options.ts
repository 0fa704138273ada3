import * as ast from '../generated/ast.js';
import type { TechniqueOptions } from '../program.js';
import { count, duration, quantity, rateOrUnlimited, size } from './amount.js';
import { only } from './clauses.js';
import type { Context } from './context.js';
import type { Names } from './names.js';
import { throttle } from './ladder.js';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** The highest levels that QEMU takes (multifd-zlib-level, multifd-zstd-level, compress-level). */
const levels = { zlib: 9, zstd: 20, mt: 9 } as const;

/** The options in the body of a technique, as written; what is not written is left out. */
export function options(items: readonly ast.TechniqueItem[], names: Names, context: Context): TechniqueOptions {
    const one = <Type extends ast.TechniqueItem['$type']>(type: Type): Extract<ast.TechniqueItem, { readonly $type: Type }> | undefined =>
        only(items, type, context);
    const found: Mutable<TechniqueOptions> = {};

    const downtime = one(ast.DowntimeOption.$type);
    if (downtime) found.downtimeMs = duration(downtime.value, { what: 'The downtime limit', unit: 'ms' }, names, context);
    const streams = one(ast.StreamsOption.$type);
    if (streams) found.streams = count(streams.value, { what: 'The number of streams' }, names, context);
    const compression = one(ast.CompressionOption.$type);
    if (compression) found.compression = compressionOf(compression, names, context);
    const xbzrle = one(ast.XbzrleOption.$type);
    if (xbzrle) found.xbzrleCache = size(xbzrle.value, { what: 'The cache' }, names, context);
    const throttled = one(ast.ThrottleOption.$type);
    if (throttled) found.throttle = throttle(throttled.throttle, names, context);
    const postcopy = one(ast.PostcopyBandwidthOption.$type);
    if (postcopy) found.postcopyBandwidth = rateOrUnlimited(postcopy.value, { what: 'The post-copy bandwidth' }, names, context);
    if (one(ast.HoldOption.$type)) found.holdPredictedDirty = true;
    const tls = one(ast.TlsOption.$type);
    if (tls) found.tls = !tls.off;
    const storage = items.filter(ast.isStorageOption).flatMap((option) => option.parts);
    if (storage.length > 0) found.storage = storage.map((part) => storagePart(part, names, context));
    const never = items.filter(ast.isNeverOption).flatMap((option) => option.things);
    if (never.length > 0) found.never = [...new Set(never)];
    if (one(ast.ZeroCopyOption.$type)) found.zeroCopy = true;
    if (one(ast.SwitchoverAckOption.$type)) found.switchoverAck = true;
    const limit = one(ast.DirtyLimitOption.$type);
    if (limit) found.dirtyLimit = quantity(limit.value, 'rate', { what: 'The dirty limit' }, names, context);
    return found;
}

function compressionOf(node: ast.CompressionOption, names: Names, context: Context): NonNullable<TechniqueOptions['compression']> {
    const { method, level } = node;
    if (!level) return { method };
    const value = count(level, { what: 'A level', zero: true }, names, context);
    const highest = method === 'xbzrle' || method === 'none' ? undefined : levels[method];
    if (highest === undefined) context.report('MIG006', context.range(level), `${method} has no levels.`);
    else if (value > highest) context.report('MIG206', context.range(level), `The levels of ${method} go from 0 to ${highest}.`);
    return { method, level: value };
}

function storagePart(part: ast.StoragePart, names: Names, context: Context): NonNullable<TechniqueOptions['storage']>[number] {
    if (!part.cap) return { mode: part.mode, disks: part.disks };
    const cap = rateOrUnlimited(part.cap, { what: 'The cap of a disk copy' }, names, context);
    return { mode: part.mode, disks: part.disks, ...(cap !== 'unlimited' && { cap }) };
}
