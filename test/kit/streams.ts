/** Traffic of a lab's Linux guests with the lab's own networks, counted at the other end. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { guestServices, type Lab, labCommand, type LinuxGuestRecord } from '../../runtime/src/edges/lab/door.js';
import type { Count, Stream } from './stream-peer.js';

export interface GuestTraffic {
    readonly guest: LinuxGuestRecord;
    readonly way: Stream['way'];
    /** Undefined is as fast as it goes. */
    readonly bytesPerSecond: number | undefined;
}

/** Carries a stream with each guest until disposed. */
export class Streams implements AsyncDisposable {
    readonly counts: Count[] = [];
    readonly #child: ChildProcess;
    #said = '';

    private constructor(lab: Lab, traffic: readonly GuestTraffic[]) {
        const streams = traffic.map(
            ({ guest, way, bytesPerSecond }): Stream => ({
                name: guest.name,
                address: guest.address,
                port: way === 'out of the guest' ? guestServices.flood : guestServices.discard,
                way,
                bytesPerSecond,
            }),
        );
        // From the root of the project, where tests and benchmarks run.
        const peer = path.resolve('test/kit/stream-peer.ts');
        const [command = '', ...argv] = labCommand(lab, [process.execPath, '--no-warnings', peer, JSON.stringify(streams)]);
        this.#child = spawn(command, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
        this.#child.stderr?.on('data', (chunk: Buffer) => (this.#said += chunk.toString()));
        let rest = '';
        this.#child.stdout?.on('data', (chunk: Buffer) => {
            const lines = (rest + chunk.toString()).split('\n');
            rest = lines.pop() ?? '';
            for (const line of lines) this.counts.push(JSON.parse(line) as Count);
        });
    }

    /** Returns when every stream carries. */
    static async open(lab: Lab, traffic: readonly GuestTraffic[]): Promise<Streams> {
        const streams = new Streams(lab, traffic);
        while (!traffic.every(({ guest }) => (streams.counts.at(-1)?.bytes[guest.name] ?? 0) > 0)) {
            if (streams.#child.exitCode !== null || streams.broken.length > 0)
                throw new Error(`no traffic: ${streams.broken.join(', ')} ${streams.#said}`);
            await sleep(50);
        }
        return streams;
    }

    /** What has broken off. */
    get broken(): readonly string[] {
        return this.counts.at(-1)?.broken ?? [];
    }

    /** Bytes a second of a guest's stream between two times of the wall clock. */
    rate(guest: string, from: number, to: number): number {
        const inside = this.counts.filter(({ at }) => at >= from && at <= to);
        const [first, last] = [inside[0], inside.at(-1)];
        if (!first || !last || last.at === first.at) return Number.NaN;
        return (((last.bytes[guest] ?? 0) - (first.bytes[guest] ?? 0)) * 1000) / (last.at - first.at);
    }

    async [Symbol.asyncDispose](): Promise<void> {
        const ended = once(this.#child, 'close');
        this.#child.stdout?.destroy();
        this.#child.stderr?.destroy();
        await ended;
    }
}
