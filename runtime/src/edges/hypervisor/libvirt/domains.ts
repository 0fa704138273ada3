/** Domains by UUID, and the texts that UUIDs have. */
import type { VmUuid } from '../../../core/index.js';
import { HypervisorError } from '../errors.js';
import type { LibvirtConnection } from './connect.js';
import { type Domain, procedures } from './procedures.js';

/** Errors: no-such-vm. */
export async function lookUp(connection: LibvirtConnection, vm: VmUuid, signal: AbortSignal): Promise<Domain> {
    return (await connection.call(procedures.domainLookupByUuid, { uuid: uuidToBytes(connection.rpc.host, vm) }, signal)).dom;
}

/** `2b4c…-…` to its 16 bytes. */
export function uuidToBytes(host: string, uuid: VmUuid): Uint8Array {
    const digits = uuid.replaceAll('-', '');
    if (!/^[0-9a-f]{32}$/i.test(digits))
        throw new HypervisorError('no-such-vm', host, `'${uuid}' is not a UUID`, { hint: 'take it from mig-run observe' });
    return Uint8Array.from(Buffer.from(digits, 'hex'));
}

export function uuidFromBytes(bytes: Uint8Array): VmUuid {
    const digits = Buffer.from(bytes).toString('hex');
    return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join('-');
}

/** virDomainState. */
export const domainStates = { none: 0, running: 1, blocked: 2, paused: 3, shuttingDown: 4, shutOff: 5, crashed: 6, suspended: 7 } as const;

/** Flags of domainGetXMLDesc. */
export const xmlFlags = { live: 0, inactive: 2, migratable: 8 } as const;

/** VIR_DOMAIN_AFFECT_*. */
export const affect = { live: 1, config: 2 } as const;
