/**
 * The QMP sockets of a host. QEMU serves one client of a socket at a time, so there is one connection a socket, shared by
 * all who ask here (observation, control, a move), and closed when nobody holds it: others may want it too.
 */
import type { HostAccess } from '../../ssh/access.js';
import { SocketRefused } from '../../ssh/socket-refused.js';
import { QmpConnection, type QmpOptions } from './qmp.js';
import { socketRefused } from './socket-refused.js';

/** One hold of a socket's connection; giving it up closes the connection where nobody else holds it. */
export interface Monitor extends AsyncDisposable {
    readonly qmp: QmpConnection;
}

interface Shared {
    readonly opening: Promise<QmpConnection>;
    holders: number;
}

export class Monitors implements AsyncDisposable {
    readonly #access: HostAccess;
    readonly #options: QmpOptions;
    readonly #open = new Map<string, Shared>();
    /** Connections that are being closed: QEMU greets the next one after that. */
    readonly #closing = new Map<string, Promise<void>>();

    constructor(access: HostAccess, options: QmpOptions = {}) {
        this.#access = access;
        this.#options = options;
    }

    /** Errors: socket-missing, socket-forbidden, timed-out where another client is served, protocol. */
    async hold(socket: string, signal: AbortSignal): Promise<Monitor> {
        const known = this.#open.get(socket);
        const shared = known ?? { opening: this.#connect(socket, signal), holders: 0 };
        if (known === undefined) this.#remember(socket, shared);
        shared.holders += 1;
        let given = false;
        const giveUp = async (): Promise<void> => {
            if (given) return;
            given = true;
            shared.holders -= 1;
            if (shared.holders === 0) await this.#close(socket, shared);
        };
        try {
            const qmp = await shared.opening;
            return { qmp, [Symbol.asyncDispose]: giveUp };
        } catch (error) {
            await giveUp();
            throw error;
        }
    }

    /** Holds a socket while something is done. */
    async with<T>(socket: string, signal: AbortSignal, work: (qmp: QmpConnection) => Promise<T>): Promise<T> {
        await using monitor = await this.hold(socket, signal);
        return await work(monitor.qmp);
    }

    async [Symbol.asyncDispose](): Promise<void> {
        await Promise.all([...this.#open].map(([socket, shared]) => this.#close(socket, shared)));
        await Promise.all(this.#closing.values());
    }

    #remember(socket: string, shared: Shared): void {
        this.#open.set(socket, shared);
        const forget = (): void => {
            if (this.#open.get(socket) === shared) this.#open.delete(socket);
        };
        // A connection that broke is not handed out again: whoever asks next opens another.
        shared.opening.then((qmp) => void qmp.lost.then(forget), forget);
    }

    #close(socket: string, shared: Shared): Promise<void> {
        if (this.#open.get(socket) === shared) this.#open.delete(socket);
        const closed = shared.opening.then(
            (qmp) => qmp[Symbol.asyncDispose](),
            () => undefined, // it never opened: its error went to whoever asked
        );
        const after = Promise.all([this.#closing.get(socket), closed]).then(() => {
            if (this.#closing.get(socket) === after) this.#closing.delete(socket);
        });
        this.#closing.set(socket, after);
        return after;
    }

    async #connect(socket: string, signal: AbortSignal): Promise<QmpConnection> {
        await this.#closing.get(socket);
        const { host } = this.#access;
        try {
            return await QmpConnection.open({ host, socket }, await this.#access.openUnix(socket, signal), signal, this.#options);
        } catch (error) {
            throw error instanceof SocketRefused ? await socketRefused(this.#access, socket, 'qmp', error, signal) : error;
        }
    }
}
