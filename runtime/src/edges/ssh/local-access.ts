import { spawn } from 'node:child_process';
import { createConnection } from 'node:net';
import type { HostName } from '../../core/index.js';
import { abortable } from './abortable.js';
import { collect, type HostAccess, type HostProcess } from './access.js';
import { SocketRefused } from './socket-refused.js';

/** The host that we run on: its sockets directly, its commands as children. It cannot be lost without us. */
export function openLocal(host: HostName): HostAccess {
    const children = new Set<HostProcess>();
    const start = async (argv: readonly string[], signal: AbortSignal): Promise<HostProcess> => {
        signal.throwIfAborted();
        const process = await startChild(argv);
        children.add(process);
        const close = (): void => process.close();
        signal.addEventListener('abort', close, { once: true });
        void process.exit.then(() => {
            children.delete(process);
            signal.removeEventListener('abort', close);
        });
        return process;
    };
    return {
        host,
        openUnix: (path, signal) =>
            abortable(
                new Promise((resolve, reject) => {
                    const socket = createConnection({ path });
                    socket.once('connect', () => {
                        socket.off('error', refuse);
                        resolve(socket);
                    });
                    const refuse = (cause: NodeJS.ErrnoException): void => reject(new SocketRefused(path, reasonOf(cause), { cause }));
                    socket.once('error', refuse);
                }),
                signal,
                (late) => late.destroy(),
            ),
        start,
        run: async (argv, signal) => abortable(collect(await start(argv, signal)), signal),
        lost: new Promise(() => undefined),
        [Symbol.asyncDispose]: () => {
            for (const child of children) child.close();
            return Promise.resolve();
        },
    };
}

/** Rejects where the program cannot be started at all. */
function startChild(argv: readonly string[]): Promise<HostProcess> {
    const [program = '', ...rest] = argv;
    return new Promise((resolve, reject) => {
        const child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'pipe'] });
        const exit = new Promise<{ code: number | undefined }>((ended) =>
            child.once('close', (code) => ended({ code: code ?? undefined })),
        );
        // A command that ends without reading its input is no fault of ours; its exit code tells.
        child.stdin.on('error', () => undefined);
        const close = (): void => {
            child.stdin.destroy();
            child.stdout.destroy();
            child.stderr.destroy();
        };
        child.once('error', reject);
        child.once('spawn', () => resolve({ stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, exit, close }));
    });
}

const reasons: Readonly<Record<string, SocketRefused['reason']>> = {
    ENOENT: 'missing',
    EACCES: 'forbidden',
    EPERM: 'forbidden',
    ECONNREFUSED: 'unanswered',
};

const reasonOf = (error: NodeJS.ErrnoException): SocketRefused['reason'] => reasons[error.code ?? ''] ?? 'failed';
