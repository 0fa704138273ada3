import { spawn, type StdioOptions } from 'node:child_process';
import { LabError } from './errors.js';

export interface RunOptions {
    readonly signal?: AbortSignal | undefined;
    /** Written to the command's standard input, which is then closed. */
    readonly input?: string;
    readonly env?: NodeJS.ProcessEnv;
    /** Called for each line of standard error as it comes. */
    readonly onLine?: (line: string) => void;
}

export interface RunResult {
    readonly code: number;
    readonly stdout: string;
    readonly stderr: string;
}

/** Runs a command to its end and collects what it says. A command that cannot be started is an error; one that fails is a result. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const [command = '', ...rest] = argv;
    const stdio: StdioOptions = [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'];
    options.signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
        const child = spawn(command, rest, {
            stdio,
            signal: options.signal,
            killSignal: 'SIGKILL',
            ...(options.env ? { env: options.env } : {}),
        });
        const stdout: Buffer[] = [];
        const stderr: Buffer[] = [];
        let partial = '';
        child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
        child.stderr?.on('data', (chunk: Buffer) => {
            stderr.push(chunk);
            const lines = (partial + chunk.toString()).split('\n');
            partial = lines.pop() ?? '';
            for (const line of lines) options.onLine?.(line);
        });
        child.on('error', (cause) => {
            if (options.signal?.aborted === true) reject(abortReason(options.signal));
            else reject(new LabError('lab-command-failed', `cannot run ${command}: ${cause.message}`, { cause }));
        });
        child.on('close', (code, killedBy) => {
            if (options.signal?.aborted === true) reject(abortReason(options.signal));
            else
                resolve({
                    code: code ?? 128,
                    stdout: Buffer.concat(stdout).toString(),
                    stderr: Buffer.concat(stderr).toString() + (killedBy === null ? '' : `ended by ${killedBy}`),
                });
        });
        // A command that ends without reading its input is judged by its exit code, not by the broken pipe.
        child.stdin?.on('error', () => undefined);
        child.stdin?.end(options.input);
    });
}

/** Like `run`, and a command that fails is an error that quotes what it said. */
export async function mustRun(argv: readonly string[], what: string, options: RunOptions = {}): Promise<string> {
    const result = await run(argv, options);
    if (result.code === 0) return result.stdout;
    const said = (result.stderr.trim() || result.stdout.trim() || `exit code ${result.code}`).split('\n').slice(-5).join('\n');
    throw new LabError('lab-command-failed', `${what}: ${said}`, { hint: `the command was: ${argv.join(' ')}` });
}

function abortReason(signal: AbortSignal): Error {
    return signal.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal.reason });
}
