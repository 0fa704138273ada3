/** What libvirt's errors mean to us: its numbers to our codes, each with what a person can do. */
import type { HostName } from '../../../core/index.js';
import { HypervisorError, type HypervisorErrorCode } from '../errors.js';
import { type Codec, int, optional, struct, text } from './xdr.js';
import { uuidBytes } from './procedures.js';

/** An error as it stands in a reply. */
export const remoteError = struct({
    code: int,
    domain: int,
    message: optional(text),
    level: int,
    dom: optional(struct({ name: text, uuid: uuidBytes, id: int })),
    string1: optional(text),
    string2: optional(text),
    string3: optional(text),
    int1: int,
    int2: int,
    network: optional(struct({ name: text, uuid: uuidBytes })),
});
export type RemoteError = typeof remoteError extends Codec<infer T> ? T : never;

/** libvirt's error numbers that we tell apart. */
export const libvirtErrors = {
    noSupport: 3,
    operationFailed: 9,
    systemError: 38,
    authFailed: 45,
    rpc: 39,
    noDomain: 42,
    operationInvalid: 55,
    operationTimeout: 68,
    migratePersistFailed: 69,
    argumentUnsupported: 74,
    operationAborted: 78,
    authCancelled: 79,
    noDomainMetadata: 80,
    migrateUnsafe: 81,
    operationUnsupported: 84,
    accessDenied: 88,
    cpuIncompatible: 91,
    migrateFinishOk: 93,
    authUnavailable: 94,
} as const;

interface Meaning {
    readonly code: HypervisorErrorCode;
    readonly hint?: string;
}

const notAllowed: Meaning = { code: 'socket-forbidden', hint: "log in as root, or add the user to the host's group libvirt" };
const notThere: Meaning = {
    code: 'feature-missing',
    hint: 'this libvirt or its driver cannot do it: see what the versions of the host are (mig-run doctor)',
};

const meanings: Readonly<Record<number, Meaning>> = {
    [libvirtErrors.noSupport]: notThere,
    [libvirtErrors.argumentUnsupported]: notThere,
    [libvirtErrors.operationUnsupported]: notThere,
    [libvirtErrors.authFailed]: notAllowed,
    [libvirtErrors.authCancelled]: notAllowed,
    [libvirtErrors.authUnavailable]: notAllowed,
    [libvirtErrors.accessDenied]: notAllowed,
    [libvirtErrors.noDomain]: { code: 'no-such-vm', hint: 'it was moved, renamed or removed meanwhile: observe again' },
    [libvirtErrors.systemError]: {
        code: 'refused',
        hint: "where it could not connect: the source must reach the destination's migration address on TCP ports 49152 to 49215",
    },
    [libvirtErrors.operationAborted]: { code: 'cancelled' },
    [libvirtErrors.operationTimeout]: {
        code: 'refused',
        hint: 'another job holds the VM (backup, snapshot, migration): let it end, or see virsh domjobinfo',
    },
    [libvirtErrors.migrateUnsafe]: {
        code: 'unsafe-migration',
        hint: 'libvirt does not trust its disks to be the same on both hosts: put them on shared storage with cache=none; where it takes shared storage for a local disk, list the directory under shared_filesystems in qemu.conf of both hosts (libvirt 11)',
    },
    [libvirtErrors.cpuIncompatible]: {
        code: 'cpu-incompatible',
        hint: 'choose a destination whose CPU has these features, or give the VM a CPU model that both hosts have',
    },
};

/** An error reply, as an error that a person can act on. */
export function errorFromReply(host: HostName, procedure: string, error: RemoteError): HypervisorError {
    const { code: native, domain } = error;
    const text = error.message ?? `libvirt error ${String(native)}`;
    const meaning: Meaning =
        native === libvirtErrors.rpc && text.includes('unknown procedure') ? notThere : (meanings[native] ?? { code: 'refused' });
    const vm = error.dom?.name;
    return new HypervisorError(meaning.code, host, `${host}: ${text} (${procedure})`, {
        native: { code: native, domain },
        hint: meaning.hint ?? `see the log of its libvirt daemon: journalctl -u virtqemud -u libvirtd on ${host}`,
        ...(vm === undefined ? {} : { vm }),
    });
}

/** The connection broke: what the host did with the calls under way is not known. */
export function lostError(host: HostName, why: string, procedure?: string): HypervisorError {
    return new HypervisorError(
        'host-lost',
        host,
        `the connection to libvirt on ${host} was lost${procedure === undefined ? '' : ` during ${procedure}`}: ${why}`,
        {
            hint: 'see whether the host is up and its libvirt daemon runs; what it did with the call is not known',
        },
    );
}

export function protocolError(host: HostName, what: string, cause?: unknown): HypervisorError {
    return new HypervisorError('protocol', host, `libvirt on ${host} said something that its protocol does not allow: ${what}`, {
        hint: 'please report this with the version of libvirt',
        ...(cause === undefined ? {} : { cause }),
    });
}
