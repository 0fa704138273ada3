/**
 * The source's side of a move. All of it goes over the one connection to the VM's monitor: QEMU sends beside it, and goes
 * on when it breaks. So a departure that is given up before the switch to post-copy ends the migration itself.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bytes, BytesPerSecond, Milliseconds } from '@mig/language';
import { bracketed, qmpLack, type Progress, type VmUuid } from '../../../core/index.js';
import { abortable } from '../../ssh/abortable.js';
import { HypervisorError } from '../errors.js';
import { EventQueue } from '../host/event-queue.js';
import type { Begun, Cookie, Departure, DepartureEvent, MoveParameters, MoveSetting, Prepared } from '../port.js';
import { refuseByVersion } from '../suited.js';
import type { LastCpuTimes } from './cpu-time.js';
import { DiskCopy } from './disk-copy.js';
import { blockDevices, copiedDisks } from './disks.js';
import { progressOf, summaryOf } from './figures.js';
import { guestEvent } from './guest-events.js';
import { MigrationSettings } from './migration-settings.js';
import { notSent, refuseBlocked, refuseMovedImages } from './not-sent.js';
import { type Mark, writeMark } from './mark.js';
import { clearMirrors } from './mirrors.js';
import type { Monitor } from './monitors.js';
import { type Asked, mustHaveSocket, processOf } from './presence.js';
import { heldBy, type QemuProcess } from './processes.js';
import { QmpRefusal } from './qmp-errors.js';
import type { QmpConnection } from './qmp.js';
import type { Reply } from './reply.js';
import { prepareMigration } from './settings.js';
import { socketOf } from './socket-of.js';
import { machineText } from './source-machine.js';
import { endQemu } from './start-process.js';
import { ThrottleRise } from '../throttle-rise.js';
import { machineName } from './vm-facts.js';

/** Hears from before begin on: nothing that it causes is missed. */
export async function openDeparture(asked: Asked, vm: VmUuid, lastCpuTimes: LastCpuTimes, signal: AbortSignal): Promise<Departure> {
    const process = await processOf(asked, vm, signal);
    const monitor = await asked.monitors.hold(mustHaveSocket(asked.host, process, vm), signal);
    return new QemuDeparture(asked, vm, process, monitor, lastCpuTimes);
}

/** Statuses after which a migration does nothing more by itself. */
const over: ReadonlySet<string> = new Set(['completed', 'failed', 'cancelled', 'postcopy-paused']);
const cancellable: ReadonlySet<string> = new Set(['setup', 'active', 'device', 'pre-switchover', 'wait-unplug']);
/** A migration that was cancelled has ended by then, or QEMU hangs. */
const cancelWithin = { everyMs: 50, times: 200 } as const;
/** For what is done after a move was given up. */
const undoWithinMs = 15_000;
/** QEMU has this long to end by itself once it was told to. */
const quitWithinMs = 10_000;

class QemuDeparture implements Departure {
    readonly events = new EventQueue<DepartureEvent>();
    readonly #asked: Asked;
    readonly #vm: VmUuid;
    readonly #process: QemuProcess;
    readonly #monitor: Monitor;
    readonly #lastCpuTimes: LastCpuTimes;
    readonly #throttle: ThrottleRise;
    readonly #unhear: () => void;
    #mark: Mark | undefined;
    #cap: BytesPerSecond | undefined;
    readonly #settings: MigrationSettings;
    #copy: DiskCopy | undefined;
    readonly #cancelled = new AbortController();
    #performing = false;
    /** Last heard. */
    #status = 'none';
    #switchAsked = false;
    #switched = false;
    #sending = false;
    #stoppedByUs = false;
    #onStatus: ((status: string) => void) | undefined;

    constructor(asked: Asked, vm: VmUuid, process: QemuProcess, monitor: Monitor, lastCpuTimes: LastCpuTimes) {
        this.#lastCpuTimes = lastCpuTimes;
        this.#asked = asked;
        this.#vm = vm;
        this.#process = process;
        this.#monitor = monitor;
        this.#mark = process.mark;
        this.#settings = new MigrationSettings(monitor.qmp);
        this.#throttle = new ThrottleRise(async (values, signal) => {
            await this.#ask('migrate-set-parameters', values, signal);
        });
        this.#unhear = monitor.qmp.onEvent((event) => {
            const told = guestEvent(event);
            if (told === undefined) return;
            if (told.type === 'migration-status') this.#heard(told.at, told.status);
            else this.events.push(told);
        });
    }

    async begin({ technique, resume }: MoveParameters, signal: AbortSignal): Promise<Begun> {
        if (resume === true) return this.#beginAgain(signal);
        const lack = qmpLack(technique);
        if (lack !== undefined)
            throw new HypervisorError('feature-missing', this.#host, `${this.#name} cannot be sent so: ${lack}`, { vm: this.#name });
        refuseByVersion(this.#host, { qemu: this.#qmp.version }, technique, 'source');
        await clearMirrors(this.#qmp, signal);
        const [status, migrate, jobs, machine, blocks, process] = await Promise.all([
            this.#ask('query-status', undefined, signal),
            this.#ask('query-migrate', undefined, signal),
            this.#ask('query-block-jobs', undefined, signal),
            this.#ask('qom-get', { path: '/machine', property: 'type' }, signal),
            this.#ask('query-block', undefined, signal),
            processOf(this.#asked, this.#vm, signal),
        ]);
        refuseBlocked(this.#host, this.#name, migrate, jobs);
        this.#mark = process.mark;
        const at = { host: this.#host, vm: this.#name };
        const devices = blockDevices(blocks, process.cwd);
        refuseMovedImages(at, devices, process);
        const disks = copiedDisks(at, technique, devices);
        this.#copy = new DiskCopy(this.#asked.access, this.#qmp, this.#name, disks);
        await prepareMigration(this.#qmp, this.#asked.host, technique, 'source', signal);
        this.#settings.are(technique);
        return { cookie: nothing, xml: this.#machineText(process, machine), paused: status.at('running').flag === false };
    }

    /** Of a migration that broke in post-copy: what it was set to still holds. */
    async #beginAgain(signal: AbortSignal): Promise<Begun> {
        // From here on as from the switch: nothing is cancelled, whatever becomes of this.
        [this.#switchAsked, this.#switched] = [true, true];
        const [migrate, machine, process] = await Promise.all([
            this.#ask('query-migrate', undefined, signal),
            this.#ask('qom-get', { path: '/machine', property: 'type' }, signal),
            processOf(this.#asked, this.#vm, signal),
        ]);
        const status = migrate.at('status').text ?? 'none';
        if (status !== 'postcopy-paused') {
            throw new HypervisorError(
                'refused',
                this.#host,
                `QEMU on ${this.#host} does not wait to send the rest of ${this.#name}: ${status}`,
                {
                    vm: this.#name,
                    hint: 'where it is about to, it goes on by itself',
                },
            );
        }
        this.#mark = process.mark;
        return { cookie: nothing, xml: this.#machineText(process, machine) };
    }

    #machineText(process: QemuProcess, machine: Reply): string {
        const found = socketOf(this.#asked.host, process);
        return machineText({
            name: this.#name,
            argv: process.argv,
            cwd: process.cwd,
            machine: machineName(machine),
            socket: 'socket' in found ? found.written : undefined,
            mover: process.mark && { run: process.mark.run, epoch: process.mark.epoch },
            ...(this.#copy && { disks: this.#copy.disks }),
        });
    }

    async perform(parameters: MoveParameters, prepared: Prepared, signal: AbortSignal): Promise<{ readonly cookie: Cookie }> {
        const ended = Promise.withResolvers<string>();
        const until = AbortSignal.any([signal, this.#cancelled.signal]);
        ended.promise.catch(() => undefined); // whoever waits hears of it
        this.#performing = true;
        this.#onStatus = (status) => {
            if (over.has(status)) ended.resolve(status);
            else if (status === 'pre-switchover')
                this.#copy?.letSwitch(until).catch((error: unknown) => {
                    if (!this.#cancelled.signal.aborted) ended.reject(error);
                });
        };
        try {
            await this.#copy?.mirror(parameters, prepared, this.#cap, until);
            if (parameters.downtimeLimit !== undefined && parameters.resume !== true)
                await this.setDowntimeLimit(parameters.downtimeLimit, signal);
            if (!parameters.technique.live && parameters.resume !== true) await this.pauseGuest(signal);
            until.throwIfAborted();
            this.#sending = true;
            const again = parameters.resume === true ? { resume: true } : {};
            await this.#ask('migrate', { uri: prepared.uri ?? parameters.migrateUri, ...again }, signal);
            const lost = this.#qmp.lost.then(({ why }) => {
                throw new HypervisorError('host-lost', this.#host, `nothing is heard of ${this.#name} while it is sent: ${why}`, {
                    vm: this.#name,
                    hint: `its QEMU goes on by itself; see whether it still runs on ${this.#host}`,
                });
            });
            const status = await abortable(Promise.race([ended.promise, lost, ...(this.#copy?.broken ?? [])]), signal);
            if (status !== 'completed') throw await this.#failure(status, signal);
            const migrate = await this.#ask('query-migrate', undefined, signal);
            this.events.push({
                at: Date.now(),
                type: 'job-completed',
                summary: summaryOf(migrate, this.#switched, await this.#copy?.figures(signal)),
            });
            return { cookie: nothing };
        } catch (error) {
            if (!this.#switchAsked) await this.#undo().catch(() => undefined); // recovery asks what is so
            if (this.#sending || !this.#cancelled.signal.aborted) throw error;
            throw new HypervisorError('cancelled', this.#host, `the move of ${this.#name} was cancelled`, { vm: this.#name });
        } finally {
            this.#onStatus = undefined;
            this.#performing = false;
            this.#copy?.close();
        }
    }

    /** The guest goes on where it is, and nothing of it is sent any more. */
    async #undo(): Promise<void> {
        if (this.#copy && this.#copy.disks.length > 0) {
            const signal = AbortSignal.timeout(undoWithinMs);
            await this.#cancelAndWait(signal);
            await this.#copy.breakOff(signal);
        }
        await this.#letGoOn();
    }

    async confirm(_parameters: MoveParameters, _cookie: Cookie, cancelled: boolean, signal: AbortSignal): Promise<void> {
        if (cancelled) {
            await this.#cancelAndWait(signal);
            await clearMirrors(this.#qmp, signal);
            const status = await this.#ask('query-status', undefined, signal);
            if (status.at('status').text === 'postmigrate' && !this.#switched) await this.#ask('cont', undefined, signal);
            else await this.#letGoOn();
            return;
        }
        await this.#lastCpuTimes.note(this.#asked, this.#vm, signal);
        await this.#ask('quit', undefined, signal).catch((error: unknown) => {
            // It may end before its answer is out.
            if (!(error instanceof HypervisorError) || error.code !== 'host-lost') throw error;
        });
        await endQemu(this.#asked.access, this.#vm, this.#process, signal, quitWithinMs);
        await writeMark(this.#asked.access, this.#vm, undefined, signal);
    }

    async cancel(signal: AbortSignal): Promise<void> {
        // After the switch nothing is cancelled (safety.md rule 4).
        if (this.#switchAsked || this.#switched) return;
        if (this.#performing) {
            this.#cancelled.abort();
            return this.#cancelMigration(signal);
        }
        // Nobody drives it: what it has begun is cleared away as well.
        await this.#cancelAndWait(signal);
        await clearMirrors(this.#qmp, signal);
    }

    async #cancelMigration(signal: AbortSignal): Promise<void> {
        const migrate = await this.#ask('query-migrate', undefined, signal);
        if (cancellable.has(migrate.at('status').text ?? '')) await this.#ask('migrate_cancel', undefined, signal);
    }

    async progress(signal: AbortSignal): Promise<Progress | undefined> {
        const disks = await this.#copy?.figures(signal);
        const migrate = this.#sending ? await this.#ask('query-migrate', undefined, signal) : undefined;
        const progress = progressOf(migrate, this.#cap, disks);
        await this.#throttle.seen(progress?.throttle, signal);
        return progress;
    }

    /** What of it was swapped out, and what is in huge pages, is held as well. */
    async memoryHeld(signal: AbortSignal): Promise<Bytes | undefined> {
        const { stdout, code } = await this.#asked.access.run(['cat', `/proc/${this.#process.pid}/status`], signal);
        return code === 0 ? heldBy(stdout) : undefined;
    }

    async setBandwidth(rate: BytesPerSecond | undefined, signal: AbortSignal): Promise<{ readonly got: BytesPerSecond | undefined }> {
        this.#cap = await this.#settings.setRate('bandwidth', rate, signal);
        await this.#copy?.setShare(rate, signal);
        return { got: this.#cap };
    }

    async setPostcopyBandwidth(
        rate: BytesPerSecond | undefined,
        signal: AbortSignal,
    ): Promise<{ readonly got: BytesPerSecond | undefined }> {
        return { got: await this.#settings.setRate('postcopy-bandwidth', rate, signal) };
    }

    async setDowntimeLimit(limit: Milliseconds, signal: AbortSignal): Promise<{ readonly got: Milliseconds | undefined }> {
        return { got: await this.#settings.setDowntimeLimit(limit, signal) };
    }

    async startPostcopy(signal: AbortSignal): Promise<void> {
        const before = this.#switchAsked;
        this.#switchAsked = true;
        try {
            await this.#ask('migrate-start-postcopy', undefined, signal);
        } catch (error) {
            // A refusal is an answer: it has not. Anything else leaves open whether it has.
            if (error instanceof QmpRefusal) this.#switchAsked = before;
            throw error;
        }
    }

    /** Needs a technique that says so from the start (`MoveTechnique.throttleLater`, or a throttle among its options). */
    async throttleGuest(throttle: Parameters<Departure['throttleGuest']>[0], signal: AbortSignal): Promise<void> {
        const migrate = await this.#ask('query-migrate', undefined, signal);
        await this.#throttle.raise(throttle, (migrate.at('cpu-throttle-percentage').number ?? 0) / 100, signal);
    }

    /** That it was the run that stopped it is on disk before. */
    async pauseGuest(signal: AbortSignal): Promise<void> {
        if (this.#mark) await this.#rewrite({ ...this.#mark, stopped: true }, signal);
        this.#stoppedByUs = true;
        await this.#ask('stop', undefined, signal);
    }

    async settings(signal: AbortSignal): Promise<readonly MoveSetting[]> {
        return [...(await this.#settings.read(signal)), ...((await this.#copy?.settings(signal)) ?? [])];
    }

    /** QEMU would go on sending: what has not switched is cancelled, and its guest goes on. */
    async [Symbol.asyncDispose](): Promise<void> {
        this.events.close();
        this.#unhear();
        try {
            if (this.#sending && !this.#switchAsked && !this.#switched && !over.has(this.#status) && !this.#qmp.isBroken)
                await this.#cancelMigration(AbortSignal.timeout(undoWithinMs));
        } catch {
            // Recovery asks the host what is so, and ends it (decide/recovery-table.ts).
        } finally {
            await this.#monitor[Symbol.asyncDispose]();
        }
    }

    get #qmp(): QmpConnection {
        return this.#monitor.qmp;
    }
    get #host(): string {
        return this.#asked.host.name;
    }
    get #name(): string {
        return this.#process.identity.name ?? this.#vm;
    }

    #ask(command: string, args: Readonly<Record<string, unknown>> | undefined, signal: AbortSignal): Promise<Reply> {
        return this.#qmp.execute(command, args, signal);
    }

    #heard(at: number, status: string): void {
        this.#status = status;
        if (status.startsWith('postcopy')) this.#switched = true;
        this.events.push({ at, type: 'migration-status', status });
        this.#onStatus?.(status);
    }

    async #failure(status: string, signal: AbortSignal): Promise<HypervisorError> {
        const said = (await this.#ask('query-migrate', undefined, signal)).at('error-desc').text;
        return notSent(this.#host, this.#name, status, said);
    }

    /** The guest that we stopped goes on, once it is sure that it does not go anywhere. */
    async #letGoOn(): Promise<void> {
        if (!this.#stoppedByUs || this.#switched) return;
        const signal = AbortSignal.timeout(undoWithinMs);
        await this.#cancelAndWait(signal);
        const [status, migrate] = await Promise.all([
            this.#ask('query-status', undefined, signal),
            this.#ask('query-migrate', undefined, signal),
        ]);
        if (status.at('status').text !== 'paused' || migrate.at('status').text === 'completed') return;
        await this.#ask('cont', undefined, signal);
        this.#stoppedByUs = false;
        if (this.#mark) {
            const { stopped: _, ...mark } = this.#mark;
            await this.#rewrite(mark, signal);
        }
    }

    async #cancelAndWait(signal: AbortSignal): Promise<void> {
        if (this.#switchAsked || this.#switched) return;
        await this.#cancelMigration(signal);
        for (let look = 0; look < cancelWithin.times; look += 1) {
            const status = (await this.#ask('query-migrate', undefined, signal)).at('status').text ?? 'none';
            if (status !== 'cancelling' && !cancellable.has(status)) return;
            await sleep(cancelWithin.everyMs, undefined, { signal });
        }
    }

    async #rewrite(mark: Mark, signal: AbortSignal): Promise<void> {
        await writeMark(this.#asked.access, this.#vm, mark, signal);
        this.#mark = mark;
    }
}

const nothing: Cookie = new Uint8Array();

/** What the source connects to, from the route and the port that the destination told. */
export const uriWithPort = (migrateUri: string, port: string): string => `tcp:${bracketed(migrateUri.replace(/^tcp:/, ''))}:${port}`;
