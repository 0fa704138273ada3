/**
 * Access to one host: its sockets, its commands, and word of its loss. The same for a host reached over SSH and for the
 * host that we run on.
 */
import type { Duplex, Readable, Writable } from 'node:stream';
import type { HostName } from '../../core/index.js';
import type { HostLost } from '../hypervisor/port.js';

export interface HostAccess extends AsyncDisposable {
    readonly host: HostName;

    /** Connects to a unix socket on the host. Rejects with {@link SocketRefused}. */
    openUnix(path: string, signal: AbortSignal): Promise<Duplex>;

    /** Connects to an address as seen from the host. Absent on the host that we run on: its network is ours. */
    openTcp?(address: string, port: number, signal: AbortSignal): Promise<Duplex>;

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
