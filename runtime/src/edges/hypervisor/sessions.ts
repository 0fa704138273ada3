import type { HostName, InventoryHost } from '../../core/index.js';
import type { HostSession, Hypervisors } from './port.js';

/** Opens a session with one host, by its driver. */
export type OpenSession = (host: InventoryHost, signal: AbortSignal) => Promise<HostSession>;

/**
 * Sessions by host: opened once, shared by observation and execution, opened anew after a loss, closed together.
 * A failed opening is not remembered, so that the next caller tries again.
 */
export class HostSessions implements Hypervisors, AsyncDisposable {
    readonly #open: OpenSession;
    readonly #sessions = new Map<HostName, Promise<HostSession>>();

    constructor(open: OpenSession) {
        this.#open = open;
    }

    session(host: InventoryHost, signal: AbortSignal): Promise<HostSession> {
        const known = this.#sessions.get(host.name);
        if (known !== undefined) return known;
        const opening = this.#open(host, signal);
        this.#sessions.set(host.name, opening);
        const forget = () => {
            if (this.#sessions.get(host.name) === opening) this.#sessions.delete(host.name);
        };
        opening.then(async (session) => {
            await session.lost;
            forget();
            // What is left of it (connections, locks on the host) must not outlive it; that it is broken is known already.
            await Promise.resolve(session[Symbol.asyncDispose]()).catch(() => undefined);
        }, forget);
        return opening;
    }

    async [Symbol.asyncDispose](): Promise<void> {
        const all = [...this.#sessions.values()];
        this.#sessions.clear();
        // One host that cannot be closed must not keep the others open.
        await Promise.allSettled(all.map(async (session) => (await session)[Symbol.asyncDispose]()));
    }
}
