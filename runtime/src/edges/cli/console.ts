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

/**
 * The process's own console. A reader that closes its pipe early (`| head`) is no fault: what follows is written to
 * nobody, and the command goes on to its end, because a run must not stop half-way for want of an audience.
 */
export function processConsole(environment: NodeJS.ProcessEnv = process.env): Console {
    let closed = false;
    for (const stream of [process.stdout, process.stderr]) {
        stream.on('error', (error: NodeJS.ErrnoException) => {
            if (error.code !== 'EPIPE') throw error;
            if (stream === process.stdout) closed = true;
        });
    }
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
