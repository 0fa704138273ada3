/**
 * The destination's side of a move: a QEMU of our own making that waits with its guest stopped (`-incoming defer -S`)
 * until it is told to run it. Nobody removes it when we are gone: whoever recovers does (safety.md rule 2).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { incomingUri, qmpLack, type VmUuid } from '../../../core/index.js';
import { HypervisorError } from '../errors.js';
import { EventQueue } from '../host/event-queue.js';
import { lockDirectory } from '../host/lock.js';
import type { Arrival, ArrivalEvent, Begun, Cookie, MoveParameters, Prepared } from '../port.js';
import { refuseByVersion } from '../suited.js';
import { listenedAt } from './channels.js';
import { socketBy } from './command-line.js';
import { uriWithPort } from './departure.js';
import type { CopiedDisk } from './disks.js';
import { guestEvent } from './guest-events.js';
import { MadeImages } from './made-images.js';
import { type Mark, writeMark } from './mark.js';
import type { Monitor } from './monitors.js';
import { doorCookie, serveDisks, takeDisks } from './nbd.js';
import { type Asked, mustHaveSocket, processOf } from './presence.js';
import { findProcesses, type ProcessId } from './processes.js';
import { QmpRefusal } from './qmp-errors.js';
import type { QmpConnection } from './qmp.js';
import { receiverArgv } from './receiver.js';
import { prepareMigration } from './settings.js';
import { usualSockets } from './socket-of.js';
import { readMachine, type SourceMachine } from './source-machine.js';
import { endQemu, logFile, startQemu } from './start-process.js';

/** How often a destination is asked whether its guest runs. */
const runsPollMs = 50;
/** For what is undone after a wait was given up. */
const undoWithinMs = 20_000;

export class QemuArrival implements Arrival {
    readonly events = new EventQueue<ArrivalEvent>();
    readonly #asked: Asked;
    readonly #vm: VmUuid;
    #machine: SourceMachine | undefined;
    #process: ProcessId | undefined;
    #monitor: Monitor | undefined;
    #mark: Mark | undefined;
    #paused = false;

    constructor(asked: Asked, vm: VmUuid) {
        this.#asked = asked;
        this.#vm = vm;
    }

    async prepare(parameters: MoveParameters, begun: Begun, signal: AbortSignal): Promise<Prepared> {
        const { access, host } = this.#asked;
        const machine = readMachine(host.name, begun.xml);
        if (parameters.resume === true) return this.#prepareAgain(machine.name, parameters, begun, signal);
        this.#machine = machine;
        this.#paused = begun.paused === true;
        const lack = qmpLack(parameters.technique);
        if (lack !== undefined)
            throw new HypervisorError('feature-missing', host.name, `${machine.name} cannot be received so: ${lack}`, { vm: machine.name });
        const [there] = await findProcesses(access, signal, this.#vm);
        if (there) {
            throw new HypervisorError('refused', host.name, `${host.name} runs ${machine.name} already (process ${String(there.pid)})`, {
                vm: machine.name,
                hint: 'if a run was interrupted, `mig-run resume` it; else find out who started it before it is ended',
            });
        }
        const socket = this.#socketFor(machine);
        const argv = receiverArgv(machine.argv, {
            machine: machine.machine,
            socket: {
                from: machine.socket ?? socket,
                to: machine.socket !== undefined && host.qmp === undefined ? machine.socket : socket,
            },
            pidFile: `${lockDirectory}/${this.#vm}.pid`,
        });
        await new MadeImages(access, this.#vm).make(machine.name, this.#copied, signal);
        try {
            const others = listenedAt(argv).filter((one) => one !== socket);
            this.#process = await startQemu(access, { vm: this.#vm, name: machine.name, argv, cwd: machine.cwd, socket, others }, signal);
            return await this.#listen(parameters, begun, this.#process, socket, signal);
        } catch (error) {
            // Nothing has been sent to it yet.
            await this.#end(AbortSignal.timeout(undoWithinMs)).catch(() => undefined); // what stays, recovery finds
            throw await this.#withLog(error);
        }
    }

    /** Of a migration that broke in post-copy: its QEMU listens anew for the rest. */
    async #prepareAgain(name: string, { listenAddress, migrateUri }: MoveParameters, begun: Begun, signal: AbortSignal): Promise<Prepared> {
        const { host, monitors } = this.#asked;
        const process = await processOf(this.#asked, this.#vm, signal);
        this.#monitor = await monitors.hold(mustHaveSocket(host, process, this.#vm), signal);
        const { qmp } = this.#monitor;
        this.#hear(qmp);
        const status = (await qmp.execute('query-migrate', undefined, signal)).at('status').text ?? 'none';
        if (status !== 'postcopy-paused') {
            throw new HypervisorError('refused', host.name, `QEMU on ${host.name} does not wait for the rest of ${name}: ${status}`, {
                vm: name,
                hint: 'where it is about to receive it, it goes on by itself',
            });
        }
        await qmp.execute('migrate-recover', { uri: incomingUri(listenAddress) }, signal);
        return { cookie: begun.cookie, uri: uriWithPort(migrateUri, await this.#port(qmp, signal)), xml: begun.xml };
    }

    async finish(
        parameters: MoveParameters,
        cookie: Cookie,
        cancelled: boolean,
        signal: AbortSignal,
    ): Promise<{ readonly cookie: Cookie; readonly started: boolean }> {
        if (cancelled) {
            await this.#end(signal);
            return { cookie, started: false };
        }
        const { host } = this.#asked;
        const qmp = this.#monitor?.qmp;
        if (!qmp) {
            throw new HypervisorError('refused', host.name, `${host.name} was not prepared for VM ${this.#vm} by this run`, {
                hint: '`mig-run resume` asks both hosts and ends it',
            });
        }
        // Whether it was told to run before it broke is so still: recovery tells it where it was not.
        if (parameters.resume === true)
            return { cookie, started: (await qmp.execute('query-status', undefined, signal)).at('running').flag === true };
        if (this.#copied.length > 0) await takeDisks(this.#asked.access, this.#vm, qmp, signal);
        if (!this.#paused) await this.#run(qmp, signal);
        if (this.#mark) {
            const { run, epoch, process } = this.#mark;
            await writeMark(this.#asked.access, this.#vm, { run, epoch, process }, signal);
        }
        return { cookie, started: true };
    }

    get #copied(): readonly CopiedDisk[] {
        return this.#machine?.disks ?? [];
    }

    async [Symbol.asyncDispose](): Promise<void> {
        this.events.close();
        await this.#monitor?.[Symbol.asyncDispose]();
    }

    /** As at the source, unless the inventory says where sockets are here. */
    #socketFor({ socket, cwd, name }: SourceMachine): string {
        const { qmp } = this.#asked.host;
        if (qmp === undefined && socket !== undefined) return socket.startsWith('/') ? socket : `${cwd}/${socket}`;
        return socketBy(qmp ?? usualSockets, { name, uuid: this.#vm });
    }

    async #listen(parameters: MoveParameters, begun: Begun, process: ProcessId, socket: string, signal: AbortSignal): Promise<Prepared> {
        const { access, host, monitors } = this.#asked;
        this.#monitor = await monitors.hold(socket, signal);
        const { qmp } = this.#monitor;
        this.#hear(qmp);
        const uuid = (await qmp.execute('query-uuid', undefined, signal)).at('UUID').text;
        if (uuid?.toLowerCase() !== this.#vm.toLowerCase())
            throw new HypervisorError('refused', host.name, `${socket} of ${host.name} is that of another VM (${String(uuid)})`);
        refuseByVersion(host.name, { qemu: qmp.version }, parameters.technique, 'destination');
        const mover = this.#machine?.mover;
        if (mover) {
            this.#mark = { ...mover, process, receiving: true };
            await writeMark(access, this.#vm, this.#mark, signal);
        }
        await prepareMigration(qmp, host, parameters.technique, 'destination', signal);
        const cookie = await this.#serve(qmp, parameters, signal);
        await qmp.execute('migrate-incoming', { uri: incomingUri(parameters.listenAddress) }, signal);
        return { cookie: cookie ?? begun.cookie, uri: uriWithPort(parameters.migrateUri, await this.#port(qmp, signal)), xml: begun.xml };
    }

    /** Tells where the disks are copied to; undefined where none is. */
    async #serve(qmp: QmpConnection, { listenAddress, technique }: MoveParameters, signal: AbortSignal): Promise<Cookie | undefined> {
        const machine = this.#machine;
        if (!machine || this.#copied.length === 0) return undefined;
        return doorCookie(await serveDisks(qmp, machine, this.#copied, { listen: listenAddress, technique }, signal));
    }

    #hear(qmp: QmpConnection): void {
        qmp.onEvent((event) => {
            const told = guestEvent(event);
            if (told && told.type !== 'iteration') this.events.push(told);
        });
    }

    /** At which it listens: where it has listened before, the last that it names. */
    async #port(qmp: QmpConnection, signal: AbortSignal): Promise<string> {
        const port = (await qmp.execute('query-migrate', undefined, signal)).at('socket-address').list.at(-1)?.at('port').text;
        if (port !== undefined) return port;
        const { name } = this.#asked.host;
        throw new HypervisorError('refused', name, `QEMU on ${name} does not say at which port it listens`);
    }

    /** Tells the guest to run, and waits until it does: what has not all arrived yet goes on once it has. */
    async #run(qmp: QmpConnection, signal: AbortSignal): Promise<void> {
        try {
            for (;;) {
                await qmp.execute('cont', undefined, signal);
                let status = '';
                do {
                    status = (await qmp.execute('query-status', undefined, signal)).at('status').text ?? '';
                    if (status === 'running') return;
                    await sleep(runsPollMs, undefined, { signal });
                } while (status !== 'paused');
            }
        } catch (error) {
            if (!(error instanceof QmpRefusal)) throw error;
            // It said no, and did not run it (an image that is locked, a disk that is not there): its copy goes first.
            await this.#end(AbortSignal.timeout(undoWithinMs));
            throw new HypervisorError('not-started', this.#asked.host.name, `the guest was not started: ${error.message}`, {
                cause: error,
                hint: 'the guest at the source has not run since and may be resumed there',
            });
        }
    }

    async #end(signal: AbortSignal): Promise<void> {
        await this.#monitor?.[Symbol.asyncDispose]();
        this.#monitor = undefined;
        const { access } = this.#asked;
        const process = this.#process;
        if (process !== undefined) {
            await endQemu(access, this.#vm, process, signal);
            this.#process = undefined;
            await writeMark(access, this.#vm, undefined, signal);
        }
        if (this.#copied.length > 0) await new MadeImages(access, this.#vm).drop(signal);
    }

    /** Where QEMU ended by itself, its log says why. */
    async #withLog(error: unknown): Promise<unknown> {
        if (!(error instanceof HypervisorError) || error.code !== 'host-lost') return error;
        const { access, host } = this.#asked;
        const said = await access.run(['tail', '-n', '3', logFile(this.#vm)], AbortSignal.timeout(undoWithinMs)).catch(() => undefined);
        const text = said?.stdout.trim().replaceAll('\n', '; ') ?? '';
        return text === '' ? error : new HypervisorError('refused', host.name, `QEMU on ${host.name} ended: ${text}`, { cause: error });
    }
}
