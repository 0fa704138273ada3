/** What went over a lab host's link to the migration network, by the counters of the interface in the host's namespace. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { MigrationEvent } from '@mig/runtime/core';
import { labCommand, type Lab } from '../../runtime/src/edges/lab/door.js';
import { hostMigrationLink } from '../../runtime/src/edges/lab/scripts.js';

/** Bytes since the link came up, at a time of the wall clock (ms). */
export interface WireSample {
    readonly at: number;
    readonly received: number;
    readonly sent: number;
}

/**
 * Reads a host's counters about 300 times a second until disposed: QEMU sends in tenths of a second, and one that begins
 * just after a window must not count as if a part of it were in it. By what bash has built in: a process for each look
 * would make the time of a look as uncertain as it takes to start one.
 */
export class WireCounter implements AsyncDisposable {
    readonly samples: WireSample[] = [];
    readonly #child: ChildProcess;

    constructor(lab: Lab, host: string) {
        // It ends with the reader of what it says. Nobody writes to descriptor 4: reading from it is a sleep.
        const loop = [
            'exec 4<> <(:)',
            'while :; do',
            '  while read -r name received _ _ _ _ _ _ _ sent _; do',
            `    [ "$name" != ${hostMigrationLink}: ] || echo "$EPOCHREALTIME $received $sent" || exit`,
            '  done </proc/net/dev',
            '  read -rt 0.003 -u 4',
            'done',
        ].join('\n');
        const [command = '', ...argv] = labCommand(lab, ['env', 'LC_ALL=C', 'bash', '-c', loop], host);
        this.#child = spawn(command, argv, { stdio: ['ignore', 'pipe', 'ignore'] });
        let rest = '';
        this.#child.stdout?.on('data', (chunk: Buffer) => {
            const lines = (rest + chunk.toString()).split('\n');
            rest = lines.pop() ?? '';
            for (const line of lines) {
                const [seconds = NaN, received = NaN, sent = NaN] = line.split(' ').map(Number);
                this.samples.push({ at: seconds * 1000, received, sent });
            }
        });
    }

    async [Symbol.asyncDispose](): Promise<void> {
        const ended = once(this.#child, 'close');
        this.#child.stdout?.destroy();
        await ended;
    }
}

export interface Stretch {
    readonly from: number;
    readonly to: number;
}

/** Bytes a second in each window of this length that lies within a stretch and begins at a sample. */
export function ratesIn(
    samples: readonly WireSample[],
    way: 'received' | 'sent',
    { from, to }: Stretch,
    windowMs = 2000,
): readonly (Stretch & { readonly rate: number })[] {
    const inside = samples.filter(({ at }) => at >= from && at <= to);
    return inside.flatMap((first, i) => {
        const end = first.at + windowMs;
        const next = inside.findIndex(({ at }, n) => n > i && at >= end);
        const [before, after] = [inside[next - 1], inside[next]];
        if (!before || !after) return [];
        // The window ends between two samples.
        const bytes = before[way] + ((after[way] - before[way]) * (end - before.at)) / (after.at - before.at) - first[way];
        return [{ from: first.at, to: end, rate: (bytes * 1000) / windowMs }];
    });
}

/** The caps in force of the moves that send, summed, as events tell of them: from each change on. */
export function capsInForce(
    events: readonly MigrationEvent[],
    moves?: readonly string[],
): readonly { readonly at: number; readonly total: number; readonly sending: number }[] {
    const caps = new Map<string, number>();
    const sending = new Set<string>();
    return events.flatMap((event) => {
        if (!('move' in event) || event.move === undefined || (moves && !moves.includes(event.move))) return [];
        if (event.type === 'setting-applied' && event.setting === 'bandwidth') caps.set(event.move, event.got ?? Infinity);
        else if (event.type === 'phase-entered' && event.phase === 'perform') sending.add(event.move);
        else if (event.type === 'phase-ended' && event.phase === 'perform') sending.delete(event.move);
        else return [];
        return [{ at: event.at, total: [...sending].reduce((sum, id) => sum + (caps.get(id) ?? Infinity), 0), sending: sending.size }];
    });
}
