/**
 * The source's side of a move. The phases go over a connection of their own: perform blocks it for the whole transfer,
 * and libvirt gives the migration up when that connection ends before confirm. Everything else goes over the control
 * connection.
 */
import { type Bytes, bytes, type BytesPerSecond, bytesPerSecond, type Milliseconds, milliseconds, ratio } from '@mig/language';
import type { JobSummary, Progress } from '../../../core/index.js';
import { HypervisorError } from '../errors.js';
import type { Begun, Cookie, Departure, DepartureEvent, MoveParameters, Prepared } from '../port.js';
import type { LibvirtConnection } from './connect.js';
import { domainStates } from './domains.js';
import { libvirtErrors } from './errors.js';
import { EventQueue } from './event-queue.js';
import { followGuest } from './guest-events.js';
import { flagsFor, fromMib, migrateFlags, paramsFor, toMib } from './migration.js';
import { type Domain, procedures } from './procedures.js';
import { ParamReader, type TypedParam } from './typed-params.js';

export interface MoveConnections {
    /** Shared by all of a host. */
    readonly control: LibvirtConnection;
    /** Owned by the move. */
    readonly own: LibvirtConnection;
    /** Milliseconds since the epoch, for events that carry no time. */
    readonly now: () => number;
}

/** Registers for events first: nothing that begin causes is missed. */
export async function openDeparture(connections: MoveConnections, dom: Domain, signal: AbortSignal): Promise<Departure> {
    const { own, now } = connections;
    const events = new EventQueue<DepartureEvent>();
    await Promise.all([
        followGuest(own, dom, now, (event) => events.push(event), signal),
        own.callbacks.onDomainEvent(
            own.rpc,
            'migrationIteration',
            dom,
            ({ iteration }) => events.push({ at: now(), type: 'iteration', iteration }),
            signal,
        ),
        own.callbacks.onDomainEvent(
            own.rpc,
            'jobCompleted',
            dom,
            ({ params }) => events.push({ at: now(), type: 'job-completed', summary: summaryOf(params) }),
            signal,
        ),
    ]);
    return new LibvirtDeparture(connections, dom, events);
}

class LibvirtDeparture implements Departure {
    readonly events: EventQueue<DepartureEvent>;
    readonly #control: LibvirtConnection;
    readonly #own: LibvirtConnection;
    readonly #dom: Domain;
    #cap: BytesPerSecond | undefined;
    /** Of the guest when the move began: a paused guest stays paused. */
    #pausedFlag = 0;

    constructor({ control, own }: MoveConnections, dom: Domain, events: EventQueue<DepartureEvent>) {
        this.#control = control;
        this.#own = own;
        this.#dom = dom;
        this.events = events;
    }

    async begin(parameters: MoveParameters, signal: AbortSignal): Promise<Begun> {
        const { state } = await this.#control.call(procedures.domainGetState, { dom: this.#dom, flags: 0 }, signal);
        const paused = state === domainStates.paused;
        this.#pausedFlag = paused ? migrateFlags.PAUSED : 0;
        const { cookieOut, xml } = await this.#own.call(
            procedures.migrateBegin,
            { dom: this.#dom, params: paramsFor(parameters, 'source'), flags: this.#flags(parameters) },
            signal,
        );
        return { cookie: cookieOut, xml, paused };
    }

    async perform(parameters: MoveParameters, prepared: Prepared, signal: AbortSignal): Promise<{ readonly cookie: Cookie }> {
        if (parameters.downtimeLimit !== undefined) await this.setDowntimeLimit(parameters.downtimeLimit, signal);
        const { cookieOut } = await this.#own.call(
            procedures.migratePerform,
            {
                dom: this.#dom,
                destinationUri: undefined,
                params: paramsFor(parameters, 'source', prepared),
                cookieIn: prepared.cookie,
                flags: this.#flags(parameters),
            },
            signal,
        );
        return { cookie: cookieOut };
    }

    async confirm(parameters: MoveParameters, cookie: Cookie, cancelled: boolean, signal: AbortSignal): Promise<void> {
        await this.#own.call(
            procedures.migrateConfirm,
            {
                dom: this.#dom,
                params: paramsFor(parameters, 'source'),
                cookieIn: cookie,
                flags: this.#flags(parameters),
                cancelled: cancelled ? 1 : 0,
            },
            signal,
        );
    }

    async cancel(signal: AbortSignal): Promise<void> {
        try {
            await this.#control.call(procedures.abortJob, { dom: this.#dom, flags: 0 }, signal);
        } catch (error) {
            // Nothing runs that could be cancelled: it has ended by itself meanwhile.
            if (!(error instanceof HypervisorError) || error.native?.code !== libvirtErrors.operationInvalid) throw error;
        }
    }

    async progress(signal: AbortSignal): Promise<Progress | undefined> {
        try {
            const { type, params } = await this.#control.call(procedures.domainGetJobStats, { dom: this.#dom, flags: 0 }, signal);
            return type === 0 ? undefined : progressOf(new ParamReader(params), this.#cap);
        } catch (error) {
            if (error instanceof HypervisorError && (error.code === 'no-such-vm' || error.native?.code === libvirtErrors.operationInvalid))
                return undefined;
            throw error;
        }
    }

    async setBandwidth(rate: BytesPerSecond | undefined, signal: AbortSignal): Promise<{ readonly got: BytesPerSecond | undefined }> {
        const bandwidth = BigInt(toMib(this.#host, rate));
        await this.#control.call(procedures.migrateSetMaxSpeed, { dom: this.#dom, bandwidth, flags: 0 }, signal);
        const read = await this.#control.call(procedures.migrateGetMaxSpeed, { dom: this.#dom, flags: 0 }, signal);
        this.#cap = fromMib(Number(read.bandwidth));
        return { got: this.#cap };
    }

    async setDowntimeLimit(limit: Milliseconds, signal: AbortSignal): Promise<{ readonly got: Milliseconds | undefined }> {
        await this.#control.call(
            procedures.migrateSetMaxDowntime,
            { dom: this.#dom, downtime: BigInt(Math.max(1, Math.floor(limit))), flags: 0 },
            signal,
        );
        const read = await this.#control.call(procedures.migrateGetMaxDowntime, { dom: this.#dom, flags: 0 }, signal);
        return { got: milliseconds(Number(read.downtime)) };
    }

    async startPostcopy(signal: AbortSignal): Promise<void> {
        await this.#control.call(procedures.migrateStartPostCopy, { dom: this.#dom, flags: 0 }, signal);
    }

    async setPostcopyBandwidth(
        rate: BytesPerSecond | undefined,
        signal: AbortSignal,
    ): Promise<{ readonly got: BytesPerSecond | undefined }> {
        const bandwidth = BigInt(toMib(this.#host, rate));
        await this.#control.call(procedures.migrateSetMaxSpeed, { dom: this.#dom, bandwidth, flags: postcopySpeed }, signal);
        const read = await this.#control.call(procedures.migrateGetMaxSpeed, { dom: this.#dom, flags: postcopySpeed }, signal);
        return { got: fromMib(Number(read.bandwidth)) };
    }

    async pauseGuest(signal: AbortSignal): Promise<void> {
        await this.#control.call(procedures.domainSuspend, { dom: this.#dom }, signal);
    }

    async [Symbol.asyncDispose](): Promise<void> {
        this.events.close();
        await this.#own[Symbol.asyncDispose]();
    }

    get #host(): string {
        return this.#own.rpc.host;
    }

    #flags(parameters: MoveParameters): number {
        return flagsFor(parameters, 'source') | this.#pausedFlag;
    }
}

function progressOf(params: ParamReader, cap: BytesPerSecond | undefined): Progress {
    const size = (name: string): Bytes => bytes(params.number(name) ?? 0);
    const remaining = size('data_remaining');
    const rate = params.number('memory_bps');
    const dirtyPages = params.number('memory_dirty_rate');
    const throttle = params.number('auto_converge_throttle');
    return {
        total: size('data_total'),
        remaining,
        transferred: size('data_processed'),
        rate: rate === undefined ? undefined : bytesPerSecond(rate),
        dirtyRate: dirtyPages === undefined ? undefined : bytesPerSecond(dirtyPages * (params.number('memory_page_size') ?? pageSize)),
        iteration: params.number('memory_iteration') ?? 0,
        throttle: throttle === undefined ? undefined : ratio(throttle / 100),
        cap,
        eta: rate === undefined || rate === 0 ? undefined : milliseconds((remaining / rate) * 1000),
    };
}

const pageSize = 4096;

/** VIR_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY. */
const postcopySpeed = 1;

function summaryOf(params: readonly TypedParam[]): JobSummary {
    const reader = new ParamReader(params);
    const downtime = reader.number('downtime');
    return {
        totalMs: milliseconds(reader.number('time_elapsed') ?? 0),
        downtimeMs: downtime === undefined ? undefined : milliseconds(downtime),
        transferred: bytes(reader.number('data_processed') ?? 0),
        iterations: reader.number('memory_iteration') ?? 0,
        normalPages: reader.number('memory_normal'),
        zeroPages: reader.number('memory_constant'),
    };
}
