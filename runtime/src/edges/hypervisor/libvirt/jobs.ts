/** Jobs that run on a domain. */
import { HypervisorError } from '../errors.js';
import type { LibvirtConnection } from './connect.js';
import { libvirtErrors } from './errors.js';
import { type Domain, procedures } from './procedures.js';
import { ParamReader } from './typed-params.js';

export interface ActiveJob {
    readonly kind: 'outgoing' | 'incoming' | 'other';
    readonly words: string;
}

/** virDomainJobType: none, and the two ends; everything else is under way. */
const ended: readonly number[] = [0, 3, 4, 5];
const unbounded = 2;

const incoming: ActiveJob = { kind: 'incoming', words: 'migration to this host' };

/** virDomainJobOperation, in words. */
const operations: Readonly<Record<number, ActiveJob>> = {
    1: { kind: 'other', words: 'start' },
    2: { kind: 'other', words: 'save' },
    3: { kind: 'other', words: 'restore' },
    4: incoming,
    5: { kind: 'outgoing', words: 'migration from this host' },
    6: { kind: 'other', words: 'snapshot' },
    7: { kind: 'other', words: 'snapshot revert' },
    8: { kind: 'other', words: 'dump' },
    9: { kind: 'other', words: 'backup' },
    10: { kind: 'other', words: 'snapshot deletion' },
};

/** Undefined: none. */
export async function activeJob(connection: LibvirtConnection, dom: Domain, signal: AbortSignal): Promise<ActiveJob | undefined> {
    try {
        const { type, params } = await connection.call(procedures.domainGetJobStats, { dom, flags: 0 }, signal);
        if (ended.includes(type)) return undefined;
        const operation = new ParamReader(params).number('operation');
        return operations[operation ?? 0] ?? { kind: 'other', words: type === unbounded ? 'a job without an end in sight' : 'a job' };
    } catch (error) {
        const native = error instanceof HypervisorError ? error.native?.code : undefined;
        // The receiving side of a migration has no statistics, and the QEMU driver refuses to give them with this code alone.
        if (native === libvirtErrors.operationUnsupported) return incoming;
        // A domain that is not running has no job.
        if (native === libvirtErrors.operationInvalid) return undefined;
        throw error;
    }
}
