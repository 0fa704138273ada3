import { bytes, bytesPerSecond, milliseconds, ratio, type BytesPerSecond, type Milliseconds } from '@mig/language';
import { optionSettings, takenAsAsked, type JobSummary, type MoveTechnique, type Progress } from '../../../core/index.js';
import { simulatedDisks } from '../../../core/inventory/simulated-disks.js';
import { defaultDowntimeLimit, phaseOverhead } from '../../../core/simulate/assumptions.js';
import { mirrorFirst, pageSize, pauseGuest, startPrecopy, type GuestMemory, type PrecopyState } from '../../../core/simulate/copy-state.js';
import { machineFor } from '../../../core/simulate/machine.js';
import { switchToPostcopy, throttleGuest, type PrecopyHappening } from '../../../core/simulate/precopy.js';
import { mirrorOf } from '../../../core/simulate/start-copy.js';
import { throttleSettings } from '../../../core/simulate/throttle.js';
import { Channel } from '../../execute/channel.js';
import { HypervisorError } from '../errors.js';
import type { Cookie, Departure, DepartureEvent, MoveParameters, MoveSetting, Prepared } from '../port.js';
import type { Copy, Migration } from './cluster.js';
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
    #postcopyCap: BytesPerSecond | undefined;
    #mayPostcopy = false;
    /** Disks go first: memory, and the iterations with it, begins when they are there. */
    #mirrors = false;
    #technique: MoveTechnique | undefined;
    #migration: Migration | undefined;
    /** The guest's memory is no longer whole here: only the destination can run it. */
    #switched = false;
    #performing: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;
    #began = 0;
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
            const again = parameters.resume === true && this.#copy.reason === 'postcopy-failed';
            if (this.#copy.state !== 'running' && !again) throw this.#error('refused', `${this.#copy.vm.name} is not running`);
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
                const { cluster, host } = this.#connection;
                this.#performing = { resolve, reject };
                this.#began = cluster.now();
                const { postcopy, options, live } = parameters.technique;
                this.#mayPostcopy = postcopy;
                this.#technique = parameters.technique;
                if (typeof options.postcopyBandwidth === 'number') this.#postcopyCap = bytesPerSecond(options.postcopyBandwidth);
                this.#migration = { vm: vm.name, hosts: [host, to], breaksOff: (why) => this.#breaksOff(why, to) };
                cluster.migrations.add(this.#migration);
                const links = [`${host}/${this.#network()} out`, `${to}/${this.#network(to)} in`];
                const state = (parameters.resume === true && this.#copy.broken) || this.#startState(parameters);
                this.#mirrors = state.stage === 'mirroring';
                if (parameters.resume === true) this.#goesOn(to);
                else if (!this.#mirrors) this.#memoryBegins();
                if (!live) this.#stopGuest('migration');
                cluster.wire.start({ id: this.#id, links, onHappening: (h) => this.#happened(h, to) }, state, {
                    cap: this.#cap,
                    postcopyCap: this.#postcopyCap,
                });
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
            if (this.#migration) this.#migration.breaksOff('its source was removed while pages were on their way');
            this.#machine.copies.delete(this.#copy.uuid);
            if (this.#copy.persistent && !parameters.persistent) {
                this.#machine.copies.set(this.#copy.uuid, Object.assign(this.#copy, { state: 'shut off', reason: 'other' }));
            }
            if (this.#summary) this.#tell({ type: 'job-completed', summary: this.#summary });
        });
    }

    cancel(signal: AbortSignal): Promise<void> {
        return this.#connection.call('cancel', this.#copy.vm.name, signal, () => {
            if (this.#switched) throw this.#error('refused', `${this.#copy.vm.name} has switched to post-copy`);
            this.#fail('cancelled', `the migration of ${this.#copy.vm.name} was cancelled on request`);
        });
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
                throttle: ratio(state.throttle?.share ?? 0),
                cap: this.#switched ? this.#postcopyCap : this.#cap,
                eta,
                ...(state.mirror && { disks: { total: state.mirror.total, remaining: bytes(Math.round(state.mirror.left)) } }),
            };
        });
    }

    setBandwidth(rate: BytesPerSecond | undefined, signal: AbortSignal): Promise<{ readonly got: BytesPerSecond | undefined }> {
        return this.#connection.call('bandwidth', this.#copy.vm.name, signal, () => {
            this.#cap = rate;
            this.#connection.cluster.wire.setCap(this.#id, { cap: rate });
            return { got: rate };
        });
    }

    setDowntimeLimit(limit: Milliseconds, signal: AbortSignal): Promise<{ readonly got: Milliseconds | undefined }> {
        return this.#connection.call('downtime-limit', this.#copy.vm.name, signal, () => {
            this.#connection.cluster.wire.setDowntimeLimit(this.#id, limit);
            return { got: limit };
        });
    }

    startPostcopy(signal: AbortSignal): Promise<void> {
        return this.#connection.call('start-postcopy', this.#copy.vm.name, signal, () => {
            if (!this.#mayPostcopy) throw this.#error('refused', `the migration of ${this.#copy.vm.name} was not prepared for post-copy`);
            const state = this.#turn('switch to post-copy', switchToPostcopy);
            this.#switched = true;
            this.#tell({ type: 'iteration', iteration: state.iteration });
            this.#stopGuest('postcopy');
            const there = this.#copyAt(this.#migration?.hosts.at(-1));
            if (there?.incoming) there.incoming.switched = true;
            this.#tell({ type: 'migration-status', status: 'postcopy-active' });
        });
    }

    setPostcopyBandwidth(rate: BytesPerSecond | undefined, signal: AbortSignal): Promise<{ readonly got: BytesPerSecond | undefined }> {
        return this.#connection.call('postcopy-bandwidth', this.#copy.vm.name, signal, () => {
            this.#postcopyCap = rate;
            this.#connection.cluster.wire.setCap(this.#id, { postcopyCap: rate });
            return { got: rate };
        });
    }

    throttleGuest(asked: Parameters<Departure['throttleGuest']>[0], signal: AbortSignal): Promise<void> {
        return this.#connection.call('throttle', this.#copy.vm.name, signal, () => {
            this.#turn('throttle', (state) => throttleGuest(state, throttleSettings(asked)));
        });
    }

    pauseGuest(signal: AbortSignal): Promise<void> {
        return this.#connection.call('pause', this.#copy.vm.name, signal, () => {
            this.#turn('pause', pauseGuest);
            this.#stopGuest('migration');
        });
    }

    /** A simulated host takes what it is asked for. */
    settings(signal: AbortSignal): Promise<readonly MoveSetting[]> {
        return this.#connection.call('settings', this.#copy.vm.name, signal, () => {
            const cache = this.#technique?.options.xbzrleCache;
            const options = this.#technique ? optionSettings(this.#technique).map((option) => takenAsAsked(option(undefined))) : [];
            return [...(cache === undefined ? [] : [{ setting: 'compression-cache' as const, asked: cache, got: cache }]), ...options];
        });
    }

    [Symbol.asyncDispose](): Promise<void> {
        this.#connection.close('closed');
        this.#events.close();
        return Promise.resolve();
    }

    #memoryBegins(): void {
        this.#mirrors = false;
        this.#tell({ type: 'migration-status', status: 'active' });
        this.#tell({ type: 'iteration', iteration: 1 });
    }

    /** The rest of a post-copy that broke is sent. */
    #goesOn(to: string): void {
        this.#switched = true;
        this.#copy.reason = 'postcopy';
        const there = this.#copyAt(to);
        if (there?.state === 'running') there.reason = 'postcopy';
        there?.incoming?.hasWhatRuns();
        there?.incoming?.onRecovery();
        this.#tell({ type: 'migration-status', status: 'postcopy-active' });
    }

    #startState({ downtimeLimit, technique: { live, options } }: MoveParameters): PrecopyState {
        const guest = guestMemory(this.#copy);
        const memory = startPrecopy(guest, downtimeLimit ?? defaultDowntimeLimit, machineFor(options));
        const state = mirrorFirst(memory, mirrorOf(options, guest));
        if (!live) return pauseGuest(state);
        return options.throttle ? throttleGuest(state, throttleSettings(options.throttle)) : state;
    }

    /** An order to the migration that sends, which takes it only while it copies. */
    #turn(what: string, order: (state: PrecopyState) => PrecopyState): PrecopyState {
        const before = this.#connection.cluster.wire.look(this.#id)?.state;
        if (before?.stage !== 'copying') throw this.#error('refused', `${this.#copy.vm.name} is not being sent: it cannot ${what}`);
        return this.#connection.cluster.wire.turn(this.#id, order) ?? before;
    }

    #happened(happening: PrecopyHappening, to: string): void {
        const { cluster } = this.#connection;
        const there = this.#copyAt(to);
        if (there?.job !== 'incoming') {
            if (this.#switched) return this.#breaksOff(`${to} has removed its copy`, to);
            cluster.wire.stop(this.#id);
            this.#fail('refused', `${to} closed the migration of ${this.#copy.vm.name}`);
            return;
        }
        switch (happening.kind) {
            case 'sent':
                return this.#sent(happening.state, there);
            case 'switched':
                there.incoming?.hasWhatRuns();
                return this.#performed();
            case 'iteration':
                if (this.#mirrors) return this.#memoryBegins();
                this.#tell({ type: 'iteration', iteration: happening.state.iteration });
                return;
            case 'guest-stopped':
                this.#tell({ type: 'iteration', iteration: happening.state.iteration });
                this.#stopGuest('migration');
        }
    }

    #stopGuest(reason: 'migration' | 'postcopy'): void {
        const ran = this.#copy.state === 'running';
        Object.assign(this.#copy, { state: 'paused', reason });
        if (ran) this.#tell({ type: 'guest-stopped' });
    }

    #sent(state: PrecopyState, there: Copy): void {
        this.#over();
        this.#tell({ type: 'migration-status', status: 'completed' });
        this.#summary = {
            totalMs: milliseconds(this.#connection.cluster.now() - this.#began),
            downtimeMs: state.stoppedFor,
            transferred: bytes(Math.round(state.transferred)),
            iterations: state.iteration,
            normalPages: Math.round(state.normalBytes / pageSize),
            zeroPages: Math.round(state.zeroBytes / pageSize),
        };
        // Nobody may be left who waits for it: the destination is whole all the same.
        if (this.#switched && there.state === 'running') Object.assign(there, { reason: 'migrated', job: 'none' });
        there.incoming?.hasAll();
        this.#performed();
    }

    #performed(): void {
        this.#performing?.resolve();
        this.#performing = undefined;
    }

    #over(): void {
        if (this.#migration) this.#connection.cluster.migrations.delete(this.#migration);
        this.#migration = undefined;
    }

    /**
     * Nothing more flows. Before a switch that is noticed with the next that happens; after it neither side is whole, and
     * a destination that has not been started is removed.
     */
    #breaksOff(why: string, to: string): void {
        if (!this.#switched) return;
        const { cluster } = this.#connection;
        const left = cluster.wire.look(this.#id)?.state;
        if (left) this.#copy.broken = left;
        cluster.wire.stop(this.#id);
        this.#over();
        this.#copy.reason = 'postcopy-failed';
        const there = this.#copyAt(to);
        if (there?.state === 'running') there.reason = 'postcopy-failed';
        const error = this.#error('refused', `the migration of ${this.#copy.vm.name} broke after its switch to post-copy: ${why}`);
        there?.incoming?.breaksOff(error);
        this.#tell({ type: 'migration-status', status: 'postcopy-paused' });
        this.#performing?.reject(error);
        this.#performing = undefined;
    }

    /** The connection closed: what is being sent is given up, unless it has switched; what has been sent stays as it is. */
    #abandoned(): void {
        this.#copy.job = 'none';
        if (this.#switched) {
            this.#copy.reason = 'postcopy-failed';
            this.#performing = undefined;
        } else if (this.#performing) {
            this.#over();
            this.#connection.cluster.wire.stop(this.#id);
            if (this.#copy.state === 'paused' && this.#copy.reason === 'migration') this.#resume();
            this.#performing = undefined; // its caller is told by the connection
        }
    }

    #fail(code: 'cancelled' | 'refused', message: string): void {
        const performing = this.#performing;
        if (!performing) return;
        this.#performing = undefined;
        this.#over();
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

    #copyAt(host: string | undefined): Copy | undefined {
        return host === undefined ? undefined : this.#connection.cluster.machines.get(host)?.copies.get(this.#id);
    }

    get #machine() {
        return this.#connection.cluster.machine(this.#connection.host);
    }

    #tell(event: DepartureEvent extends infer E ? (E extends DepartureEvent ? Omit<E, 'at'> : never) : never): void {
        this.#events.push({ at: this.#connection.cluster.now(), ...event });
    }

    #error(code: 'cancelled' | 'refused', message: string): HypervisorError {
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
        disks: simulatedDisks(vm),
    };
}
