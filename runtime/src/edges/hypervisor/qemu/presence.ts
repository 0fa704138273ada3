/** What a host knows of a VM right now. Recovery rests on it: every answer is asked for anew, and silence is an error. */
import type { InventoryHost, VmUuid } from '../../../core/index.js';
import type { HostAccess } from '../../ssh/access.js';
import { HypervisorError } from '../errors.js';
import type { Presence } from '../port.js';
import { markFile } from './mark.js';
import { hasMirrors } from './mirrors.js';
import type { Monitors } from './monitors.js';
import { findProcesses, type QemuProcess } from './processes.js';
import { seenAs } from './run-state.js';
import { socketOf } from './socket-of.js';

/** A host as it is asked. */
export interface Asked {
    readonly host: InventoryHost;
    readonly access: HostAccess;
    readonly monitors: Monitors;
}

export async function presenceOf({ host, access, monitors }: Asked, bootId: string, vm: VmUuid, signal: AbortSignal): Promise<Presence> {
    const [process, ...more] = await findProcesses(access, signal, vm);
    if (process === undefined) {
        // A mark that its process has left is cleared away; it says nothing of any other.
        await access.run(['rm', '-f', markFile(vm)], signal);
        return { kind: 'absent', bootId };
    }
    const mover = process.mark && { run: process.mark.run, epoch: process.mark.epoch };
    const present = { kind: 'present', bootId, persistent: false, mover } as const;
    if (more.length > 0) return { ...present, state: 'other', reason: 'other', job: 'other' };
    const [status, migrate, jobs] = await monitors.with(mustHaveSocket(host, process, vm), signal, (qmp) =>
        Promise.all([
            qmp.execute('query-status', undefined, signal),
            qmp.execute('query-migrate', undefined, signal),
            qmp.execute('query-jobs', undefined, signal),
        ]),
    );
    return { ...present, ...seenAs(status, migrate, process.mark, hasMirrors(jobs)) };
}

/** Errors: socket-missing, with the reason and the cure. */
export function mustHaveSocket(host: InventoryHost, process: QemuProcess, vm: VmUuid): string {
    const found = socketOf(host, process);
    if ('socket' in found) return found.socket;
    throw new HypervisorError(
        'socket-missing',
        host.name,
        `VM ${process.identity.name ?? vm} on ${host.name} cannot be driven: ${found.reason}`,
        {
            vm,
            hint: found.cure,
        },
    );
}

/** The one process of a VM. Errors: no-such-vm; refused where there are two. */
export async function processOf({ access }: Asked, vm: VmUuid, signal: AbortSignal): Promise<QemuProcess> {
    const [process, ...more] = await findProcesses(access, signal, vm);
    if (process === undefined)
        throw new HypervisorError('no-such-vm', access.host, `${access.host} runs no QEMU of VM ${vm}`, {
            vm,
            hint: 'it was moved or has ended meanwhile: observe again',
        });
    if (more.length > 0) {
        const pids = [process, ...more].map(({ pid }) => String(pid)).join(', ');
        throw new HypervisorError('refused', access.host, `${access.host} runs VM ${vm} more than once (processes ${pids})`, {
            vm,
            hint: 'find out which of them is the VM, end the other, and check its disks',
        });
    }
    return process;
}
