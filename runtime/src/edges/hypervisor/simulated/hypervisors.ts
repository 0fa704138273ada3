import type { Inventory, InventoryHost } from '../../../core/index.js';
import type { HostSession, Hypervisors } from '../port.js';
import { HostSessions } from '../sessions.js';
import { SimulatedCluster, type SimulatedOptions } from './cluster.js';
import { openSimulatedSession } from './session.js';

/** Simulated hosts behind the port of real ones. The cluster's state outlives every session and every client. */
export class SimulatedHypervisors implements Hypervisors, AsyncDisposable {
    /** To look at, to break, and to reboot. */
    readonly cluster: SimulatedCluster;
    readonly #sessions: HostSessions;

    constructor(cluster: SimulatedCluster) {
        this.cluster = cluster;
        this.#sessions = new HostSessions((host, signal) => openSimulatedSession(cluster, host, signal));
    }

    session(host: InventoryHost, signal: AbortSignal): Promise<HostSession> {
        return this.#sessions.session(host, signal);
    }

    /** Another client of the same cluster, such as the one that resumes what this one left. */
    anotherClient(): SimulatedHypervisors {
        return new SimulatedHypervisors(this.cluster);
    }

    [Symbol.asyncDispose](): Promise<void> {
        return this.#sessions[Symbol.asyncDispose]();
    }
}

/** Hosts as the inventory describes them (`simulated:`), in the time of the clock. */
export function createSimulatedHypervisors(inventory: Inventory, options: SimulatedOptions): SimulatedHypervisors {
    return new SimulatedHypervisors(new SimulatedCluster(inventory, options));
}
