import { MigrationError } from '../../core/index.js';
import type { ExitName } from './exit-codes.js';

/** Where a command writes, and what it may assume of it. */
export interface Console {
    /** Results: what a script would read. */
    out(text: string): void;
    /** Messages to a person. */
    err(text: string): void;
    /** Columns of the terminal; 100 where there is none. */
    readonly width: number;
    readonly height: number;
    readonly colour: boolean;
    /** Somebody can be asked. */
    readonly interactive: boolean;
    /** Lines can be redrawn. */
    readonly terminal: boolean;
}

/** What a command ends with: thrown to leave, so that everything that is open is closed on the way. */
export class Exit extends Error {
    readonly exit: ExitName;

    constructor(exit: ExitName) {
        super(exit);
        this.exit = exit;
    }
}

/** The console of a process, which knows at the end whether all of it was written. */
export interface ProcessConsole extends Console {
    /**
     * Waits until all that was written has been taken: a pipe holds 64 KiB, and its reader may be slow. Returns what kept
     * the results from being written, if anything did; a reader that went away early did not want them.
     */
    finish(): Promise<Error | undefined>;
}

/**
 * The process's own console. A reader that closes its pipe early (`| head`) or a disk that is full is no reason to stop: what
 * follows is written to nobody, and the command goes on to its end, because a run must not stop half-way for want of an audience.
 */
export function processConsole(environment: NodeJS.ProcessEnv = process.env): ProcessConsole {
    let closed = false;
    let fault: Error | undefined;
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
        if (!closed && error.code !== 'EPIPE') {
            fault = error;
            process.stderr.write(
                `error: the output cannot be written: ${error.message}\n  What follows is not shown; what was begun goes on to its end.\n`,
            );
        }
        closed = true;
    });
    // Where messages cannot be written either, nobody can be told.
    process.stderr.on('error', () => undefined);
    const width = Number(environment['COLUMNS']) || process.stdout.columns || process.stderr.columns || 100;
    const colour =
        environment['FORCE_COLOR'] !== undefined
            ? environment['FORCE_COLOR'] !== '0'
            : process.stdout.isTTY && (environment['NO_COLOR'] ?? '') === '' && environment['TERM'] !== 'dumb';
    return {
        out: (text) => {
            if (!closed) process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
        },
        err: (text) => {
            process.stderr.write(text.endsWith('\n') ? text : `${text}\n`);
        },
        width: Math.max(40, width),
        height: process.stdout.rows || 24,
        colour,
        interactive: process.stdin.isTTY && process.stdout.isTTY,
        terminal: process.stdout.isTTY && environment['TERM'] !== 'dumb',
        finish: async () => {
            await Promise.all(
                [process.stdout, process.stderr].map((stream) => new Promise<void>((resolve) => void stream.write('', () => resolve()))),
            );
            return fault;
        },
    };
}

/** Asks a yes-or-no question; anything but yes is no. Throws `usage` where there is nobody to ask. */
export async function confirm(question: string, console: Console, signal: AbortSignal): Promise<boolean> {
    if (!console.interactive) {
        throw new MigrationError('nobody-to-ask', 'the plan has to be confirmed, and there is no terminal to ask on', {
            hint: 'add --yes to run it, or `mig-run plan` to look at it only',
        });
    }
    const { createInterface } = await import('node:readline/promises');
    const lines = createInterface({ input: process.stdin, output: process.stdout });
    try {
        return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `, { signal })).trim());
    } finally {
        lines.close();
    }
}
