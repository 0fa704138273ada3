/** The libvirt driver's two sides of a move, on hosts of a lab: over their daemons' sockets, without SSH between. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type BytesPerSecond, milliseconds } from '@mig/language';
import type { MoveTechnique, Progress } from '@mig/runtime/core';
import { openArrival } from '../../runtime/src/edges/hypervisor/libvirt/arrival.js';
import { checkVersions, connectDaemon, type LibvirtConnection } from '../../runtime/src/edges/hypervisor/libvirt/connect.js';
import { openDeparture } from '../../runtime/src/edges/hypervisor/libvirt/departure.js';
import { lookUp } from '../../runtime/src/edges/hypervisor/libvirt/domains.js';
import type { Arrival, Departure, DepartureEvent, MoveParameters } from '../../runtime/src/edges/hypervisor/port.js';
import { type Lab, pathInHost } from '../../runtime/src/edges/lab/door.js';
import { openLocal } from '../../runtime/src/edges/ssh/local-access.js';

const socket = '/run/libvirt/libvirt-sock';
export const within = (ms: number): AbortSignal => AbortSignal.timeout(ms);

async function daemon(lab: Lab, host: string): Promise<LibvirtConnection> {
    const local = openLocal(host);
    const access = { ...local, openUnix: (path: string, signal: AbortSignal) => local.openUnix(pathInHost(lab, host, path), signal) };
    return connectDaemon(access, { by: 'socket', socket }, within(20_000));
}

export class Sides implements AsyncDisposable {
    readonly departure: Departure;
    readonly arrival: Arrival;
    readonly seen: DepartureEvent[] = [];
    readonly #controls: readonly LibvirtConnection[];

    private constructor(departure: Departure, arrival: Arrival, controls: readonly LibvirtConnection[]) {
        this.departure = departure;
        this.arrival = arrival;
        this.#controls = controls;
    }

    static async open(lab: Lab, uuid: string, from: string, to: string): Promise<Sides> {
        const side = async (host: string) => {
            const [control, own] = await Promise.all([daemon(lab, host), daemon(lab, host)]);
            return { control, own, now: Date.now, versions: await checkVersions(control, within(20_000)), monitor: 'allow' as const };
        };
        const [source, destination] = await Promise.all([side(from), side(to)]);
        const departure = await openDeparture(source, await lookUp(source.control, uuid, within(20_000)), within(20_000));
        return new Sides(departure, await openArrival(destination, uuid, within(20_000)), [source.control, destination.control]);
    }

    async [Symbol.asyncDispose](): Promise<void> {
        await Promise.all([this.departure, this.arrival, ...this.#controls].map((one) => one[Symbol.asyncDispose]()));
    }
}

export interface Steps {
    readonly cap?: BytesPerSecond;
    /** Once the source sends memory. */
    readonly sending?: (departure: Departure) => Promise<void>;
    /** With each figure while it sends. */
    readonly progress?: (progress: Progress, departure: Departure) => Promise<void>;
}

export interface Moved {
    readonly events: readonly DepartureEvent[];
    /** Times since perform began, in ms. */
    readonly finishSentAt: number;
    readonly performedAt: number;
    readonly completedAt: number;
}

/** A whole move, as the executor makes it: finish goes out on `postcopy-active` or perform's return, whichever is first. */
export async function carryOver(sides: Sides, parameters: MoveParameters, steps: Steps = {}): Promise<Moved> {
    const { departure, arrival } = sides;
    const signal = within(60_000);
    const events: DepartureEvent[] = [];
    const status = new Map<string, PromiseWithResolvers<undefined>>();
    const told = (name: string): PromiseWithResolvers<undefined> => {
        const one = status.get(name) ?? Promise.withResolvers<undefined>();
        status.set(name, one);
        return one;
    };
    void (async () => {
        for await (const event of departure.events) {
            events.push(event);
            if (event.type === 'migration-status') told(event.status).resolve(undefined);
        }
    })();
    const prepared = await arrival.prepare(parameters, await departure.begin(parameters, signal), signal);
    await departure.setBandwidth(steps.cap, signal);
    const began = Date.now();
    const performing = departure.perform(parameters, prepared, signal);
    const over = new AbortController();
    const watching = watch(departure, told('active').promise, steps, over.signal);
    const switched = told('postcopy-active').promise;
    const hasSwitched = (): boolean => events.some((event) => event.type === 'migration-status' && event.status === 'postcopy-active');
    try {
        const early = await Promise.race([performing, switched]);
        const finishSentAt = Date.now() - began;
        const finishing = arrival.finish(parameters, early?.cookie ?? new Uint8Array(), false, signal);
        const [performedAt, { cookie }] = await Promise.all([performing.then(() => Date.now() - began), finishing]);
        await told('completed').promise;
        const completedAt = Date.now() - began;
        over.abort();
        await watching;
        await departure.confirm(parameters, cookie, false, signal);
        return { events, finishSentAt, performedAt, completedAt };
    } catch (error) {
        over.abort();
        // After the switch nothing is cancelled; before it a refusal is the expected answer.
        if (!hasSwitched()) await arrival.finish(parameters, new Uint8Array(), true, signal).catch(() => undefined);
        throw error;
    }
}

async function watch(departure: Departure, active: Promise<undefined>, steps: Steps, over: AbortSignal): Promise<void> {
    const ended = new Promise<'ended'>((resolve) => over.addEventListener('abort', () => resolve('ended'), { once: true }));
    if ((await Promise.race([active, ended])) === 'ended') return;
    await steps.sending?.(departure);
    for (;;) {
        const progress = await departure.progress(within(10_000)).catch(() => undefined); // it has just ended
        if (progress) await steps.progress?.(progress, departure);
        if ((await Promise.race([sleep(100), ended])) === 'ended') return;
    }
}

export const parametersTo = (lab: Lab, host: string, technique: Partial<MoveTechnique>): MoveParameters => {
    const address = lab.hosts.find(({ name }) => name === host)?.migrationAddress ?? '';
    return {
        migrateUri: `tcp:${address}`,
        listenAddress: address,
        downtimeLimit: milliseconds(300),
        persistent: true,
        unsafe: false,
        technique: { live: true, postcopy: false, options: {}, ...technique },
    };
};
