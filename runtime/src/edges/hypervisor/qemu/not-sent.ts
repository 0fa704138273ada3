/** Why a VM was not sent, in words that a person can act on. */
import { HypervisorError } from '../errors.js';
import { type BlockDevice, movedImages } from './disks.js';
import type { Reply } from './reply.js';

/** Errors: refused where its QEMU says that it cannot be migrated, or is busy with a disk. */
export function refuseBlocked(host: string, vm: string, migrate: Reply, jobs: Reply): void {
    const [reason] = migrate.at('blocked-reasons').list;
    const [job] = jobs.list;
    const why = reason ? (reason.text ?? 'it does not say why') : job && `a block job runs on ${job.at('device').text ?? 'a disk'}`;
    if (why === undefined) return;
    throw new HypervisorError('refused', host, `QEMU on ${host} does not let ${vm} be migrated: ${why}`, {
        vm,
        hint: reason ? 'detach what it names, or except the VM' : 'let the block job end, or cancel it',
    });
}

/** Errors: refused where its disks have changed since it was looked at. */
export function refuseMovedImages(
    { host, vm }: { readonly host: string; readonly vm: string },
    devices: readonly BlockDevice[],
    process: Parameters<typeof movedImages>[1],
): void {
    const [moved] = movedImages(devices, process);
    if (moved === undefined) return;
    throw new HypervisorError(
        'refused',
        host,
        `the disk ${moved.target} of ${vm} on ${host} stands in ${moved.path ?? 'no file'}, which its command line does not name, and with that it would be started at its destination`,
        { vm, hint: 'bring it back into the image that its command line names, or restart it with the one that it has' },
    );
}

/** Of a migration that has ended without; `said`: QEMU's own words. */
export function notSent(host: string, vm: string, status: string, said: string | undefined): HypervisorError {
    const text = said === undefined ? '' : `: ${said}`;
    if (status === 'cancelled') return new HypervisorError('cancelled', host, `the migration of ${vm} was cancelled${text}`, { vm });
    if (status === 'failed')
        return new HypervisorError('refused', host, `QEMU on ${host} could not send ${vm}${text}`, { vm, hint: sendingHint(text) });
    return new HypervisorError('refused', host, `the way of ${vm} to its destination was cut in post-copy${text}`, {
        vm,
        hint: 'each side waits with its part of the memory: touch neither, and mend the way between them',
    });
}

const sendingHint = (said: string): string =>
    /\bTLS\b|certificate/i.test(said)
        ? 'the two QEMUs do not accept each other: the certificate of the destination has to name its migration address, and each has to be signed by the authority that the other host trusts'
        : "see the log of the VM at its destination; where it could not connect, the source must reach the destination's migration address on TCP ports 49152 to 49215";
