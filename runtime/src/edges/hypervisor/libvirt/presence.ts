/** What a host knows of a VM right now. Recovery rests on it: every answer is asked for anew, and silence is an error. */
import type { VmUuid } from '../../../core/index.js';
import type { HostAccess } from '../../ssh/access.js';
import { HypervisorError } from '../errors.js';
import type { Presence } from '../port.js';
import type { LibvirtConnection } from './connect.js';
import { domainStates, lookUp, xmlFlags } from './domains.js';
import { readDomain } from './domain-xml.js';
import { activeJob } from './jobs.js';
import { procedures } from './procedures.js';

export async function presenceOf(
    connection: LibvirtConnection,
    access: HostAccess,
    bootId: string,
    vm: VmUuid,
    signal: AbortSignal,
): Promise<Presence> {
    try {
        const present = await asLibvirtSays(connection, bootId, vm, signal);
        // A definition alone is not the VM, unless a process runs that libvirt has lost sight of.
        return present.state === 'shut off' && (await hasProcess(access, vm, signal)) ? stray(bootId, present.persistent) : present;
    } catch (error) {
        if (!(error instanceof HypervisorError) || error.code !== 'no-such-vm') throw error;
        return (await hasProcess(access, vm, signal)) ? stray(bootId, false) : { kind: 'absent', bootId };
    }
}

type Present = Extract<Presence, { kind: 'present' }>;

async function asLibvirtSays(connection: LibvirtConnection, bootId: string, vm: VmUuid, signal: AbortSignal): Promise<Present> {
    const dom = await lookUp(connection, vm, signal);
    const [state, { persistent }, job, { xml }] = await Promise.all([
        connection.call(procedures.domainGetState, { dom, flags: 0 }, signal),
        connection.call(procedures.domainIsPersistent, { dom }, signal),
        activeJob(connection, dom, signal),
        connection.call(procedures.domainGetXmlDesc, { dom, flags: xmlFlags.live }, signal),
    ]);
    return {
        kind: 'present',
        bootId,
        state: states[state.state] ?? 'other',
        reason: reasons[state.state]?.[state.reason] ?? 'other',
        persistent: persistent !== 0,
        job: job?.kind ?? 'none',
        mover: readDomain(xml).mover,
    };
}

/** A blocked guest runs: it waits for a resource of its own. */
const states: Readonly<Record<number, Present['state']>> = {
    [domainStates.running]: 'running',
    [domainStates.blocked]: 'running',
    [domainStates.paused]: 'paused',
    [domainStates.shutOff]: 'shut off',
};

/** libvirt's reasons by state: virDomainRunningReason and virDomainPausedReason. */
const reasons: Readonly<Record<number, Readonly<Record<number, Present['reason']>>>> = {
    [domainStates.running]: { 2: 'migrated', 10: 'postcopy', 11: 'postcopy-failed' },
    [domainStates.paused]: { 1: 'user', 2: 'migration', 11: 'starting-up', 12: 'postcopy', 13: 'postcopy-failed' },
};

const stray = (bootId: string, persistent: boolean): Present => ({
    kind: 'present',
    bootId,
    state: 'other',
    reason: 'other',
    persistent,
    job: 'other',
    mover: undefined,
});

/** QEMU gets its UUID as an argument; the search's own argument does not contain one. */
async function hasProcess(access: HostAccess, vm: VmUuid, signal: AbortSignal): Promise<boolean> {
    const script = "grep -lsae '-uuid' /proc/[0-9]*/cmdline | while read -r file; do tr '\\0' ' ' < \"$file\" 2>/dev/null && echo; done";
    const { stdout } = await access.run(['sh', '-c', script], signal);
    return stdout.toLowerCase().includes(`-uuid ${vm.toLowerCase()} `);
}
