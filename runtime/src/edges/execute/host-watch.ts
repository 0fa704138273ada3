import type { HostName, InventoryHost } from '../../core/index.js';
import type { HostSession, Hypervisors } from '../hypervisor/port.js';
import type { Emit } from './ports.js';

/** Tells when the connection to a host is lost, and when the host answers again. */
export class HostWatch implements Hypervisors {
    readonly #hypervisors: Hypervisors;
    readonly #emit: Emit;
    readonly #known = new Map<HostName, HostSession>();
    readonly #lost = new Set<HostName>();

    constructor(hypervisors: Hypervisors, emit: Emit) {
        this.#hypervisors = hypervisors;
        this.#emit = emit;
    }

    async session(host: InventoryHost, signal: AbortSignal): Promise<HostSession> {
        const session = await this.#hypervisors.session(host, signal);
        if (this.#known.get(host.name) !== session) this.#watch(host.name, session);
        return session;
    }

    #watch(host: HostName, session: HostSession): void {
        this.#known.set(host, session);
        if (this.#lost.delete(host)) this.#emit({ type: 'host-back', host });
        void session.lost.then(({ why }) => {
            if (this.#known.get(host) !== session) return;
            this.#lost.add(host);
            this.#emit({ type: 'host-lost', host, why });
        });
    }
}
