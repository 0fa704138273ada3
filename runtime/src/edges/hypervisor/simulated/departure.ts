import { bytes, bytesPerSecond, milliseconds, ratio, type BytesPerSecond, type Milliseconds } from '@mig/language';
import type { JobSummary, Progress } from '../../../core/index.js';
import { defaultDowntimeLimit, phaseOverhead } from '../../../core/simulate/assumptions.js';
import { pageSize, startPrecopy, type GuestMemory, type PrecopyHappening, type PrecopyState } from '../../../core/simulate/precopy.js';
import { Channel } from '../../execute/channel.js';
import { HypervisorError } from '../errors.js';
import type { Cookie, Departure, DepartureEvent, MoveParameters, Prepared } from '../port.js';
import type { Copy } from './cluster.js';
import type { SimulatedConnection } from './connection.js';
import { readCookie, writeCookie } from './cookie.js';
import { spread } from './spread.js';

/** The source's side of one move. */
export class SimulatedDeparture implements Departure {
    readonly #connection: SimulatedConnection;
    readonly #copy: Copy;
    readonly #events = new Channel<DepartureEvent>();
    readonly #id: string;
    #cap: BytesPerSecond | undefined;
    #state: PrecopyState | undefined;
    #performing: { readonly resolve: () => void; readonly reject: (error: Error) => void; readonly began: number } | undefined;
    #summary: JobSummary | undefined;

    constructor(connection: SimulatedConnection, copy: Copy) {
        this.#connection = connection;
        this.#copy = copy;
        this.#id = copy.uuid;
        connection.whenClosed(() => this.#abandoned());
    }

    get events(): AsyncIterable<DepartureEvent> {
        return this.#events;
    }

    begin(parameters: MoveParameters, signal: AbortSignal): Promise<{ readonly cookie: Cookie; readonly xml: string }> {
        return this.#phase('begin', signal, () => {
            if (this.#copy.state !== 'running') throw this.#error('refused', `${this.#copy.vm.name} is not running`);
            this.#copy.job = 'outgoing';
            const { vm, uuid, mover } = this.#copy;
            return {
                cookie: writeCookie({ from: this.#connection.host, vm, uuid, mover, autostart: false }),
                xml: definitionOf(this.#copy),
            };
        });
    }

    perform(parameters: MoveParameters, prepared: Prepared, signal: AbortSignal): Promise<{ readonly cookie: Cookie }> {
        return this.#phase('perform', signal, async () => {
            const { vm, uuid, mover } = this.#copy;
            const to = readCookie(prepared.cookie).from;
            await new Promise<void>((resolve, reject) => {
                this.#performing = { resolve, reject, began: this.#connection.cluster.now() };
                this.#state = startPrecopy(guestMemory(this.#copy), parameters.downtimeLimit ?? defaultDowntimeLimit);
                const links = [`${this.#connection.host}/${this.#network()} out`, `${to}/${this.#network(to)} in`];
                this.#tell({ type: 'iteration', iteration: 1 });
                this.#connection.cluster.wire.start(
                    { id: this.#id, links, onHappening: (h) => this.#happened(h, to) },
                    this.#state,
                    this.#cap,
                );
            });
            return { cookie: writeCookie({ from: this.#connection.host, vm, uuid, mover, autostart: false }) };
        });
    }

    confirm(parameters: MoveParameters, _cookie: Cookie, cancelled: boolean, signal: AbortSignal): Promise<void> {
        return this.#phase('confirm', signal, () => {
            this.#copy.job = 'none';
            if (cancelled) {
                if (this.#copy.state === 'paused' && this.#copy.reason === 'migration') this.#resume();
                return;
            }
            this.#machine.copies.delete(this.#copy.uuid);
            if (this.#copy.persistent && !parameters.persistent) {
                this.#machine.copies.set(this.#copy.uuid, Object.assign(this.#copy, { state: 'shut off', reason: 'other' }));
            }
            if (this.#summary) this.#tell({ type: 'job-completed', summary: this.#summary });
        });
    }

    cancel(signal: AbortSignal): Promise<void> {
        return this.#connection.call('cancel', this.#copy.vm.name, signal, () =>
            this.#fail('cancelled', `the migration of ${this.#copy.vm.name} was cancelled on request`),
        );
    }

    progress(signal: AbortSignal): Promise<Progress | undefined> {
        return this.#connection.call('progress', this.#copy.vm.name, signal, () => {
            const seen = this.#connection.cluster.wire.look(this.#id);
            if (!seen) return undefined;
            const { state, rate } = seen;
            const eta = rate > 0 ? milliseconds((state.remaining / rate) * 1000) : undefined;
            return {
                total: bytes(this.#copy.vm.memory),
                remaining: bytes(Math.round(state.remaining)),
                transferred: bytes(Math.round(state.transferred)),
                rate: bytesPerSecond(Math.round(rate)),
                dirtyRate: state.seenDirtyRate === undefined ? undefined : bytesPerSecond(Math.round(state.seenDirtyRate)),
                iteration: state.iteration,
                throttle: ratio(0),
                cap: this.#cap,
                eta,
            };
        });
    }

    setBandwidth(rate: BytesPerSecond | undefined, signal: AbortSignal): Promise<{ readonly got: BytesPerSecond | undefined }> {
        return this.#connection.call('bandwidth', this.#copy.vm.name, signal, () => {
            this.#cap = rate;
            this.#connection.cluster.wire.setCap(this.#id, rate);
            return { got: rate };
        });
    }

    setDowntimeLimit(limit: Milliseconds, signal: AbortSignal): Promise<{ readonly got: Milliseconds | undefined }> {
        return this.#connection.call('downtime-limit', this.#copy.vm.name, signal, () => {
            this.#connection.cluster.wire.setDowntimeLimit(this.#id, limit);
            return { got: limit };
        });
    }

    startPostcopy(): Promise<void> {
        return Promise.reject(this.#error('feature-missing', 'simulated hosts do not switch to post-copy yet'));
    }

    setPostcopyBandwidth(): Promise<{ readonly got: BytesPerSecond | undefined }> {
        return Promise.reject(this.#error('feature-missing', 'simulated hosts do not switch to post-copy yet'));
    }

    pauseGuest(): Promise<void> {
        return Promise.reject(this.#error('feature-missing', 'simulated hosts do not pause a guest that is being sent yet'));
    }

    [Symbol.asyncDispose](): Promise<void> {
        this.#connection.close('closed');
        this.#events.close();
        return Promise.resolve();
    }

    #happened(happening: PrecopyHappening, to: string): void {
        const { cluster } = this.#connection;
        this.#state = happening.state;
        if (cluster.machine(to).copies.get(this.#copy.uuid)?.job !== 'incoming') {
            cluster.wire.stop(this.#id);
            if (this.#copy.state === 'paused') this.#resume();
            this.#fail('refused', `${to} closed the migration of ${this.#copy.vm.name}`);
            return;
        }
        if (happening.kind === 'sent') return this.#sent(happening.state);
        this.#tell({ type: 'iteration', iteration: happening.state.iteration });
        if (happening.kind !== 'guest-stopped') return;
        Object.assign(this.#copy, { state: 'paused', reason: 'migration' });
        this.#tell({ type: 'guest-stopped' });
    }

    #sent(state: PrecopyState): void {
        const performing = this.#performing;
        this.#performing = undefined;
        if (!performing) return;
        this.#tell({ type: 'migration-status', status: 'completed' });
        this.#summary = {
            totalMs: milliseconds(this.#connection.cluster.now() - performing.began),
            downtimeMs: state.stoppedFor,
            transferred: bytes(Math.round(state.transferred)),
            iterations: state.iteration,
            normalPages: Math.round(state.normalBytes / pageSize),
            zeroPages: Math.round(state.zeroBytes / pageSize),
        };
        performing.resolve();
    }

    /** The connection closed: what is being sent is given up; what has been sent stays as it is. */
    #abandoned(): void {
        this.#copy.job = 'none';
        if (this.#performing) {
            this.#connection.cluster.wire.stop(this.#id);
            if (this.#copy.state === 'paused' && this.#copy.reason === 'migration') this.#resume();
            this.#performing = undefined; // its caller is told by the connection
        }
    }

    #fail(code: 'cancelled' | 'refused', message: string): void {
        const performing = this.#performing;
        if (!performing) return;
        this.#performing = undefined;
        this.#connection.cluster.wire.stop(this.#id);
        if (this.#copy.state === 'paused' && this.#copy.reason === 'migration') this.#resume();
        this.#copy.job = 'none';
        performing.reject(this.#error(code, message));
    }

    #resume(): void {
        Object.assign(this.#copy, { state: 'running', reason: 'other' });
        this.#tell({ type: 'guest-resumed' });
    }

    #phase<T>(phase: 'begin' | 'perform' | 'confirm', signal: AbortSignal, work: () => T | Promise<T>): Promise<T> {
        const { seed } = this.#connection.cluster;
        return this.#connection.call(phase, this.#copy.vm.name, signal, work, spread(phaseOverhead[phase], seed, `${this.#id}/${phase}`));
    }

    #network(host = this.#connection.host): string {
        return this.#connection.cluster.machine(host).inventory.migration?.network ?? 'migration';
    }

    get #machine() {
        return this.#connection.cluster.machine(this.#connection.host);
    }

    #tell(event: DepartureEvent extends infer E ? (E extends DepartureEvent ? Omit<E, 'at'> : never) : never): void {
        this.#events.push({ at: this.#connection.cluster.now(), ...event });
    }

    #error(code: 'cancelled' | 'refused' | 'feature-missing', message: string): HypervisorError {
        return new HypervisorError(code, this.#connection.host, message, { vm: this.#copy.vm.name });
    }
}

/** What stands for a domain's definition. */
export function definitionOf(copy: Copy): string {
    return `<domain type='simulated'><name>${copy.vm.name}</name><uuid>${copy.uuid}</uuid></domain>`;
}

function guestMemory({ vm }: Copy): GuestMemory {
    return {
        size: vm.memory,
        zeroShare: ratio(vm.zeroShare),
        dirtyRate: vm.dirtyRate,
        hotSet: vm.hotSet,
        pattern: 'cyclic',
        coldRate: bytesPerSecond(0),
    };
}
