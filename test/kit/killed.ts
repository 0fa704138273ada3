/** `mig-run` that is struck at a moment of a move. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { MigrationEvent } from '@mig/runtime/core';
import { labCommand } from '../../runtime/src/edges/lab/door.js';
import type { OwnedLab } from '../../runtime/src/edges/lab/up.js';
import { type Desk, migRunPath } from './mig-run.js';

export interface Struck {
    /** Whether the moment came. */
    readonly struck: boolean;
    readonly code: number | null;
    readonly events: readonly MigrationEvent[];
}

export interface Striking {
    readonly desk: Desk;
    readonly lab: OwnedLab;
    readonly signals: readonly ('SIGKILL' | 'SIGINT')[];
    /** The lab's own unless given. */
    readonly inventory?: string;
}

/** Runs a policy on the hosts of a lab, and sends signals to it, one with each event, from the moment on at which one is seen. */
export async function struckAt(
    { desk, lab, signals, inventory }: Striking,
    words: readonly string[],
    isTheMoment: (event: MigrationEvent) => boolean,
): Promise<Struck> {
    const [command = '', ...rest] = labCommand(lab, [
        process.execPath,
        migRunPath,
        ...words,
        '--inventory',
        inventory ?? lab.inventoryPath,
        '--yes',
        '--json',
    ]);
    const child = spawn(command, rest, {
        cwd: desk.directory,
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { PATH: process.env['PATH'] ?? '', HOME: desk.directory, XDG_STATE_HOME: desk.at('state') },
    });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const events: MigrationEvent[] = [];
    let struck = false;
    const left = [...signals];
    for await (const line of createInterface({ input: child.stdout })) {
        if (!line.startsWith('{"')) continue;
        const event = JSON.parse(line) as MigrationEvent;
        if (typeof event.type !== 'string') continue;
        events.push(event);
        struck ||= isTheMoment(event);
        const next = struck ? left.shift() : undefined;
        if (next) child.kill(next);
    }
    return { struck, code: await ended, events };
}
