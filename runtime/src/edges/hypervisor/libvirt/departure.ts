/**
 * The source's side of a move. The phases go over a connection of their own: perform blocks it for the whole transfer,
 * and libvirt gives the migration up when that connection ends before confirm. Everything else goes over the control
 * connection.
 */
import { type Bytes, bytes, type BytesPerSecond, bytesPerSecond, type Milliseconds, milliseconds } from '@mig/language';
import {
    copiedDisks,
    type MoveTechnique,
    optionSettings,
    type OptionSetting,
    type Progress,
    type SettingFigure,
} from '../../../core/index.js';
import { HypervisorError } from '../errors.js';
import type { Begun, Cookie, Departure, DepartureEvent, MoveParameters, MoveSetting, Prepared } from '../port.js';
import type { LibvirtConnection, Versions } from './connect.js';
import { readDomain } from './domain-xml.js';
import { domainStates } from './domains.js';
import { libvirtErrors } from './errors.js';
import { EventQueue } from '../host/event-queue.js';
import { followGuest, type GuestEvent } from './guest-events.js';
import { progressOf, summaryOf } from './job-figures.js';
import { flagsFor, fromMib, migrateFlags, paramsFor, toMib } from './migration.js';
import { type Domain, procedures } from './procedures.js';
import { QemuMonitor } from './qemu-monitor.js';
import { refuseUnsuited, withOptions } from './suited.js';
import type { GuestThrottle } from '../throttle-rise.js';
import { Throttle } from './throttle.js';
import { ParamReader } from './typed-params.js';

export interface MoveConnections {
    /** Shared by all of a host. */
    readonly control: LibvirtConnection;
    /** Owned by the move. */
    readonly own: LibvirtConnection;
    /** Milliseconds since the epoch, for events that carry no time. */
    readonly now: () => number;
    /** What runs on the host: options that it cannot take are refused before anything is touched. */
    readonly versions?: Versions;
    /** Whether calls that taint a domain may be used. */
    readonly monitor?: 'allow' | 'deny';
}

/** Registers for events first: nothing that begin causes is missed. */
export async function openDeparture(connections: MoveConnections, dom: Domain, signal: AbortSignal): Promise<Departure> {
    const { own, now } = connections;
    const departure = new LibvirtDeparture(connections, dom);
    const { events } = departure;
    await Promise.all([
        followGuest(own, dom, now, (event) => departure.heard(event), signal),
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
            ({ params }) => events.push({ at: now(), type: 'job-completed', summary: summaryOf(params, departure.switched) }),
            signal,
        ),
    ]);
    return departure;
}

class LibvirtDeparture implements Departure {
    readonly events = new EventQueue<DepartureEvent>();
    readonly #control: LibvirtConnection;
    readonly #own: LibvirtConnection;
    readonly #dom: Domain;
    readonly #versions: Versions | undefined;
    readonly #throttle: Throttle;
    #cap: BytesPerSecond | undefined;
    /** What was last asked of each setting, as libvirt counts it, and how it is read. */
    readonly #asked = new Map<SettingFigure, { readonly value: number | undefined; readonly read: Reading }>();
    readonly #monitor: QemuMonitor;
    /** What libvirt has no call to read. */
    #options: readonly OptionSetting[] = [];
    /** Of the guest when the move began: a paused guest stays paused. */
    #pausedFlag = 0;
    #switched = false;
    #hugePages = false;
    /** While disks are mirrored, the cap of memory waits: put in force when memory is sent. */
    #mirroring = false;

    constructor({ control, own, versions, monitor }: MoveConnections, dom: Domain) {
        this.#control = control;
        this.#own = own;
        this.#dom = dom;
        this.#versions = versions;
        this.#monitor = new QemuMonitor(control, dom, monitor ?? 'allow');
        this.#throttle = new Throttle(this.#monitor);
    }

    get switched(): boolean {
        return this.#switched;
    }

    heard(event: GuestEvent): void {
        if (event.type === 'migration-status') {
            if (event.status === 'postcopy-active') this.#switched = true;
            if (event.status === 'setup' || event.status === 'active') this.#memoryIsSent();
        }
        this.events.push(event);
    }

    async begin(parameters: MoveParameters, signal: AbortSignal): Promise<Begun> {
        const { technique } = parameters;
        if (this.#versions) refuseUnsuited(this.#host, this.#versions, technique, 'source');
        const { state } = await this.#control.call(procedures.domainGetState, { dom: this.#dom, flags: 0 }, signal);
        // A guest whose post-copy broke stands still at its source, and runs at its destination.
        const paused = state === domainStates.paused && parameters.resume !== true;
        this.#pausedFlag = paused ? migrateFlags.PAUSED : 0;
        const { cookieOut, xml } = await this.#phase(technique, () =>
            this.#own.call(
                procedures.migrateBegin,
                { dom: this.#dom, params: paramsFor(parameters, 'source'), flags: this.#flags(parameters) },
                signal,
            ),
        );
        this.#hugePages = readDomain(xml).hugepages !== undefined;
        return { cookie: cookieOut, xml, paused };
    }

    async perform(parameters: MoveParameters, prepared: Prepared, signal: AbortSignal): Promise<{ readonly cookie: Cookie }> {
        const { technique, downtimeLimit } = parameters;
        if (parameters.resume !== true) this.#options = optionSettings(technique);
        if (downtimeLimit !== undefined) await this.setDowntimeLimit(downtimeLimit, signal);
        if (technique.options.throttle && parameters.resume !== true) await this.#throttle.bound(technique.options.throttle, signal);
        if (technique.options.xbzrleCache !== undefined)
            this.#asked.set('compression-cache', { value: technique.options.xbzrleCache, read: this.#readCache });
        await this.#slowDownFor(technique, signal);
        try {
            const { cookieOut } = await this.#phase(technique, () =>
                this.#own.call(
                    procedures.migratePerform,
                    {
                        dom: this.#dom,
                        destinationUri: undefined,
                        params: paramsFor(parameters, 'source', prepared),
                        cookieIn: prepared.cookie,
                        flags: this.#flags(parameters),
                    },
                    signal,
                ),
            );
            return { cookie: cookieOut };
        } catch (error) {
            await this.#throttle.release();
            throw error;
        }
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
            if (type === 0) return undefined;
            const progress = progressOf(new ParamReader(params), this.#cap);
            await this.#throttle.seen(progress.throttle, signal);
            return progress;
        } catch (error) {
            if (error instanceof HypervisorError && (error.code === 'no-such-vm' || error.native?.code === libvirtErrors.operationInvalid))
                return undefined;
            throw error;
        }
    }

    async memoryHeld(signal: AbortSignal): Promise<Bytes | undefined> {
        // Huge pages are not counted as what the process holds.
        if (this.#hugePages) return undefined;
        const { stats } = await this.#control.call(
            procedures.domainMemoryStats,
            { dom: this.#dom, maxStats: mostMemoryStats, flags: 0 },
            signal,
        );
        const held = stats.find(({ tag }) => tag === residentSet)?.value;
        return held === undefined ? undefined : bytes(Number(held) * 1024);
    }

    async setBandwidth(rate: BytesPerSecond | undefined, signal: AbortSignal): Promise<{ readonly got: BytesPerSecond | undefined }> {
        this.#cap = await this.#setSpeed('bandwidth', rate, this.#readSpeed, 0, signal);
        return { got: this.#cap };
    }

    async setDowntimeLimit(limit: Milliseconds, signal: AbortSignal): Promise<{ readonly got: Milliseconds | undefined }> {
        const value = Math.max(1, Math.floor(limit));
        await this.#control.call(procedures.migrateSetMaxDowntime, { dom: this.#dom, downtime: BigInt(value), flags: 0 }, signal);
        this.#asked.set('downtime-limit', { value, read: this.#readDowntime });
        return { got: milliseconds((await this.#readDowntime(signal)) ?? 0) };
    }

    /** What was asked of libvirt, and what it says now. Before the migration is active these are what it has stored. */
    async settings(signal: AbortSignal): Promise<readonly MoveSetting[]> {
        const [own, options] = await Promise.all([
            Promise.all([...this.#asked].map(async ([setting, { value, read }]) => ({ setting, asked: value, got: await read(signal) }))),
            this.#readOptions(signal),
        ]);
        return [...own, ...options];
    }

    async startPostcopy(signal: AbortSignal): Promise<void> {
        await this.#control.call(procedures.migrateStartPostCopy, { dom: this.#dom, flags: 0 }, signal);
    }

    async setPostcopyBandwidth(
        rate: BytesPerSecond | undefined,
        signal: AbortSignal,
    ): Promise<{ readonly got: BytesPerSecond | undefined }> {
        return { got: await this.#setSpeed('postcopy-bandwidth', rate, this.#readPostcopySpeed, postcopySpeed, signal) };
    }

    /** Needs a technique that says so from the start (`MoveTechnique.throttleLater`, or a throttle among its options). */
    async throttleGuest(throttle: GuestThrottle, signal: AbortSignal): Promise<void> {
        const { params } = await this.#control.call(procedures.domainGetJobStats, { dom: this.#dom, flags: 0 }, signal);
        await this.#throttle.raise(throttle, (new ParamReader(params).number('auto_converge_throttle') ?? 0) / 100, signal);
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

    async #readOptions(signal: AbortSignal): Promise<readonly MoveSetting[]> {
        if (this.#options.length === 0) return [];
        const qemu = this.#monitor.allowed ? await this.#monitor.settings(signal) : undefined;
        const unread = this.#monitor.allowed ? `QEMU on ${this.#host} does not say` : this.#monitor.denial;
        return this.#options.map((setting) => ({ ...setting(qemu), ...(qemu ? {} : { unread }) }));
    }

    async #phase<T>(technique: MoveTechnique, call: () => Promise<T>): Promise<T> {
        try {
            return await call();
        } catch (error) {
            throw withOptions(error, technique);
        }
    }

    async #setSpeed(
        setting: 'bandwidth' | 'postcopy-bandwidth',
        rate: BytesPerSecond | undefined,
        read: Reading,
        flags: number,
        signal: AbortSignal,
    ): Promise<BytesPerSecond | undefined> {
        const mib = toMib(this.#host, rate);
        await this.#control.call(procedures.migrateSetMaxSpeed, { dom: this.#dom, bandwidth: BigInt(mib), flags }, signal);
        this.#asked.set(setting, { value: fromMib(mib), read });
        const got = await read(signal);
        return got === undefined ? undefined : bytesPerSecond(got);
    }

    /**
     * libvirt gives each disk that it mirrors the cap of the migration, the same for all, and does not change it until the
     * disk is there: for that time it is what each may have, the least that any of them is allowed, and no more than keeps
     * all of them together to the whole.
     */
    async #slowDownFor(technique: MoveTechnique, signal: AbortSignal): Promise<void> {
        const disks = copiedDisks(technique).length;
        if (disks === 0) return;
        const caps = (technique.options.storage ?? []).flatMap(({ mode, cap }) => (mode === 'shared' || cap === undefined ? [] : [cap]));
        const each = Math.min(...caps, (this.#cap ?? Infinity) / disks);
        if (!Number.isFinite(each)) return;
        const mib = toMib(this.#host, bytesPerSecond(each));
        await this.#control.call(procedures.migrateSetMaxSpeed, { dom: this.#dom, bandwidth: BigInt(mib), flags: 0 }, signal);
        this.#mirroring = true;
        const got = await this.#readSpeed(signal);
        // Read while it holds: as soon as memory is sent, the same setting is that of memory again.
        this.#asked.set('disk-bandwidth', { value: fromMib(mib), read: () => Promise.resolve(got) });
    }

    #memoryIsSent(): void {
        if (!this.#mirroring) return;
        this.#mirroring = false;
        const within = AbortSignal.timeout(capWithin);
        // What is in force then is read back by `settings`; where the host is gone, perform says so.
        this.setBandwidth(this.#cap, within).catch(() => undefined);
    }

    readonly #readSpeed: Reading = (signal) => this.#speed(0, signal);
    readonly #readPostcopySpeed: Reading = (signal) => this.#speed(postcopySpeed, signal);
    readonly #readDowntime: Reading = async (signal) =>
        Number((await this.#control.call(procedures.migrateGetMaxDowntime, { dom: this.#dom, flags: 0 }, signal)).downtime);
    readonly #readCache: Reading = async (signal) =>
        Number((await this.#control.call(procedures.migrateGetCompressionCache, { dom: this.#dom, flags: 0 }, signal)).cacheSize);

    async #speed(flags: number, signal: AbortSignal): Promise<BytesPerSecond | undefined> {
        return fromMib(Number((await this.#control.call(procedures.migrateGetMaxSpeed, { dom: this.#dom, flags }, signal)).bandwidth));
    }
}

/** Bytes/s, milliseconds or bytes; undefined: unlimited. */
type Reading = (signal: AbortSignal) => Promise<number | undefined>;

/** A cap that is not taken by then is given up. */
const capWithin = 5_000;

/** VIR_DOMAIN_MEMORY_STAT_RSS, in KiB. */
const residentSet = 7;
/** The most that libvirt takes. */
const mostMemoryStats = 1024;

/** VIR_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY. */
const postcopySpeed = 1;
