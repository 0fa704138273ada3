import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { LabError } from './errors.js';
import { markVariable } from './processes.js';
import { isRunning, labHostOf, openLab, type Lab } from './state.js';

export interface LabExecOptions {
    /** Inside this host, with its file system and processes; otherwise on this machine's files, on the lab's networks. */
    readonly host?: string | undefined;
    /** Ends the command; what it has done stays done. */
    readonly signal?: AbortSignal | undefined;
    readonly env?: NodeJS.ProcessEnv;
}

/** How the command ended: exit code, or 128 and the signal's number as a shell would tell it. */
export interface LabExecResult {
    readonly code: number;
}

/** The command line that runs `argv` in the lab; for callers that start it themselves. */
export function labCommand(lab: Lab, argv: readonly string[], host?: string): readonly string[] {
    if (host !== undefined) {
        const { pid } = labHostOf(lab, host).process;
        const inside = ['--mount', '--uts', '--ipc', '--net', '--pid', '--root', '--wd'];
        // nsenter waits outside for what it starts inside. The terminal's Ctrl-C is for the latter alone.
        const [ignore, heed] = [`--ignore-signal=${terminalSignals}`, `--default-signal=${terminalSignals}`];
        return ['env', ignore, 'nsenter', `--target=${pid}`, ...inside, '--', 'env', heed, ...hostEnvironment, ...argv];
    }
    if (lab.process === undefined || !isRunning(lab)) {
        throw new LabError('lab-unknown', `no lab '${lab.name}' is running`, { hint: 'start it with: mig-run lab up' });
    }
    // Marked, so that what outlives its lab is found and ended as well.
    return ['nsenter', `--target=${lab.process.pid}`, '--net', '--', 'env', `${markVariable}=${lab.mark}`, ...argv];
}

/**
 * Runs a command in a lab with this process's terminal. Signals that reach this process go on to the command;
 * Ctrl-C reaches it from the terminal itself.
 */
export async function labExec(name: string, argv: readonly string[], options: LabExecOptions = {}): Promise<LabExecResult> {
    const lab = await openLab(name);
    const [command = '', ...rest] = labCommand(lab, argv, options.host);
    options.signal?.throwIfAborted();
    const child = spawn(command, rest, { stdio: 'inherit', signal: options.signal, ...(options.env ? { env: options.env } : {}) });
    // The terminal sends these to the command as well: it decides what they mean, and we wait for it.
    const leave = (): void => undefined;
    const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
    for (const signal of fromTerminal) process.on(signal, leave);
    for (const signal of forwarded) process.on(signal, forward);
    try {
        return await new Promise((resolve, reject) => {
            child.on('error', reject);
            child.on('close', (code, signal) => resolve({ code: code ?? 128 + (signal === null ? 0 : signalNumber(signal)) }));
        });
    } finally {
        for (const signal of fromTerminal) process.off(signal, leave);
        for (const signal of forwarded) process.off(signal, forward);
    }
}

const fromTerminal = ['SIGINT', 'SIGQUIT'] as const;
const forwarded = ['SIGTERM', 'SIGHUP'] as const;
const terminalSignals = 'INT,QUIT';
const hostEnvironment = ['PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root'];

function signalNumber(signal: NodeJS.Signals): number {
    return constants.signals[signal];
}
