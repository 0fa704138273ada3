/**
 * One SSH connection to one server, with keepalive: the channels that are opened over it, and word of its end. Nagle's
 * algorithm is off: with it every small call waits for a delayed acknowledgement, 44 ms instead of 0.2 ms.
 */
import type { Duplex } from 'node:stream';
import type { Client, ClientChannel } from 'ssh2';
import { HypervisorError } from '../hypervisor/errors.js';
import type { HostLost } from '../hypervisor/port.js';
import { abortable, asError } from './abortable.js';
import type { Lease } from './jump-hosts.js';
import { SocketRefused } from './socket-refused.js';

/** How long a host gets to take leave. */
const closeTimeoutMs = 1000;

export class SshLink implements AsyncDisposable {
    /** The host, or the jump host, in words. */
    readonly name: string;
    readonly lost: Promise<HostLost>;
    readonly #client: Client;
    /** The jump host that it passes through. */
    readonly #way: Lease | undefined;
    #closing = false;
    #gone: string | undefined;
    /** Channels that are being opened: the library does not tell them of the end. */
    readonly #opening = new Set<(why: string) => void>();

    /** It owns the client, and its place on the way there. */
    constructor(name: string, client: Client, way: Lease | undefined) {
        this.name = name;
        this.#client = client;
        this.#way = way;
        this.lost = new Promise((resolve) => {
            let why = 'the SSH connection was closed';
            client.on('error', (error) => {
                why = error.level === 'client-timeout' ? 'the host no longer answers (SSH keepalive)' : error.message;
            });
            client.on('close', () => {
                // The library tells of the end of a connection before it ends what passes through it.
                const told = way === undefined ? why : brokenWay(why, way.link);
                this.#gone = told;
                for (const fail of this.#opening) fail(told);
                if (!this.#closing) resolve({ why: told });
            });
        });
    }

    /** Why the connection has ended, once it has. */
    get gone(): string | undefined {
        return this.#gone;
    }

    openUnix(path: string, signal: AbortSignal): Promise<Duplex> {
        return this.#channel(signal, (done) => this.#client.openssh_forwardOutStreamLocal(path, done)).catch((error: unknown) => {
            throw isOpenFailure(error)
                ? new SocketRefused(path, error.reason === openFailures.prohibited ? 'forwarding-off' : 'failed', { cause: error })
                : error;
        });
    }

    openTcp(address: string, port: number, signal: AbortSignal): Promise<Duplex> {
        return this.#channel(signal, (done) => this.#client.forwardOut('127.0.0.1', 0, address, port, done)).catch((cause: unknown) => {
            throw isOpenFailure(cause) ? this.#notForwarded(`${address}:${String(port)}`, cause) : cause;
        });
    }

    /** A session that runs a command. `opening` sees the channel before anything has come over it. */
    exec(command: string, opening: (channel: ClientChannel) => void, signal: AbortSignal): Promise<ClientChannel> {
        return this.#channel(signal, (done) => this.#client.exec(command, done), opening);
    }

    lostError(why: string): HypervisorError {
        return new HypervisorError('host-lost', this.name, `the connection to ${this.name} is gone: ${why}`, {
            hint: 'see whether the host is up and can be reached',
        });
    }

    async [Symbol.asyncDispose](): Promise<void> {
        if (this.#closing) return;
        this.#closing = true;
        this.#client.end();
        if (this.#gone === undefined) {
            // A host that no longer answers does not keep us.
            const givingUp = setTimeout(() => this.#client.destroy(), closeTimeoutMs);
            this.#client.once('close', () => clearTimeout(givingUp));
        }
        await this.#way?.[Symbol.asyncDispose]();
    }

    /** Opens a channel; one that comes after the wait was given up is closed again. */
    async #channel(
        signal: AbortSignal,
        open: (done: (error: Error | undefined, channel: ClientChannel) => void) => void,
        opening?: (channel: ClientChannel) => void,
    ): Promise<ClientChannel> {
        signal.throwIfAborted();
        if (this.#gone !== undefined) throw this.lostError(this.#gone);
        const { promise, resolve, reject } = Promise.withResolvers<ClientChannel>();
        const fail = (why: string): void => reject(this.lostError(why));
        this.#opening.add(fail);
        try {
            open((error, channel) => {
                if (error) return reject(error);
                opening?.(channel);
                resolve(channel);
            });
        } catch (error) {
            // The library throws at once where the connection is gone.
            fail(asError(error).message);
        }
        try {
            return await abortable(promise, signal, (late) => late.destroy());
        } finally {
            this.#opening.delete(fail);
        }
    }

    #notForwarded(to: string, cause: OpenFailure): HypervisorError {
        const prohibited = cause.reason === openFailures.prohibited;
        return new HypervisorError('host-unreachable', this.name, `${this.name} does not forward to ${to}: ${cause.message}`, {
            cause,
            hint: prohibited
                ? 'its SSH server must allow TCP forwarding (AllowTcpForwarding, PermitOpen); a key with "restrict" needs "port-forwarding"'
                : `see whether ${to} answers when it is asked from there`,
        });
    }
}

function brokenWay(why: string, hop: SshLink): string {
    return hop.gone === undefined ? `${why} (it is reached through ${hop.name})` : `${hop.name} is gone: ${hop.gone}`;
}

/** SSH_OPEN_ADMINISTRATIVELY_PROHIBITED (RFC 4254, 5.1). */
const openFailures = { prohibited: 1 } as const;

type OpenFailure = Error & { readonly reason: unknown };

/** The library's mark of a channel that the server did not open: its reason, or '' where it gave none. */
export function isOpenFailure(error: unknown): error is OpenFailure {
    return error instanceof Error && 'reason' in error;
}
