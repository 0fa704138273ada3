import { milliseconds } from '@mig/language';
import { phaseOverhead, resumeTime } from '../../../core/simulate/assumptions.js';
import { Channel } from '../../execute/channel.js';
import { HypervisorError } from '../errors.js';
import type { Arrival, ArrivalEvent, Cookie, MoveParameters, Prepared } from '../port.js';
import { simulatedHostOf, type Copy } from './cluster.js';
import type { SimulatedConnection } from './connection.js';
import { readCookie, writeCookie } from './cookie.js';
import { IncomingMemory } from './incoming.js';
import { spread } from './spread.js';

/** The destination's side of one move. */
export class SimulatedArrival implements Arrival {
    readonly #connection: SimulatedConnection;
    readonly #uuid: string;
    readonly #name: string;
    readonly #events = new Channel<ArrivalEvent>();
    /** The copy that has been prepared and not been finished yet. */
    #incoming: Copy | undefined;

    constructor(connection: SimulatedConnection, uuid: string, name: string) {
        this.#connection = connection;
        this.#uuid = uuid;
        this.#name = name;
        connection.whenClosed(() => this.#remove());
    }

    get events(): AsyncIterable<ArrivalEvent> {
        return this.#events;
    }

    prepare(parameters: MoveParameters, begun: { readonly cookie: Cookie; readonly xml: string }, signal: AbortSignal): Promise<Prepared> {
        return this.#phase('prepare', signal, () => {
            if (parameters.resume === true) return this.#prepareAgain(begun);
            const { vm, uuid, mover } = readCookie(begun.cookie);
            const present = this.#machine.copies.get(uuid);
            if (present && present.state !== 'shut off') throw this.#error('refused', `${vm.name} is already on ${this.#connection.host}`);
            const used = [...this.#machine.copies.values()].filter((c) => c.state !== 'shut off').reduce((sum, c) => sum + c.vm.memory, 0);
            if (used + vm.memory > simulatedHostOf(this.#machine.inventory).memory)
                throw this.#error('refused', `${this.#connection.host} has no memory left for ${vm.name}`);
            this.#incoming = {
                uuid,
                vm,
                state: 'paused',
                reason: 'migration',
                job: 'incoming',
                persistent: false,
                autostart: false,
                mover,
                incoming: new IncomingMemory(),
            };
            this.#machine.copies.set(uuid, this.#incoming);
            return {
                cookie: writeCookie({ from: this.#connection.host, vm, uuid, mover, autostart: false }),
                uri: undefined,
                xml: begun.xml,
            };
        });
    }

    finish(
        parameters: MoveParameters,
        cookie: Cookie,
        cancelled: boolean,
        signal: AbortSignal,
    ): Promise<{ readonly cookie: Cookie; readonly started: boolean }> {
        return this.#phase('finish', signal, async () => {
            if (parameters.resume === true) {
                await this.#machine.copies.get(this.#uuid)?.incoming?.whole;
                return { cookie, started: true };
            }
            const copy = this.#incoming;
            if (cancelled || !copy) {
                this.#remove();
                throw this.#error('not-started', `${this.#connection.host} did not start ${this.#name}`);
            }
            this.#incoming = undefined;
            if (copy.incoming?.switched === true) await this.#receiveTheRest(copy, copy.incoming, parameters);
            else this.#run(copy, { reason: 'migrated', job: 'none', persistent: parameters.persistent });
            return { cookie, started: true };
        });
    }

    /** Of a post-copy that broke: its copy takes the rest. */
    #prepareAgain({ cookie, xml }: { readonly cookie: Cookie; readonly xml: string }): Prepared {
        const copy = this.#machine.copies.get(this.#uuid);
        if (copy?.reason !== 'postcopy-failed') throw this.#error('refused', `${this.#name} does not wait for the rest of its memory`);
        copy.incoming = new IncomingMemory();
        copy.incoming.switched = true;
        copy.incoming.onRecovery = () =>
            this.#events.push({ at: this.#connection.cluster.now(), type: 'migration-status', status: 'postcopy-recover' });
        const { vm, uuid, mover } = readCookie(cookie);
        return { cookie: writeCookie({ from: this.#connection.host, vm, uuid, mover, autostart: false }), uri: undefined, xml };
    }

    /** The guest runs as soon as it can; finish lasts until every page is there. */
    async #receiveTheRest(copy: Copy, memory: IncomingMemory, { persistent }: MoveParameters): Promise<void> {
        const { clock } = this.#connection.cluster;
        try {
            await memory.runnable;
        } catch (error) {
            this.#incoming = copy;
            this.#remove();
            throw error;
        }
        await clock.sleep(resumeTime);
        if (this.#machine.copies.get(this.#uuid) === copy) this.#run(copy, { reason: 'postcopy', persistent });
        await memory.whole;
        Object.assign(copy, { reason: 'migrated', job: 'none' });
    }

    #run(copy: Copy, how: Partial<Copy>): void {
        Object.assign(copy, { state: 'running', ...how });
        this.#events.push({ at: this.#connection.cluster.now(), type: 'guest-resumed' });
    }

    [Symbol.asyncDispose](): Promise<void> {
        this.#connection.close('closed');
        this.#events.close();
        return Promise.resolve();
    }

    #remove(): void {
        if (this.#incoming && this.#machine.copies.get(this.#uuid) === this.#incoming) this.#machine.copies.delete(this.#uuid);
        this.#incoming = undefined;
    }

    #phase<T>(phase: 'prepare' | 'finish', signal: AbortSignal, work: () => T | Promise<T>): Promise<T> {
        const figure = phase === 'finish' ? resumeTime : phaseOverhead.prepare;
        return this.#connection.call(
            phase,
            this.#name,
            signal,
            work,
            milliseconds(spread(figure, this.#connection.cluster.seed, `${this.#uuid}/${phase}`)),
        );
    }

    get #machine() {
        return this.#connection.cluster.machine(this.#connection.host);
    }

    #error(code: 'not-started' | 'refused', message: string): HypervisorError {
        return new HypervisorError(code, this.#connection.host, message, { vm: this.#name });
    }
}
