/**
 * Connections to jump hosts, shared by the hosts behind them: a hundred hosts behind one gate do not knock at it a hundred
 * times. Each is opened when the first host needs it and closed when the last has given it back.
 */
import { abortable } from './abortable.js';
import type { SshLink } from './ssh-link.js';

/** The use of a connection to a jump host, until it is disposed of. */
export interface Lease extends AsyncDisposable {
    readonly link: SshLink;
}

/**
 * Hosts that pass through one connection: as many as an SSH server opens sessions on it unless told otherwise (MaxSessions).
 * OpenSSH does not count what is forwarded, other servers do.
 */
export const hostsPerConnection = 10;

interface Shared {
    readonly link: Promise<SshLink>;
    /** Gives up the opening. */
    readonly stop: AbortController;
    users: number;
}

export class JumpHosts {
    readonly #open = new Map<string, Set<Shared>>();

    /**
     * A connection of this key that has room, else a new one. One that is being opened is waited for with the others, and
     * given up when nobody waits any more; what stands against it is told to all who wait, and not remembered.
     */
    async lease(key: string, open: (signal: AbortSignal) => Promise<SshLink>, signal: AbortSignal): Promise<Lease> {
        signal.throwIfAborted();
        const shared = [...(this.#open.get(key) ?? [])].find(({ users }) => users < hostsPerConnection) ?? this.#begin(key, open);
        shared.users += 1;
        let given = false;
        const giveBack = async (): Promise<void> => {
            if (given) return;
            given = true;
            shared.users -= 1;
            if (shared.users > 0) return;
            this.#forget(key, shared);
            shared.stop.abort();
            const link = await shared.link.catch(() => undefined);
            await link?.[Symbol.asyncDispose]();
        };
        try {
            return { link: await abortable(shared.link, signal), [Symbol.asyncDispose]: giveBack };
        } catch (error) {
            await giveBack();
            throw error;
        }
    }

    #begin(key: string, open: (signal: AbortSignal) => Promise<SshLink>): Shared {
        const stop = new AbortController();
        const shared: Shared = { link: open(stop.signal), stop, users: 0 };
        const all = this.#open.get(key) ?? new Set();
        this.#open.set(key, all.add(shared));
        const forget = (): void => this.#forget(key, shared);
        shared.link.then(async (link) => {
            await link.lost;
            forget();
        }, forget);
        return shared;
    }

    /** Nobody more gets it; those who have it keep it. */
    #forget(key: string, shared: Shared): void {
        const all = this.#open.get(key);
        all?.delete(shared);
        if (all?.size === 0) this.#open.delete(key);
    }
}

/** Of this process. */
export const ownJumpHosts = new JumpHosts();
