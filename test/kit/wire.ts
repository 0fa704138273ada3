/** What goes over a lab host's link to the migration network, packet by packet, as the kernel times them. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { MigrationEvent } from '@mig/runtime/core';
import { labCommand, type Lab } from '../../runtime/src/edges/lab/door.js';
import { migrationLink } from '../../runtime/src/edges/lab/scripts.js';
import { labHostOf } from '../../runtime/src/edges/lab/state.js';

export type Way = 'received' | 'sent';

export interface Packet {
    /** Of the wall clock, in ms. */
    readonly at: number;
    /** With its headers. What the network card cuts into packets is one here: its headers count once. */
    readonly bytes: number;
}

/**
 * Listens at the far end of a host's link until disposed. Counters that are read from time to time would not do: QEMU
 * sends in tenths of a second, and one that falls between two readings would be in a window in part.
 */
export class WireTap implements AsyncDisposable {
    readonly #packets: Packet[] = [];
    readonly #child: ChildProcessByStdio<null, Readable, Readable>;
    #said = '';
    #rest: Buffer = Buffer.alloc(0);
    #begun = false;

    private constructor(lab: Lab, host: string, way: Way) {
        // What the host sends comes in at the far end.
        const direction = way === 'sent' ? 'in' : 'out';
        const link = migrationLink(labHostOf(lab, host).index);
        const headersAlone = ['--snapshot-length=64', '--immediate-mode', '--packet-buffered', '-w', '-'];
        const [command = '', ...argv] = labCommand(lab, ['tcpdump', '-i', link, '-Z', 'root', '-Q', direction, ...headersAlone]);
        this.#child = spawn(command, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
        this.#child.stderr.on('data', (chunk: Buffer) => (this.#said += chunk.toString()));
        this.#child.stdout.on('data', (chunk: Buffer) => this.#take(chunk));
    }

    /** Returns when it listens. */
    static async open(lab: Lab, host: string, way: Way): Promise<WireTap> {
        const tap = new WireTap(lab, host, way);
        while (!tap.#said.includes('listening on')) {
            if (tap.#child.exitCode !== null) throw new Error(`nothing listens at the link of ${host}: ${tap.#said}`);
            await Promise.race([once(tap.#child.stderr, 'data'), once(tap.#child, 'close')]);
        }
        return tap;
    }

    /** Ends it, and gives what has passed. */
    async close(): Promise<readonly Packet[]> {
        await this[Symbol.asyncDispose]();
        const [, lost = '?'] = /(\d+) packets? dropped by kernel/u.exec(this.#said) ?? [];
        if (lost !== '0') throw new Error(`packets were lost to the count: ${this.#said}`);
        return this.#packets;
    }

    async [Symbol.asyncDispose](): Promise<void> {
        if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
        const ended = once(this.#child, 'close');
        this.#child.kill('SIGINT');
        await ended;
    }

    /** The format of libpcap: a header for the file, and one for each packet, in the byte order of this machine. */
    #take(chunk: Buffer): void {
        const fileHeader = 24;
        const packetHeader = 16;
        const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
        let from = 0;
        if (!this.#begun && data.length >= fileHeader) {
            this.#begun = true;
            from = fileHeader;
        }
        while (this.#begun && data.length - from >= packetHeader) {
            const kept = data.readUInt32LE(from + 8);
            if (data.length - from < packetHeader + kept) break;
            const at = data.readUInt32LE(from) * 1000 + data.readUInt32LE(from + 4) / 1000;
            this.#packets.push({ at, bytes: data.readUInt32LE(from + 12) });
            from += packetHeader + kept;
        }
        this.#rest = data.subarray(from);
    }
}

export interface Stretch {
    readonly from: number;
    readonly to: number;
}

/** From the beginning of a window to that of the next. */
const windowsEveryMs = 10;

/** Bytes a second in each window of this length within a stretch. */
export function ratesIn(
    packets: readonly Packet[],
    { from, to }: Stretch,
    windowMs = 2000,
): readonly (Stretch & { readonly rate: number })[] {
    const rates: (Stretch & { readonly rate: number })[] = [];
    let [first, after, bytes] = [0, 0, 0];
    for (let at = from; at + windowMs <= to; at += windowsEveryMs) {
        for (; (packets[after]?.at ?? Infinity) < at + windowMs; after++) bytes += packets[after]?.bytes ?? 0;
        for (; (packets[first]?.at ?? Infinity) < at; first++) bytes -= packets[first]?.bytes ?? 0;
        rates.push({ from: at, to: at + windowMs, rate: (bytes * 1000) / windowMs });
    }
    return rates;
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
