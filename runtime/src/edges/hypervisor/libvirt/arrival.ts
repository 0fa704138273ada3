/** The destination's side of a move, over a connection of its own: libvirt removes a half-arrived copy when it ends. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { VmUuid } from '../../../core/index.js';
import { HypervisorError } from '../errors.js';
import type { Arrival, ArrivalEvent, Begun, Cookie, MoveParameters, Prepared } from '../port.js';
import type { MoveConnections } from './departure.js';
import { domainStates, lookUp, uuidToBytes } from './domains.js';
import { libvirtErrors } from './errors.js';
import { EventQueue } from '../host/event-queue.js';
import { followGuest } from './guest-events.js';
import { flagsFor, migrateFlags, paramsFor } from './migration.js';
import { procedures } from './procedures.js';
import { refuseDeadlyResume, refuseUnsuited, withOptions } from './suited.js';
import { stringParam } from './typed-params.js';
import { parseXml } from './xml.js';

export async function openArrival(connections: MoveConnections, vm: VmUuid, signal: AbortSignal): Promise<Arrival> {
    const { own, now } = connections;
    const events = new EventQueue<ArrivalEvent>();
    await followGuest(own, { uuid: uuidToBytes(own.rpc.host, vm) }, now, (event) => events.push(event), signal);
    return new LibvirtArrival(connections, vm, events);
}

class LibvirtArrival implements Arrival {
    readonly events: EventQueue<ArrivalEvent>;
    readonly #connections: MoveConnections;
    readonly #vm: VmUuid;
    #prepared: { readonly name: string; readonly xml: string; readonly uri: string | undefined; readonly pausedFlag: number } | undefined;

    constructor(connections: MoveConnections, vm: VmUuid, events: EventQueue<ArrivalEvent>) {
        this.#connections = connections;
        this.#vm = vm;
        this.events = events;
    }

    async prepare(parameters: MoveParameters, begun: Begun, signal: AbortSignal): Promise<Prepared> {
        const { own } = this.#connections;
        const { versions } = this.#connections;
        if (versions) refuseUnsuited(own.rpc.host, versions, parameters.technique, 'destination');
        const pausedFlag = begun.paused === true ? migrateFlags.PAUSED : 0;
        const args = {
            params: paramsFor(parameters, 'destination', { xml: begun.xml }),
            cookieIn: begun.cookie,
            flags: flagsFor(parameters, 'destination') | pausedFlag,
        };
        const { cookieOut, uriOut } = await own.call(procedures.migratePrepare, args, signal).catch((error: unknown) => {
            throw withOptions(error, parameters.technique);
        });
        this.#prepared = { name: parseXml(begun.xml).at('name').text ?? '', xml: begun.xml, uri: uriOut, pausedFlag };
        return { cookie: cookieOut, uri: uriOut, xml: begun.xml };
    }

    checkResume(): void {
        const { own, versions } = this.#connections;
        if (versions) refuseDeadlyResume(own.rpc.host, versions);
    }

    async finish(
        parameters: MoveParameters,
        cookie: Cookie,
        cancelled: boolean,
        signal: AbortSignal,
    ): Promise<{ readonly cookie: Cookie; readonly started: boolean }> {
        const { own } = this.#connections;
        const { name, pausedFlag, ...more } = await this.#identity(signal);
        const params = [...paramsFor(parameters, 'destination', more), stringParam('destination_name', name)];
        try {
            const { cookieOut } = await own.call(
                procedures.migrateFinish,
                { params, cookieIn: cookie, flags: flagsFor(parameters, 'destination') | pausedFlag, cancelled: cancelled ? 1 : 0 },
                signal,
            );
            return { cookie: cookieOut, started: !cancelled };
        } catch (error) {
            if (!(error instanceof HypervisorError) || error.native === undefined) throw error;
            if (!cancelled) throw await this.#unstarted(error, signal);
            const { code } = error.native;
            if (code === libvirtErrors.migrateFinishOk || code === libvirtErrors.noDomain)
                return { cookie: new Uint8Array(), started: false };
            throw error;
        }
    }

    async [Symbol.asyncDispose](): Promise<void> {
        this.events.close();
        await this.#connections.own[Symbol.asyncDispose]();
    }

    /** As prepare left it, or as the host knows it where another process prepared. */
    async #identity(
        signal: AbortSignal,
    ): Promise<{ readonly name: string; readonly pausedFlag: number; readonly xml?: string; readonly uri?: string | undefined }> {
        return this.#prepared ?? { name: (await lookUp(this.#connections.control, this.#vm, signal)).name, pausedFlag: 0 };
    }

    /**
     * An error reply of finish. It counts as `not-started` only once the host says that the copy is gone: libvirt removes
     * it after the reply is decided. While it is there, whether it ran is not known.
     */
    async #unstarted(error: HypervisorError, signal: AbortSignal): Promise<HypervisorError> {
        const { control } = this.#connections;
        for (let look = 0; look < goneLooks.times; look += 1) {
            if (look > 0) await sleep(goneLooks.everyMs, undefined, { signal });
            if (!(await this.#isHere(signal))) {
                return new HypervisorError('not-started', control.rpc.host, `the guest was not started: ${error.message}`, {
                    cause: error,
                    hint: 'the guest at the source has not run since and may be resumed there',
                    ...(error.native ? { native: error.native } : {}),
                });
            }
        }
        return error;
    }

    async #isHere(signal: AbortSignal): Promise<boolean> {
        const { control } = this.#connections;
        try {
            const dom = await lookUp(control, this.#vm, signal);
            const { state } = await control.call(procedures.domainGetState, { dom, flags: 0 }, signal);
            return state !== domainStates.shutOff;
        } catch (error) {
            if (error instanceof HypervisorError && error.code === 'no-such-vm') return false;
            throw error;
        }
    }
}

/** For how long the copy of a failed finish is looked for. */
const goneLooks = { times: 20, everyMs: 100 };
