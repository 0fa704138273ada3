import { MigrationError, type MigrationErrorOptions } from '../../core/errors.js';
import type { HostName } from '../../core/index.js';

/**
 * What can go wrong at a host.
 * - `host-unreachable`, `host-key-mismatch`, `host-key-unknown`, `authentication-failed`: no SSH connection
 * - `socket-missing`, `socket-forbidden`: SSH works, the daemon's socket does not
 * - `hypervisor-too-old`, `feature-missing`: it answers, and cannot do it
 * - `host-lost`: the connection broke; what the host did with the call is unknown
 * - `refused`: the host answered with an error; `native` has its code and text
 * - `cancelled`: a migration was stopped on request
 * - `not-started`: finish answered, and the guest was not started
 * - `cpu-incompatible`, `unsafe-migration`: named by the hypervisor
 * - `no-such-vm`: the host does not know it
 * - `vm-locked`: another run holds the VM
 * - `timed-out`: no answer in the time given
 * - `protocol`: the host said something that the protocol does not allow
 */
export type HypervisorErrorCode =
    | 'host-unreachable'
    | 'host-key-mismatch'
    | 'host-key-unknown'
    | 'authentication-failed'
    | 'socket-missing'
    | 'socket-forbidden'
    | 'hypervisor-too-old'
    | 'feature-missing'
    | 'host-lost'
    | 'refused'
    | 'cancelled'
    | 'not-started'
    | 'cpu-incompatible'
    | 'unsafe-migration'
    | 'no-such-vm'
    | 'vm-locked'
    | 'timed-out'
    | 'protocol';

export class HypervisorError extends MigrationError<HypervisorErrorCode> {
    readonly host: HostName;
    /** The hypervisor's own error number and domain, where it gave one. */
    readonly native: { readonly code: number; readonly domain: number } | undefined;

    constructor(
        code: HypervisorErrorCode,
        host: HostName,
        message: string,
        options: MigrationErrorOptions & {
            readonly native?: { readonly code: number; readonly domain: number };
            readonly vm?: string;
        } = {},
    ) {
        super(code, message, { ...options, where: { host, ...(options.vm === undefined ? {} : { vm: options.vm }), ...options.where } });
        this.name = 'HypervisorError';
        this.host = host;
        this.native = options.native;
    }
}
