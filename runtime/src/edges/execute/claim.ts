import { milliseconds } from '@mig/language';
import { MigrationError } from '../../core/errors.js';
import { driversApart, type PlannedMove } from '../../core/index.js';
import { HypervisorError } from '../hypervisor/errors.js';
import type { Arrival, Departure, HostSession, Presence, VmLock } from '../hypervisor/port.js';
import { within } from './bounds.js';
import { sessionWith, type ExecutePorts } from './ports.js';

/** What a move holds before its first phase: the VM's lock, and a connection of its own to each host. */
export interface Claim extends AsyncDisposable {
    readonly source: HostSession;
    readonly destination: HostSession;
    readonly lock: VmLock;
    readonly departure: Departure;
    readonly arrival: Arrival;
    /** Closes both connections, and keeps the lock: a host then ends by itself what was left open on them. */
    readonly close: () => Promise<void>;
}

/** A host that has not let itself be claimed, examined or marked within this time counts as lost. */
export const claimWithin = milliseconds(30_000);

/** Takes the lock and opens the connections, all at once. Nothing is held when it fails. */
export function claim(step: PlannedMove, ports: ExecutePorts, signal: AbortSignal): Promise<Claim> {
    const what = { call: 'the lock and the connections', host: step.source, vm: step.vm.name };
    return within(ports.clock, claimWithin, what, (late) => open(step, ports, AbortSignal.any([signal, late])));
}

async function open(step: PlannedMove, ports: ExecutePorts, signal: AbortSignal): Promise<Claim> {
    const [source, destination] = await Promise.all([
        sessionWith(ports, step.source, signal),
        sessionWith(ports, step.destination, signal),
    ]);
    const apart = driversApart(source.host, destination.host);
    if (apart !== undefined) {
        throw new MigrationError('drivers-apart', `${step.destination} ${apart}`, {
            hint: 'make a new plan with this inventory: it names another destination, or none',
            where: { host: step.destination, vm: step.vm.name },
        });
    }
    const { uuid } = step.vm;
    const opened = await Promise.allSettled([
        source.lock(uuid, { run: ports.run, controller: ports.controller }, signal),
        source.departure(uuid, signal),
        destination.arrival(uuid, signal),
    ]);
    const [lock, departure, arrival] = opened;
    if (lock.status === 'fulfilled' && departure.status === 'fulfilled' && arrival.status === 'fulfilled') {
        const [l, d, a] = [lock.value, departure.value, arrival.value];
        let closing: Promise<unknown> | undefined;
        const close = async (): Promise<void> => {
            closing ??= Promise.allSettled([d[Symbol.asyncDispose](), a[Symbol.asyncDispose]()]);
            await closing;
        };
        return {
            source,
            destination,
            lock: l,
            departure: d,
            arrival: a,
            close,
            // The lock goes last: nobody else may begin while our connections still speak of the VM.
            [Symbol.asyncDispose]: async () => {
                await close();
                await l[Symbol.asyncDispose]();
            },
        };
    }
    await Promise.allSettled(opened.map(async (o) => (o.status === 'fulfilled' ? o.value[Symbol.asyncDispose]() : undefined)));
    throw opened.find((o) => o.status === 'rejected')?.reason;
}

/** Asks both hosts, and refuses a move that is not as the plan believes. Nothing has been touched yet. */
export async function examine(
    step: PlannedMove,
    { source, destination }: Pick<Claim, 'source' | 'destination'>,
    signal: AbortSignal,
): Promise<{ readonly source: string; readonly destination: string; readonly staleMark: string | undefined }> {
    const [here, there] = await Promise.all([source.presence(step.vm.uuid, signal), destination.presence(step.vm.uuid, signal)]);
    const staleMark = refuseUnlessReady(step, here);
    if (there.kind === 'present' && there.state !== 'shut off') {
        throw new MigrationError('vm-at-destination', `${step.destination} already has a copy of ${step.vm.name} (${there.state})`, {
            hint: 'if a run was interrupted, `mig-run resume` it; else find out who made the copy before it is removed',
            where: { host: step.destination, vm: step.vm.name },
        });
    }
    return { source: here.bootId, destination: there.bootId, staleMark };
}

function refuseUnlessReady(step: PlannedMove, here: Presence): string | undefined {
    const where = { host: step.source, vm: step.vm.name };
    if (here.kind === 'absent')
        throw new HypervisorError('no-such-vm', step.source, `${step.vm.name} is not on ${step.source} any more`, {
            hint: 'make a new plan',
            where,
        });
    if (here.job !== 'none') {
        throw new MigrationError('vm-busy', `a job is under way on ${step.vm.name} at ${step.source}`, {
            hint: 'wait until it has ended, or stop it',
            where,
        });
    }
    if (here.state !== 'running') {
        throw new MigrationError('vm-not-running', `${step.vm.name} is ${here.state} at ${step.source}, and only a running VM is moved`, {
            hint: 'start or resume it, or leave it out',
            where,
        });
    }
    return here.mover?.run;
}
