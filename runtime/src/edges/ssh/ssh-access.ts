/**
 * Access to a host over one SSH connection, with keepalive. Nagle's algorithm is off: with it every small call waits for
 * a delayed acknowledgement, 44 ms instead of 0.2 ms.
 */
import type { Duplex } from 'node:stream';
import type { Client, ClientChannel } from 'ssh2';
import type { HostName } from '../../core/index.js';
import { HypervisorError } from '../hypervisor/errors.js';
import type { HostLost } from '../hypervisor/port.js';
import { abortable, asError } from './abortable.js';
import { collect, type CommandResult, type HostAccess, type HostProcess } from './access.js';
import { shellCommand } from './command.js';
import type { SshEnvironment } from './environment.js';
import { SocketRefused } from './socket-refused.js';
import { jumpConnection, resolveTarget, type SshConnection } from './ssh-config.js';
import { connectClient } from './ssh-connect.js';

const maxJumps = 8;
/** How long a host gets to take leave. */
const closeTimeoutMs = 1000;

/**
 * Connects and authenticates, through the hosts that ProxyJump names.
 * Errors: host-unreachable, host-key-unknown, host-key-mismatch, authentication-failed, feature-missing.
 */
export async function openSsh(
    name: HostName,
    connection: SshConnection,
    signal: AbortSignal,
    environment: SshEnvironment,
): Promise<HostAccess> {
    return openThrough(undefined, name, connection, signal, environment, 0);
}

/** `way` is the host to go through, where it is already known; otherwise the configuration says. The result owns it. */
async function openThrough(
    way: SshAccess | undefined,
    name: HostName,
    connection: SshConnection,
    signal: AbortSignal,
    environment: SshEnvironment,
    depth: number,
): Promise<SshAccess> {
    const target = await resolveTarget(name, connection, environment);
    let through = way;
    if (through === undefined && depth > maxJumps) {
        throw new HypervisorError('host-unreachable', name, `ProxyJump for ${name} passes through more than ${String(maxJumps)} hosts`, {
            hint: 'look for a circle in ~/.ssh/config',
        });
    }
    try {
        if (through === undefined) {
            for (const spec of target.jumps) {
                through = await openThrough(
                    through,
                    `${name} (jump ${spec})`,
                    jumpConnection(spec, connection.knownHosts),
                    signal,
                    environment,
                    depth + 1,
                );
            }
        }
        const stream = await through?.openTcp(target.host, target.port, signal);
        return new SshAccess(name, await connectClient(name, target, stream, signal), through);
    } catch (error) {
        await through?.[Symbol.asyncDispose]();
        throw error;
    }
}

class SshAccess implements HostAccess {
    readonly host: HostName;
    readonly lost: Promise<HostLost>;
    readonly #client: Client;
    readonly #through: SshAccess | undefined;
    #closing = false;
    /** Why the connection has ended, once it has. */
    #gone: string | undefined;
    /** Channels that are being opened: the library does not tell them of the end. */
    readonly #opening = new Set<(why: string) => void>();

    constructor(host: HostName, client: Client, through: SshAccess | undefined) {
        this.host = host;
        this.#client = client;
        this.#through = through;
        this.lost = new Promise((resolve) => {
            let why = 'the SSH connection was closed';
            client.on('error', (error) => {
                why = error.level === 'client-timeout' ? 'the host no longer answers (SSH keepalive)' : error.message;
            });
            client.on('close', () => {
                this.#gone = why;
                for (const fail of this.#opening) fail(why);
                if (!this.#closing) resolve({ why });
            });
        });
    }

    openUnix(path: string, signal: AbortSignal): Promise<Duplex> {
        return this.#channel(signal, (done) => this.#client.openssh_forwardOutStreamLocal(path, done)).catch((error: unknown) => {
            throw isOpenFailure(error)
                ? new SocketRefused(path, error.reason === administrativelyProhibited ? 'forwarding-off' : 'failed', { cause: error })
                : error;
        });
    }

    openTcp(address: string, port: number, signal: AbortSignal): Promise<Duplex> {
        return this.#channel(signal, (done) => this.#client.forwardOut('127.0.0.1', 0, address, port, done)).catch((cause: unknown) => {
            throw isOpenFailure(cause)
                ? new HypervisorError(
                      'host-unreachable',
                      this.host,
                      `${this.host} does not forward to ${address}:${String(port)}: ${cause.message}`,
                      {
                          cause,
                          hint: 'its SSH server must allow TCP forwarding (AllowTcpForwarding) and reach that address',
                      },
                  )
                : cause;
        });
    }

    async start(argv: readonly string[], signal: AbortSignal): Promise<HostProcess> {
        const { promise: exit, resolve: exited } = Promise.withResolvers<{ code: number | undefined }>();
        // A short command's whole life can come in one packet: its end is listened for before anything else happens.
        const follow = (channel: ClientChannel): void => {
            let code: number | undefined;
            channel.on('exit', (status: number | null) => {
                code = status ?? undefined;
            });
            channel.on('close', () => exited({ code }));
            // A broken channel closes; the exit without a code says so.
            channel.on('error', () => undefined);
        };
        const opened = this.#channel(signal, (done) => this.#client.exec(shellCommand(argv), done), follow);
        const channel = await opened.catch((cause: unknown) => {
            throw isOpenFailure(cause) ? this.#noSession(cause) : cause;
        });
        const close = (): void => void channel.destroy();
        signal.addEventListener('abort', close, { once: true });
        void exit.then(() => signal.removeEventListener('abort', close));
        return { stdin: channel, stdout: channel, stderr: channel.stderr, exit, close };
    }

    async run(argv: readonly string[], signal: AbortSignal): Promise<CommandResult> {
        return abortable(collect(await this.start(argv, signal)), signal);
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
        await this.#through?.[Symbol.asyncDispose]();
    }

    /** Opens a channel; one that comes after the wait was given up is closed again. */
    async #channel(
        signal: AbortSignal,
        open: (done: (error: Error | undefined, channel: ClientChannel) => void) => void,
        opening?: (channel: ClientChannel) => void,
    ): Promise<ClientChannel> {
        signal.throwIfAborted();
        if (this.#gone !== undefined) throw this.#lostError(this.#gone);
        const { promise, resolve, reject } = Promise.withResolvers<ClientChannel>();
        const fail = (why: string): void => reject(this.#lostError(why));
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

    #noSession(cause: Error): HypervisorError {
        return new HypervisorError('refused', this.host, `the SSH server of ${this.host} opens no further session: ${cause.message}`, {
            cause,
            hint: 'raise MaxSessions in its sshd_config (10 unless set), or move fewer VMs from it at once: each lock holds a session',
        });
    }

    #lostError(why: string): HypervisorError {
        return new HypervisorError('host-lost', this.host, `the connection to ${this.host} is gone: ${why}`, {
            hint: 'see whether the host is up and can be reached',
        });
    }
}

/** SSH_OPEN_ADMINISTRATIVELY_PROHIBITED (RFC 4254, 5.1). */
const administrativelyProhibited = 1;

/** The library's mark of a channel that the server did not open: its reason, or '' where it gave none. */
function isOpenFailure(error: unknown): error is Error & { readonly reason: unknown } {
    return error instanceof Error && 'reason' in error;
}
