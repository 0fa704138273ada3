/**
 * The ways to a libvirt daemon's socket on a host. The usual one is the socket itself, forwarded over SSH; where the SSH server
 * forbids that, a command there that connects to the socket and hands on what it reads: `virt-ssh-helper`, which comes with libvirt,
 * or `nc`. Each such connection takes a session of the SSH connection.
 */
import { Duplex } from 'node:stream';
import type { HostAccess, HostProcess } from '../../ssh/access.js';

/** Commands that reach it, in the order in which they are tried. */
export const helpers = ['virt-ssh-helper', 'nc'] as const;

export interface DaemonWay {
    readonly by: 'socket' | (typeof helpers)[number];
    /** The daemon's own, also where the helper finds it by itself. */
    readonly socket: string;
}

/** What is spoken over, and why it ended where a command carries it. */
export interface Carried {
    readonly stream: Duplex;
    /** The command's exit and its last words; undefined where there is no command, or it has not ended. */
    readonly failure: () => Promise<string | undefined>;
}

export const daemonUri = 'qemu:///system';

/** Rejects with SocketRefused where the socket itself is asked for and does not open. */
export async function openWay(access: HostAccess, way: DaemonWay, signal: AbortSignal): Promise<Carried> {
    if (way.by === 'socket') return { stream: await access.openUnix(way.socket, signal), failure: () => Promise.resolve(undefined) };
    const argv = way.by === 'nc' ? ['sh', '-c', ncScript, 'sh', way.socket] : ['virt-ssh-helper', daemonUri];
    signal.throwIfAborted();
    // The command outlives the signal of this call: it belongs to the connection.
    const process = await access.start(argv, new AbortController().signal);
    return { stream: streamOf(process), failure: failureOf(process) };
}

/** nc must end when we do: not every nc does so by itself, and those that need to be told have an option for it. */
const ncScript = `
case $(nc -h 2>&1) in *-N[!A-Za-z]*) exec nc -N -U "$1";; esac
exec nc -U "$1"
`;

/** For a shell script: tells which of the commands are there; an nc must know of unix sockets. */
export const waysScript = `
command -v virt-ssh-helper >/dev/null 2>&1 && echo 'way virt-ssh-helper'
command -v nc >/dev/null 2>&1 && case $(nc -h 2>&1) in *-U[!A-Za-z]*) echo 'way nc';; esac
`;

/** Over SSH both are one channel. */
function streamOf({ stdin, stdout }: HostProcess): Duplex {
    return stdin instanceof Duplex && stdin === stdout ? stdin : Duplex.from({ readable: stdout, writable: stdin });
}

const lastWords = 500;
/** A command that was cut off is not waited for. */
const exitWithinMs = 500;

function failureOf(process: HostProcess): Carried['failure'] {
    let said = '';
    process.stderr.on('data', (chunk: Buffer) => {
        said = `${said}${chunk.toString()}`.slice(-lastWords);
    });
    return async () => {
        const late = new Promise<undefined>((resolve) => setTimeout(resolve, exitWithinMs, undefined).unref());
        const ended = await Promise.race([process.exit, late]);
        if (ended === undefined) return undefined;
        const words = said.trim().replaceAll(/\s*\n\s*/g, '; ');
        return words === '' ? `it ended with ${String(ended.code)}` : words;
    };
}
