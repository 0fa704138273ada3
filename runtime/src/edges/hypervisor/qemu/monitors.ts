/**
 * The QMP sockets of a host. QEMU serves one client of a socket at a time, so there is one connection a socket, shared by
 * all who ask here (observation, control, a move), and closed when nobody holds it: others may want it too.
 */
import type { HostAccess } from '../../ssh/access.js';
import { SocketRefused } from '../../ssh/socket-refused.js';
import { HypervisorError } from '../errors.js';
import { QmpConnection, type QmpOptions } from './qmp.js';

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
            throw error instanceof SocketRefused ? await this.#refused(socket, error, signal) : error;
        }
    }

    /** Asks the host itself why: an SSH server gives one answer for a missing socket, a forbidden and a full one. */
    async #refused(socket: string, cause: SocketRefused, signal: AbortSignal): Promise<HypervisorError> {
        const { host } = this.#access;
        const why = await this.#access.run(['sh', '-c', whyNot, 'sh', socket], signal).then(({ stdout }) => stdout.trim());
        const forwarding = cause.reason === 'forwarding-off' || (why === 'listening' && cause.reason === 'failed');
        const [code, message, hint] = forwarding
            ? ([
                  'socket-forbidden',
                  `the SSH server of ${host} opens no way to ${socket}: it forbids forwarding to unix sockets, or too many clients wait there`,
                  'set AllowStreamLocalForwarding yes (or local) in its sshd_config; a QMP socket serves one client at a time',
              ] as const)
            : why === 'forbidden'
              ? ([
                    'socket-forbidden',
                    `no permission on ${socket} of ${host}`,
                    'log in as the user that runs the QEMUs, or as root',
                ] as const)
              : why === 'missing'
                ? ([
                      'socket-missing',
                      `${host} has no socket ${socket}`,
                      'QEMU makes it by -qmp unix:PATH,server=on,wait=off; say where it is under `qmp` in the inventory',
                  ] as const)
                : (['socket-missing', `nobody answers at ${socket} of ${host}`, 'see whether its QEMU still runs'] as const);
        return new HypervisorError(code, host, message, { hint, cause });
    }
}

/** One word. Listening sockets have this flag in /proc/net/unix. */
const whyNot = `
if [ ! -e "$1" ]; then echo missing
elif [ ! -w "$1" ]; then echo forbidden
elif grep -q " 00010000 .* $1\\$" /proc/net/unix; then echo listening
else echo unanswered
fi
`;
