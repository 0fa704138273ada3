/** Access to a host whose only sockets are fake daemons; commands run on this machine, but for those that a test gives. */
import { type Duplex, PassThrough, Readable } from 'node:stream';
import type { HostAccess, HostProcess } from '../../../ssh/access.js';
import { openLocal } from '../../../ssh/local-access.js';
import { SocketRefused } from '../../../ssh/socket-refused.js';
import type { FakeDaemon } from './fake-daemon.js';

/** What a command leads to, or how it ends. */
export type FakeCommand = FakeDaemon | { readonly code: number; readonly stdout?: string; readonly stderr?: string };

export interface FakeAccess extends HostAccess {
    /** Command lines that were started. */
    readonly started: string[];
}

/** `commands`: by words that stand in the command line. */
export function fakeAccess(
    sockets: Readonly<Record<string, FakeDaemon | SocketRefused['reason']>>,
    commands: Readonly<Record<string, FakeCommand>> = {},
): FakeAccess {
    const local = openLocal('kvm-a');
    const started: string[] = [];
    const start: HostAccess['start'] = (argv, signal) => {
        const line = argv.join(' ');
        started.push(line);
        const found = Object.entries(commands).find(([words]) => line.includes(words))?.[1];
        return found === undefined ? local.start(argv, signal) : Promise.resolve(processOf(found));
    };
    return {
        ...local,
        started,
        openUnix: (path): Promise<Duplex> => {
            const there = sockets[path] ?? 'missing';
            return typeof there === 'string' ? Promise.reject(new SocketRefused(path, there)) : Promise.resolve(there.connect());
        },
        start,
        run: async (argv, signal) => {
            const process = await start(argv, signal);
            const text = async (stream: Readable): Promise<string> => Buffer.concat(await stream.toArray()).toString();
            const [stdout, stderr, { code }] = await Promise.all([text(process.stdout), text(process.stderr), process.exit]);
            return { code, stdout, stderr };
        },
        [Symbol.asyncDispose]: () => local[Symbol.asyncDispose](),
    };
}

function processOf(command: FakeCommand): HostProcess {
    if ('code' in command) {
        const { code, stdout = '', stderr = '' } = command;
        const ended = { stdout: Readable.from([Buffer.from(stdout)]), stderr: Readable.from([Buffer.from(stderr)]) };
        return { stdin: new PassThrough(), ...ended, exit: Promise.resolve({ code }), close: () => undefined };
    }
    const stream = command.connect();
    const exit = new Promise<{ code: number }>((resolve) => stream.once('close', () => resolve({ code: 0 })));
    return { stdin: stream, stdout: stream, stderr: Readable.from([]), exit, close: () => stream.destroy() };
}
