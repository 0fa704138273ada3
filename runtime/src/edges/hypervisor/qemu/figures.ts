/** What `query-migrate` says of a migration, as the model has it. */
import { type Bytes, bytes, type BytesPerSecond, bytesPerSecond, milliseconds, ratio } from '@mig/language';
import type { JobSummary, Progress } from '../../../core/index.js';
import type { DiskFigures } from './mirrors.js';
import type { Reply } from './reply.js';

/** Where QEMU does not say how large a page is. */
const usualPage = 4096;

/** Undefined before the first byte. Without `migrate` nothing of the memory is sent yet. */
export function progressOf(
    migrate: Reply | undefined,
    cap: BytesPerSecond | undefined,
    disks: DiskFigures | undefined,
): Progress | undefined {
    const memory = migrate && memoryProgress(migrate, cap);
    if (!disks) return memory;
    const { total, remaining, sent } = disks;
    const of = { disks: { total, remaining, sent } };
    if (memory) return { ...memory, transferred: bytes(memory.transferred + sent), ...of };
    const none = bytes(0);
    const figures = { total: none, remaining: none, transferred: sent, iteration: 0 };
    return { ...figures, rate: undefined, dirtyRate: undefined, throttle: undefined, cap, eta: undefined, ...of };
}

function memoryProgress(migrate: Reply, cap: BytesPerSecond | undefined): Progress | undefined {
    const ram = migrate.at('ram');
    if (!ram.exists) return undefined;
    const size = (name: string): Bytes => bytes(ram.at(name).number ?? 0);
    const remaining = size('remaining');
    const mbps = ram.at('mbps').number;
    const rate = mbps === undefined || mbps <= 0 ? undefined : bytesPerSecond((mbps * 1e6) / 8);
    const dirtyPages = ram.at('dirty-pages-rate').number;
    const throttle = migrate.at('cpu-throttle-percentage').number;
    const requests = ram.at('postcopy-requests').number;
    return {
        total: size('total'),
        remaining,
        transferred: size('transferred'),
        rate,
        dirtyRate: dirtyPages === undefined ? undefined : bytesPerSecond(dirtyPages * (ram.at('page-size').number ?? usualPage)),
        iteration: ram.at('dirty-sync-count').number ?? 0,
        throttle: throttle === undefined ? undefined : ratio(throttle / 100),
        cap,
        eta: rate === undefined ? undefined : milliseconds((remaining / rate) * 1000),
        ...(requests === undefined ? {} : { postcopyRequests: requests }),
    };
}

/**
 * QEMU's own downtime ends when its part is done, before the guest is told to run at the destination: the events of the
 * two ends tell the true one.
 */
export function summaryOf(migrate: Reply, switched: boolean, disks: DiskFigures | undefined): JobSummary {
    const ram = migrate.at('ram');
    const requests = ram.at('postcopy-requests').number;
    return {
        totalMs: milliseconds(migrate.at('total-time').number ?? 0),
        downtimeMs: undefined,
        transferred: bytes((ram.at('transferred').number ?? 0) + (disks?.sent ?? 0)),
        iterations: ram.at('dirty-sync-count').number ?? 0,
        normalPages: ram.at('normal').number,
        zeroPages: ram.at('duplicate').number,
        ...(switched && requests !== undefined ? { postcopyRequests: requests } : {}),
    };
}
