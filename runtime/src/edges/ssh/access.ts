/**
 * Access to one host: its sockets, its commands, and word of its loss. The same for a host reached over SSH and for the
 * host that we run on.
 */
import type { Duplex, Readable, Writable } from 'node:stream';
import type { HostName, InventoryHost } from '../../core/index.js';
import type { HostLost } from '../hypervisor/port.js';
import { openLocal } from './local-access.js';
import { openSsh } from './ssh-access.js';
import { ownEnvironment, type SshEnvironment } from './environment.js';

export interface HostAccess extends AsyncDisposable {
    readonly host: HostName;

    /** Connects to a unix socket on the host. Rejects with {@link SocketRefused}. */
    openUnix(path: string, signal: AbortSignal): Promise<Duplex>;

    /** Starts a command; arguments reach it exactly as they stand here. Aborting later closes its streams. */
    start(argv: readonly string[], signal: AbortSignal): Promise<HostProcess>;

    /** Runs a command to its end. A non-zero exit is a result, not an error. */
    run(argv: readonly string[], signal: AbortSignal): Promise<CommandResult>;

    /** Settles when the host is lost; never by our own disposal. */
    readonly lost: Promise<HostLost>;
}

export interface HostProcess {
    readonly stdin: Writable;
    readonly stdout: Readable;
    readonly stderr: Readable;
    /** Never rejects. A code of undefined: killed, or lost with the host. */
    readonly exit: Promise<{ readonly code: number | undefined }>;
    /** Closes its streams; a process that reads its standard input ends by that. */
    close(): void;
}

export interface CommandResult {
    readonly code: number | undefined;
    readonly stdout: string;
    readonly stderr: string;
}

/** Opens the way to a host of the inventory. Errors are `HypervisorError`s: unreachable, host key, authentication. */
export async function openAccess(
    host: InventoryHost,
    signal: AbortSignal,
    environment: SshEnvironment = ownEnvironment(),
): Promise<HostAccess> {
    const { connection } = host;
    return connection.kind === 'local' ? openLocal(host.name) : openSsh(host.name, connection, signal, environment);
}

/** Reads a started command to its end. */
export async function collect(process: HostProcess): Promise<CommandResult> {
    process.stdin.end();
    const [stdout, stderr, { code }] = await Promise.all([text(process.stdout), text(process.stderr), process.exit]);
    return { code, stdout, stderr };
}

async function text(stream: Readable): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(Buffer.from(chunk as Uint8Array));
    return Buffer.concat(chunks).toString('utf8');
}
