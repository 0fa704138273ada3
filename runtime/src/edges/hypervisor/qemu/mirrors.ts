/**
 * The source's side of a copy of disks: one mirror a disk, into the image that the destination serves by NBD. A mirror that
 * has caught up goes on with what the guest writes, until the guest stands still and it is told to end: then both images are
 * equal, and the destination's is the disk.
 *
 *   blockdev-add, blockdev-mirror ─▶ ready ─▶ (memory is sent) ─▶ pre-switchover: block-job-cancel ─▶ concluded ─▶ blockdev-del
 *
 * Jobs stay listed after their end until they are dismissed, so that none ends unseen, and whoever recovers finds them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Bytes, bytes, type BytesPerSecond, bytesPerSecond, kibibyte, mebibyte } from '@mig/language';
import { diskSpeeds, type MoveTechnique } from '../../../core/index.js';
import { HypervisorError } from '../errors.js';
import type { MoveSetting } from '../port.js';
import type { CopiedDisk } from './disks.js';
import { encryption, type NbdDoor } from './nbd.js';
import { QmpRefusal } from './qmp-errors.js';
import type { QmpConnection } from './qmp.js';
import type { Reply } from './reply.js';

/** By these names whoever comes after us knows what is ours. */
const jobPrefix = 'mig-run-disk-';
const nodePrefix = 'mig-run-nbd-';

const pollMs = 100;
/** The guest stands still meanwhile. */
const endPollMs = 10;
/** A mirror that sends nothing for so long, while the guest stands still for it, is given up. */
const stallMs = 15_000;
/** A job that is broken off has ended by then, or QEMU hangs. */
const dropWithinMs = 15_000;

/** What QEMU reads ahead of a disk: no more than a tenth of a second of its speed, for all of it goes out at once. */
const buffer = { least: 64 * kibibyte, most: 16 * mebibyte } as const;

/** Of all disks together. */
export interface DiskFigures {
    readonly total: Bytes;
    readonly remaining: Bytes;
    /** Over the wire, as far as that can be told: what is empty is passed over. */
    readonly sent: Bytes;
}

interface Mirror {
    readonly job: string;
    readonly disk: CopiedDisk;
    readonly buffer: number;
    speed: BytesPerSecond | undefined;
    /** As last seen. */
    total: number;
    done: number;
    sent: number;
    at: number;
}

export interface MirrorsTo {
    readonly vm: string;
    readonly address: string;
    readonly door: NbdDoor;
    readonly technique: MoveTechnique;
    /** Of the move; undefined: unlimited. */
    readonly share: BytesPerSecond | undefined;
}

export class Mirrors {
    /** Rejects when a mirror ends by itself. Errors: refused, with what QEMU says. */
    readonly broken: Promise<never>;
    readonly #qmp: QmpConnection;
    readonly #vm: string;
    readonly #mirrors: readonly Mirror[];
    readonly #broken = Promise.withResolvers<never>();
    readonly #unhear: () => void;
    #state: 'copying' | 'ending' | 'ended' = 'copying';
    /** One change of speeds, or question about them, at a time. */
    #turn: Promise<unknown> = Promise.resolve();

    private constructor(qmp: QmpConnection, vm: string, mirrors: readonly Mirror[]) {
        this.#qmp = qmp;
        this.#vm = vm;
        this.#mirrors = mirrors;
        this.broken = this.#broken.promise;
        this.broken.catch(() => undefined); // whoever waits hears of it
        this.#unhear = qmp.onEvent(({ name, data }) => {
            if (name !== 'JOB_STATUS_CHANGE' || data.at('status').text !== 'concluded' || this.#state !== 'copying') return;
            const mirror = mirrors.find(({ job }) => job === data.at('id').text);
            if (mirror) void this.#hasBroken(mirror);
        });
    }

    /** Errors: refused, with the disk; what has begun is for {@link clearMirrors}. */
    static async begin(qmp: QmpConnection, disks: readonly CopiedDisk[], to: MirrorsTo, signal: AbortSignal): Promise<Mirrors> {
        const speeds = diskSpeeds(
            disks.map(({ cap }) => cap),
            to.share,
        );
        const mirrors = disks.map((disk, nth): Mirror => {
            const speed = speeds[nth];
            const ahead = speed === undefined ? buffer.most : Math.min(buffer.most, Math.max(buffer.least, speed / 10));
            return {
                job: `${jobPrefix}${String(nth)}`,
                disk,
                buffer: Math.floor(ahead),
                speed,
                total: disk.capacity,
                done: 0,
                sent: 0,
                at: Date.now(),
            };
        });
        const all = new Mirrors(qmp, to.vm, mirrors);
        const server = { type: 'inet', host: to.address, port: String(to.door.port) };
        for (const [nth, mirror] of mirrors.entries()) {
            const target = `${nodePrefix}${String(nth)}`;
            await all.#ask(
                mirror,
                'blockdev-add',
                { driver: 'nbd', 'node-name': target, server, export: mirror.disk.target, discard: 'unmap', ...encryption(to.technique) },
                signal,
            );
            await all.#ask(
                mirror,
                'blockdev-mirror',
                {
                    'job-id': mirror.job,
                    device: mirror.disk.node,
                    target,
                    sync: mirror.disk.mode === 'preseeded' ? 'top' : 'full',
                    speed: speedOf(mirror.speed),
                    'buf-size': mirror.buffer,
                    'auto-dismiss': false,
                },
                signal,
            );
        }
        return all;
    }

    /** Settles when each has caught up for the first time. Errors: refused, where one ends instead. */
    async ready(signal: AbortSignal): Promise<void> {
        for (;;) {
            const statuses = await this.#look(signal);
            if (statuses.every((status) => caughtUp.has(status))) return;
            await Promise.race([sleep(pollMs, undefined, { signal }), this.broken]);
        }
    }

    /**
     * The guest stands still: what is left is sent, as fast as it can be, and the mirrors end. Errors: refused, where an image
     * is not equal to its disk.
     */
    async end(signal: AbortSignal): Promise<void> {
        this.#state = 'ending';
        await this.#inTurn(async () => {
            for (const { job } of this.#mirrors) await this.#qmp.execute('block-job-set-speed', { device: job, speed: 0 }, signal);
        });
        const before = await this.#look(signal);
        const behind = this.#mirrors.find((_, nth) => !caughtUp.has(before[nth] ?? ''));
        if (behind) throw this.#failed(behind, 'it has not caught up');
        for (const { job } of this.#mirrors) await this.#qmp.execute('block-job-cancel', { device: job }, signal);
        let [left, since] = [Infinity, Date.now()];
        for (;;) {
            const statuses = await this.#look(signal);
            if (statuses.every((status) => status === 'concluded')) break;
            const now = this.#left();
            if (now < left) [left, since] = [now, Date.now()];
            else if (Date.now() - since > stallMs) throw this.#failed(this.#mirrors[0], 'nothing more of it is sent');
            await sleep(endPollMs, undefined, { signal });
        }
        await this.#clear(signal);
    }

    /** Another share for all of them. */
    async setShare(share: BytesPerSecond | undefined, signal: AbortSignal): Promise<void> {
        await this.#inTurn(async () => {
            if (this.#state !== 'copying') return;
            const speeds = diskSpeeds(
                this.#mirrors.map(({ disk }) => disk.cap),
                share,
            );
            for (const [nth, mirror] of this.#mirrors.entries()) {
                if (mirror.speed === speeds[nth]) continue;
                mirror.speed = speeds[nth];
                await this.#qmp.execute('block-job-set-speed', { device: mirror.job, speed: speedOf(mirror.speed) }, signal);
            }
        });
    }

    /** The speeds, as QEMU has them; one figure for those that are alike. */
    async settings(signal: AbortSignal): Promise<readonly MoveSetting[]> {
        return this.#inTurn(async () => {
            const jobs = this.#state === 'copying' ? (await this.#qmp.execute('query-block-jobs', undefined, signal)).list : [];
            const read = this.#mirrors.flatMap(({ job, speed }): readonly MoveSetting[] => {
                const got = jobs.find((one) => one.at('device').text === job)?.at('speed').number;
                return speed === undefined || got === undefined
                    ? []
                    : [{ setting: 'disk-bandwidth', asked: speedOf(speed), got: got === 0 ? undefined : got }];
            });
            return read.filter((one, nth) => read.findIndex((other) => other.asked === one.asked && other.got === one.got) === nth);
        });
    }

    async figures(signal: AbortSignal): Promise<DiskFigures> {
        if (this.#state === 'copying') await this.#look(signal);
        const sum = (of: (mirror: Mirror) => number): Bytes => bytes(this.#mirrors.reduce((all, one) => all + of(one), 0));
        return { total: sum(({ total }) => total), remaining: bytes(this.#left()), sent: sum(({ sent }) => sent) };
    }

    /** Hears nothing more. */
    close(): void {
        this.#unhear();
    }

    #left(): number {
        return this.#state === 'ended' ? 0 : this.#mirrors.reduce((all, { total, done }) => all + Math.max(0, total - done), 0);
    }

    /** The status of each. Errors: refused, where one has ended with an error, or is gone. */
    async #look(signal: AbortSignal): Promise<readonly string[]> {
        const jobs = (await this.#qmp.execute('query-jobs', undefined, signal)).list;
        return this.#mirrors.map((mirror) => {
            const job = jobs.find((one) => one.at('id').text === mirror.job);
            const status = job?.at('status').text ?? 'null';
            const error = job?.at('error').text;
            if (job === undefined || error !== undefined || (status === 'concluded' && this.#state === 'copying'))
                throw this.#failed(mirror, error ?? 'it has ended');
            this.#count(mirror, job);
            return status;
        });
    }

    /** What is empty is passed over at any speed: of what was done since the last look no more was sent than its speed lets through. */
    #count(mirror: Mirror, job: Reply): void {
        const [now, done] = [Date.now(), job.at('current-progress').number ?? mirror.done];
        const speed = this.#state === 'copying' ? mirror.speed : undefined;
        const most = speed === undefined ? Infinity : (speed * (now - mirror.at)) / 1000 + mirror.buffer;
        mirror.sent += Math.min(Math.max(0, done - mirror.done), most);
        [mirror.at, mirror.done, mirror.total] = [now, done, job.at('total-progress').number ?? mirror.total];
    }

    async #clear(signal: AbortSignal): Promise<void> {
        await clearMirrors(this.#qmp, signal);
        this.#state = 'ended';
        for (const mirror of this.#mirrors) mirror.done = mirror.total;
        this.close();
    }

    async #hasBroken(mirror: Mirror): Promise<void> {
        const error = await this.#look(AbortSignal.timeout(dropWithinMs)).then(
            () => this.#failed(mirror, 'it has ended'),
            (why: unknown) => why,
        );
        this.#broken.reject(error);
    }

    async #ask(mirror: Mirror, command: string, args: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<void> {
        try {
            await this.#qmp.execute(command, args, signal);
        } catch (error) {
            throw error instanceof QmpRefusal ? this.#failed(mirror, error.description, error) : error;
        }
    }

    #failed(mirror: Mirror | undefined, why: string, cause?: Error): HypervisorError {
        const { host } = this.#qmp.name;
        return new HypervisorError(
            'refused',
            host,
            `the copy of the disk ${mirror?.disk.target ?? ''} of ${this.#vm} from ${host} has failed: ${why}`,
            {
                vm: this.#vm,
                hint: "the source must reach the destination's migration address on TCP ports 49152 to 49215; see the logs of both QEMUs",
                ...(cause && { cause }),
            },
        );
    }

    #inTurn<T>(work: () => Promise<T>): Promise<T> {
        const done = this.#turn.then(work);
        this.#turn = done.catch(() => undefined);
        return done;
    }
}

/** 0: unlimited. */
const speedOf = (speed: BytesPerSecond | undefined): number => (speed === undefined ? 0 : bytesPerSecond(Math.max(1, Math.floor(speed))));

/** A job that stands still beside its guest is `standby`. */
const caughtUp: ReadonlySet<string> = new Set(['ready', 'standby']);

/** Whether mirrors of ours are there, whoever began them. */
export const hasMirrors = (jobs: Reply): boolean => jobs.list.some((one) => one.at('id').text?.startsWith(jobPrefix) === true);

/** Breaks off what is left of mirrors of ours, whoever began them; the disks of the source are as they are. */
export async function clearMirrors(qmp: QmpConnection, signal: AbortSignal): Promise<void> {
    const late = AbortSignal.any([signal, AbortSignal.timeout(dropWithinMs)]);
    const cancelled = new Set<string>();
    for (;;) {
        const jobs = (await qmp.execute('query-jobs', undefined, late)).list.flatMap((one) => {
            const id = one.at('id').text ?? '';
            return id.startsWith(jobPrefix) ? [{ id, status: one.at('status').text }] : [];
        });
        if (jobs.length === 0) break;
        for (const { id, status } of jobs) {
            if (status === 'concluded') await qmp.execute('job-dismiss', { id }, late);
            else if (!cancelled.has(id)) await qmp.execute('block-job-cancel', { device: id, force: true }, late).catch(unlessRefused);
            cancelled.add(id);
        }
        await sleep(endPollMs, undefined, { signal: late });
    }
    const nodes = (await qmp.execute('query-named-block-nodes', { flat: true }, late)).list;
    for (const node of nodes) {
        const name = node.at('node-name').text ?? '';
        if (name.startsWith(nodePrefix)) await qmp.execute('blockdev-del', { 'node-name': name }, late);
    }
}

/** It has just ended by itself. */
const unlessRefused = (error: unknown): undefined => {
    if (error instanceof QmpRefusal) return undefined;
    throw error;
};
