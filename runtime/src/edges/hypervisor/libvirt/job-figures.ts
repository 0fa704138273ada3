/** What libvirt's statistics of a migration say, as the model has it. */
import { type Bytes, bytes, type BytesPerSecond, bytesPerSecond, milliseconds, ratio } from '@mig/language';
import type { JobSummary, Progress } from '../../../core/index.js';
import { ParamReader, type TypedParam } from './typed-params.js';

/** Where the statistics do not say how large a page is. */
const pageSize = 4096;

export function progressOf(params: ParamReader, cap: BytesPerSecond | undefined): Progress {
    const size = (name: string): Bytes => bytes(params.number(name) ?? 0);
    const disks = params.number('disk_total') ?? 0;
    const remaining = bytes(size('data_remaining') - size('disk_remaining'));
    const rate = params.number('memory_bps');
    const dirtyPages = params.number('memory_dirty_rate');
    const throttle = params.number('auto_converge_throttle');
    const requests = params.number('memory_postcopy_requests');
    return {
        total: bytes(size('data_total') - disks),
        remaining,
        transferred: size('data_processed'),
        rate: rate === undefined ? undefined : bytesPerSecond(rate),
        dirtyRate: dirtyPages === undefined ? undefined : bytesPerSecond(dirtyPages * (params.number('memory_page_size') ?? pageSize)),
        iteration: params.number('memory_iteration') ?? 0,
        throttle: throttle === undefined ? undefined : ratio(throttle / 100),
        cap,
        eta: rate === undefined || rate === 0 ? undefined : milliseconds((remaining / rate) * 1000),
        ...(requests === undefined ? {} : { postcopyRequests: requests }),
        ...(disks === 0 ? {} : { disks: { total: bytes(disks), remaining: size('disk_remaining'), sent: size('disk_processed') } }),
    };
}

/**
 * @param switched the migration ended in post-copy: its downtime is then not told, because what libvirt calls so ends
 *   before the guest runs at the destination (it says 5 to 8 ms where the guest stood still for 12 to 90)
 */
export function summaryOf(params: readonly TypedParam[], switched: boolean): JobSummary {
    const reader = new ParamReader(params);
    const downtime = switched ? undefined : reader.number('downtime');
    const requests = reader.number('memory_postcopy_requests');
    return {
        totalMs: milliseconds(reader.number('time_elapsed') ?? 0),
        downtimeMs: downtime === undefined ? undefined : milliseconds(downtime),
        transferred: bytes(reader.number('data_processed') ?? 0),
        iterations: reader.number('memory_iteration') ?? 0,
        normalPages: reader.number('memory_normal'),
        zeroPages: reader.number('memory_constant'),
        ...(switched && requests !== undefined ? { postcopyRequests: requests } : {}),
    };
}
