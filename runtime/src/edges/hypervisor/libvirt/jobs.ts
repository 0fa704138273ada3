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

/** virDomainJobOperation, in words. */
const operations: Readonly<Record<number, ActiveJob>> = {
    1: { kind: 'other', words: 'start' },
    2: { kind: 'other', words: 'save' },
    3: { kind: 'other', words: 'restore' },
    4: { kind: 'incoming', words: 'migration to this host' },
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
        // The receiving side of a migration has no statistics, and libvirt refuses to give them; a domain that is not running has no job.
        if (error instanceof HypervisorError && error.native?.code === libvirtErrors.operationInvalid)
            return incomingOrNone(connection, dom, signal);
        throw error;
    }
}

/** virDomainControlState: a job holds the domain. */
const heldByJob = 1;

async function incomingOrNone(connection: LibvirtConnection, dom: Domain, signal: AbortSignal): Promise<ActiveJob | undefined> {
    try {
        const { state } = await connection.call(procedures.domainGetControlInfo, { dom, flags: 0 }, signal);
        return state === heldByJob ? operations[4] : undefined;
    } catch (error) {
        if (error instanceof HypervisorError && error.native?.code === libvirtErrors.operationInvalid) return undefined;
        throw error;
    }
}
