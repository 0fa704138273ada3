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

/** Reads a host's counters about eight times a second until disposed. */
export class WireCounter implements AsyncDisposable {
    readonly samples: WireSample[] = [];
    readonly #child: ChildProcess;

    constructor(lab: Lab, host: string) {
        // It ends with the reader of what it says.
        const loop = `while :; do set -- $(grep ${hostMigrationLink}: /proc/net/dev); echo "$(date +%s%3N) $2 \${10}" || exit; sleep 0.1; done`;
        const [command = '', ...argv] = labCommand(lab, ['sh', '-c', loop], host);
        this.#child = spawn(command, argv, { stdio: ['ignore', 'pipe', 'ignore'] });
        let rest = '';
        this.#child.stdout?.on('data', (chunk: Buffer) => {
            const lines = (rest + chunk.toString()).split('\n');
            rest = lines.pop() ?? '';
            for (const line of lines) {
                const [at = NaN, received = NaN, sent = NaN] = line.split(' ').map(Number);
                this.samples.push({ at, received, sent });
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

/** Bytes a second in each window of this length that lies within a stretch. */
export function ratesIn(
    samples: readonly WireSample[],
    way: 'received' | 'sent',
    { from, to }: Stretch,
    windowMs = 2000,
): readonly (Stretch & { readonly rate: number })[] {
    const inside = samples.filter(({ at }) => at >= from && at <= to);
    return inside.flatMap((first) => {
        const last = inside.find(({ at }) => at >= first.at + windowMs);
        return last ? [{ from: first.at, to: last.at, rate: ((last[way] - first[way]) * 1000) / (last.at - first.at) }] : [];
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
