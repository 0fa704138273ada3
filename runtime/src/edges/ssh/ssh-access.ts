/** Access to a host over SSH: one connection, and further ones where the sessions on it run out. */
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
    const open = (until: AbortSignal): Promise<SshLink> => dial(name, connection, until, environment, jumps);
    return new SshAccess(name, await open(signal), open);
}

/** Sessions that a server opens on one connection unless told otherwise (sshd_config(5), MaxSessions). Forwarding takes none. */
export const sessionsPerConnection = 10;

/** A connection, and the sessions on it. */
interface Carrier {
    readonly link: SshLink;
    taken: number;
    /** As far as is known. */
    most: number;
    /** It has carried a session. */
    proven: boolean;
}

class SshAccess implements HostAccess {
    readonly host: HostName;
    readonly lost: Promise<HostLost>;
    /** The first: its loss is the host's. */
    readonly #link: SshLink;
    readonly #open: (until: AbortSignal) => Promise<SshLink>;
    readonly #carriers: Carrier[];
    readonly #ended = new AbortController();
    /** A further connection, on its way. */
    #opening: Promise<void> | undefined;

    constructor(host: HostName, link: SshLink, open: (until: AbortSignal) => Promise<SshLink>) {
        this.host = host;
        this.#link = link;
        this.#open = open;
        this.#carriers = [carrier(link)];
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
        const channel = await this.#session(shellCommand(argv), follow, exit, signal);
        const close = (): void => void channel.destroy();
        signal.addEventListener('abort', close, { once: true });
        void exit.then(() => signal.removeEventListener('abort', close));
        return { stdin: channel, stdout: channel, stderr: channel.stderr, exit, close };
    }

    async run(argv: readonly string[], signal: AbortSignal): Promise<CommandResult> {
        return abortable(collect(await this.start(argv, signal)), signal);
    }

    async [Symbol.asyncDispose](): Promise<void> {
        this.#ended.abort();
        await this.#opening?.catch(() => undefined);
        await Promise.all(this.#carriers.map(({ link }) => link[Symbol.asyncDispose]()));
    }

    /** A session on a connection that has room, be it a new one. `exit` settles when the session has ended. */
    async #session(
        command: string,
        opening: (channel: ClientChannel) => void,
        exit: Promise<unknown>,
        signal: AbortSignal,
    ): Promise<ClientChannel> {
        for (;;) {
            const on = await this.#withRoom(signal);
            on.taken += 1;
            try {
                const channel = await on.link.exec(command, opening, signal);
                on.proven = true;
                void exit.then(() => (on.taken -= 1));
                return channel;
            } catch (cause) {
                on.taken -= 1;
                if (!isOpenFailure(cause)) throw cause;
                if (on.taken === 0 && !on.proven) throw this.#noSession(cause);
                // It allows no more than are open now; those that end there meanwhile are given up.
                on.most = Math.min(on.most, on.taken);
            }
        }
    }

    async #withRoom(signal: AbortSignal): Promise<Carrier> {
        for (;;) {
            if (this.#link.gone !== undefined) throw this.#link.lostError(this.#link.gone);
            const free = this.#carriers.find(({ link, taken, most }) => link.gone === undefined && taken < most);
            if (free !== undefined) return free;
            await abortable((this.#opening ??= this.#another()), signal);
        }
    }

    async #another(): Promise<void> {
        try {
            const added = carrier(await this.#open(this.#ended.signal));
            this.#carriers.push(added);
            void added.link.lost.then(() => {
                this.#carriers.splice(this.#carriers.indexOf(added), 1);
                return added.link[Symbol.asyncDispose]();
            });
        } finally {
            this.#opening = undefined;
        }
    }

    #noSession(cause: Error): HypervisorError {
        return new HypervisorError('refused', this.host, `the SSH server of ${this.host} opens no session: ${cause.message}`, {
            cause,
            hint: 'MaxSessions in its sshd_config must be at least 1 (it is 10 unless set)',
        });
    }
}

const carrier = (link: SshLink): Carrier => ({ link, taken: 0, most: sessionsPerConnection, proven: false });
