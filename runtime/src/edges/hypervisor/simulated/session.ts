import type { CpuVerdict, HostName, InventoryHost, VmUuid } from '../../../core/index.js';
import { HypervisorError } from '../errors.js';
import type { Arrival, Departure, HostLost, HostObservation, HostSession, LockOwner, ObservationNeeds, Presence, VmLock } from '../port.js';
import { SimulatedArrival } from './arrival.js';
import type { Copy, SimulatedCluster, SimulatedMachine } from './cluster.js';
import { SimulatedConnection } from './connection.js';
import { definitionOf, SimulatedDeparture } from './departure.js';
import type { FaultyCall } from './faults.js';
import { observationOf } from './observation.js';

/** A client's session with one simulated host. */
export class SimulatedSession implements HostSession {
    readonly host: InventoryHost;
    readonly #cluster: SimulatedCluster;
    readonly #control: SimulatedConnection;

    constructor(cluster: SimulatedCluster, host: InventoryHost) {
        this.#cluster = cluster;
        this.host = host;
        this.#control = new SimulatedConnection(cluster, host.name);
    }

    get lost(): Promise<HostLost> {
        return this.#control.lost;
    }

    async observe(needs: ObservationNeeds, signal: AbortSignal): Promise<HostObservation> {
        if (needs.twoSamples || needs.dirtyRate) await this.#cluster.clock.sleep(needs.windowMs, signal);
        return this.#call('presence', undefined, signal, () => observationOf(this.#cluster, this.#machine, needs));
    }

    compareCpus(vms: readonly { readonly uuid: VmUuid }[], signal: AbortSignal): Promise<readonly CpuVerdict[]> {
        return this.#call('presence', undefined, signal, () =>
            vms.map(({ uuid }) => ({ vm: uuid, host: this.host.name, compatible: true, detail: 'simulated hosts have one CPU model' })),
        );
    }

    presence(uuid: VmUuid, signal: AbortSignal): Promise<Presence> {
        return this.#call('presence', uuid, signal, () => {
            const bootId = this.#cluster.bootId(this.host.name);
            const copy = this.#machine.copies.get(uuid);
            if (!copy) return { kind: 'absent', bootId };
            const { state, reason, persistent, job, mover } = copy;
            return { kind: 'present', bootId, state, reason, persistent, job, mover };
        });
    }

    departure(uuid: VmUuid, signal: AbortSignal): Promise<Departure> {
        return this.#call(
            'departure',
            uuid,
            signal,
            () => new SimulatedDeparture(new SimulatedConnection(this.#cluster, this.host.name), this.#copy(uuid)),
        );
    }

    arrival(uuid: VmUuid, signal: AbortSignal): Promise<Arrival> {
        return this.#call(
            'arrival',
            uuid,
            signal,
            () => new SimulatedArrival(new SimulatedConnection(this.#cluster, this.host.name), uuid, this.#nameOf(uuid) ?? uuid),
        );
    }

    lock(uuid: VmUuid, owner: LockOwner, signal: AbortSignal): Promise<VmLock> {
        return this.#call('lock', uuid, signal, () => {
            const { locks } = this.#machine;
            const holder = locks.get(uuid);
            if (holder) {
                throw new HypervisorError(
                    'vm-locked',
                    this.host.name,
                    `${this.#nameOf(uuid) ?? uuid} is being moved by run ${holder.run} of ${holder.controller}`,
                    {
                        hint: 'wait until it has ended, or abort it',
                    },
                );
            }
            const held = { ...owner };
            locks.set(uuid, held);
            const release = (): void => {
                if (locks.get(uuid) === held) locks.delete(uuid);
            };
            this.#control.whenClosed(release);
            return {
                lost: this.lost.then(() => undefined),
                [Symbol.asyncDispose]: () => {
                    release();
                    return Promise.resolve();
                },
            };
        });
    }

    definition(uuid: VmUuid, signal: AbortSignal): Promise<string> {
        return this.#call('definition', uuid, signal, () => definitionOf(this.#copy(uuid)));
    }

    setAutostart(uuid: VmUuid, on: boolean, signal: AbortSignal): Promise<void> {
        return this.#change('autostart', uuid, signal, (copy) => {
            if (!copy.persistent)
                throw new HypervisorError('refused', this.host.name, `${copy.vm.name} is not defined on ${this.host.name}`);
            copy.autostart = on;
        });
    }

    markMover(uuid: VmUuid, mark: Copy['mover'], signal: AbortSignal): Promise<void> {
        return this.#change('mark', uuid, signal, (copy) => (copy.mover = mark));
    }

    define(xml: string, signal: AbortSignal): Promise<void> {
        const uuid = /<uuid>([^<]*)<\/uuid>/.exec(xml)?.[1] ?? '';
        return this.#change('define', uuid, signal, (copy) => (copy.persistent = true));
    }

    undefine(uuid: VmUuid, signal: AbortSignal): Promise<void> {
        return this.#change('undefine', uuid, signal, (copy) => {
            copy.persistent = false;
            if (copy.state === 'shut off') this.#machine.copies.delete(uuid);
        });
    }

    resumeGuest(uuid: VmUuid, signal: AbortSignal): Promise<void> {
        return this.#change('resume', uuid, signal, (copy) => {
            // Its memory is no longer whole here: a hypervisor refuses that as well.
            if (copy.reason === 'postcopy' || copy.reason === 'postcopy-failed')
                throw new HypervisorError('refused', this.host.name, `${copy.vm.name} has switched to post-copy`);
            Object.assign(copy, { state: 'running', reason: 'other' });
        });
    }

    /** It goes off at once, unless a fault stands against it. */
    shutDownGuest(uuid: VmUuid, signal: AbortSignal): Promise<void> {
        return this.#change('shut-down', uuid, signal, (copy) => {
            if (copy.persistent) Object.assign(copy, { state: 'shut off', reason: 'other', job: 'none' });
            else this.#machine.copies.delete(uuid);
        });
    }

    destroyGuest(uuid: VmUuid, signal: AbortSignal): Promise<void> {
        return this.#change('destroy', uuid, signal, (copy) => {
            if (copy.persistent) Object.assign(copy, { state: 'shut off', reason: 'other', job: 'none' });
            else this.#machine.copies.delete(uuid);
        });
    }

    [Symbol.asyncDispose](): Promise<void> {
        this.#control.close('closed');
        return Promise.resolve();
    }

    #change(call: FaultyCall, uuid: VmUuid, signal: AbortSignal, work: (copy: Copy) => unknown): Promise<void> {
        return this.#call(call, uuid, signal, () => void work(this.#copy(uuid)));
    }

    #call<T>(call: FaultyCall, uuid: VmUuid | undefined, signal: AbortSignal, work: () => T): Promise<T> {
        return this.#control.call(call, uuid === undefined ? undefined : this.#nameOf(uuid), signal, work);
    }

    #copy(uuid: VmUuid): Copy {
        const copy = this.#machine.copies.get(uuid);
        if (copy) return copy;
        throw new HypervisorError('no-such-vm', this.host.name, `${this.host.name} has no VM ${this.#nameOf(uuid) ?? uuid}`);
    }

    #nameOf(uuid: VmUuid): string | undefined {
        for (const machine of this.#cluster.machines.values()) {
            const copy = machine.copies.get(uuid);
            if (copy) return copy.vm.name;
        }
        return undefined;
    }

    get #machine(): SimulatedMachine {
        return this.#cluster.machine(this.host.name);
    }
}

/** @throws HypervisorError `host-unreachable` for a host that is partitioned from the controller */
export async function openSimulatedSession(cluster: SimulatedCluster, host: InventoryHost, signal: AbortSignal): Promise<HostSession> {
    refuseUnreachable(cluster, host.name);
    const session = new SimulatedSession(cluster, host);
    await session.presence('', signal);
    return session;
}

function refuseUnreachable(cluster: SimulatedCluster, host: HostName): void {
    if (cluster.machine(host).reachable) return;
    throw new HypervisorError('host-unreachable', host, `${host} does not answer`, { hint: 'look at its link to this machine' });
}
