/** What is asked of a running guest beside its migration: whether its agent answers, and what its process costs. */
import { type Milliseconds, milliseconds } from '@mig/language';
import type { LibvirtConnection } from './connect.js';
import { type Domain, procedures } from './procedures.js';
import { ParamReader } from './typed-params.js';

/** Longer waits are the caller's: it asks again. */
const agentTimeoutSeconds = 1;

/** Settles when the guest's agent answers. Errors: what libvirt says where it has none, or none that answers. */
export async function pingAgent(connection: LibvirtConnection, dom: Domain, signal: AbortSignal): Promise<void> {
    const command = '{"execute":"guest-ping"}';
    await connection.call(procedures.agentCommand, { dom, command, timeout: agentTimeoutSeconds, flags: 0 }, signal);
}

/** Groups of connectGetAllDomainStats. */
const groups = { cpuTotal: 2, vcpu: 8 } as const;

/** CPU time of the VM's process less that of its virtual CPUs; undefined where the host does not count it (no cgroup for the process). */
export async function emulatorCpu(connection: LibvirtConnection, dom: Domain, signal: AbortSignal): Promise<Milliseconds | undefined> {
    const asked = { domains: [dom], stats: groups.cpuTotal | groups.vcpu, flags: 0 };
    const { records } = await connection.call(procedures.connectGetAllDomainStats, asked, signal);
    const params = new ParamReader(records[0]?.params ?? []);
    const [all, guest] = [params.number('cpu.time'), params.sum('vcpu', 'time')];
    return all === undefined || guest === undefined ? undefined : milliseconds(Math.max(0, all - guest) / 1e6);
}
