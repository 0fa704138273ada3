/** What `query-migrate` says of a migration, as the model has it. */
import { type Bytes, bytes, type BytesPerSecond, bytesPerSecond, milliseconds, ratio } from '@mig/language';
import type { JobSummary, Progress } from '../../../core/index.js';
import type { Reply } from './reply.js';

/** Where QEMU does not say how large a page is. */
const usualPage = 4096;

/** Undefined before the first byte. */
export function progressOf(migrate: Reply, cap: BytesPerSecond | undefined): Progress | undefined {
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
export function summaryOf(migrate: Reply, switched: boolean): JobSummary {
    const ram = migrate.at('ram');
    const requests = ram.at('postcopy-requests').number;
    return {
        totalMs: milliseconds(migrate.at('total-time').number ?? 0),
        downtimeMs: undefined,
        transferred: bytes(ram.at('transferred').number ?? 0),
        iterations: ram.at('dirty-sync-count').number ?? 0,
        normalPages: ram.at('normal').number,
        zeroPages: ram.at('duplicate').number,
        ...(switched && requests !== undefined ? { postcopyRequests: requests } : {}),
    };
}
