/** Access to a host over SSH. */
import type { Duplex } from 'node:stream';
import type { ClientChannel } from 'ssh2';
import type { HostName, SshConnection } from '../../core/index.js';
import { HypervisorError } from '../hypervisor/errors.js';
import type { HostLost } from '../hypervisor/port.js';
import { abortable } from './abortable.js';
import { collect, type CommandResult, type HostAccess, type HostProcess } from './access.js';
import { shellCommand } from './command.js';
import { dial } from './dial.js';
import type { SshEnvironment } from './environment.js';
import { type JumpHosts, ownJumpHosts } from './jump-hosts.js';
import { isOpenFailure, type SshLink } from './ssh-link.js';

/**
 * Connects and authenticates, through the jump hosts that the inventory or ~/.ssh/config names.
 * Errors: host-unreachable, host-key-unknown, host-key-mismatch, authentication-failed, feature-missing.
 */
export async function openSsh(
    name: HostName,
    connection: SshConnection,
    signal: AbortSignal,
    environment: SshEnvironment,
    jumps: JumpHosts = ownJumpHosts,
): Promise<HostAccess> {
    return new SshAccess(name, await dial(name, connection, signal, environment, jumps));
}

class SshAccess implements HostAccess {
    readonly host: HostName;
    readonly lost: Promise<HostLost>;
    readonly #link: SshLink;

    constructor(host: HostName, link: SshLink) {
        this.host = host;
        this.#link = link;
        this.lost = link.lost;
    }

    openUnix(path: string, signal: AbortSignal): Promise<Duplex> {
        return this.#link.openUnix(path, signal);
    }

    openTcp(address: string, port: number, signal: AbortSignal): Promise<Duplex> {
        return this.#link.openTcp(address, port, signal);
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
        const channel = await this.#link.exec(shellCommand(argv), follow, signal).catch((cause: unknown) => {
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

    [Symbol.asyncDispose](): Promise<void> {
        return this.#link[Symbol.asyncDispose]();
    }

    #noSession(cause: Error): HypervisorError {
        return new HypervisorError('refused', this.host, `the SSH server of ${this.host} opens no further session: ${cause.message}`, {
            cause,
            hint: 'raise MaxSessions in its sshd_config (10 unless set), or move fewer VMs from it at once: each lock holds a session',
        });
    }
}
