/**
 * A session with a libvirt host: one control connection for calls, and one connection more for each move that runs.
 */
import type { Milliseconds } from '@mig/language';
import type { CpuVerdict, ImageSight, InventoryHost, VmUuid } from '../../../core/index.js';
import { abortable } from '../../ssh/abortable.js';
import type { HostAccess } from '../../ssh/access.js';
import { ownEnvironment, type SshEnvironment } from '../../ssh/environment.js';
import { openAccess } from '../../ssh/open-access.js';
import type { Arrival, Departure, HostLost, HostObservation, HostSession, LockOwner, ObservationNeeds, Presence, VmLock } from '../port.js';
import { openArrival } from './arrival.js';
import { checkVersions, connectDaemon, findDaemon, type LibvirtConnection } from './connect.js';
import { CpuJudge, type CpuQuestion, type HostCpu } from './cpu.js';
import { type MoveConnections, openDeparture } from './departure.js';
import { imagesAt } from './disks.js';
import { affect, lookUp, uuidToBytes, xmlFlags } from './domains.js';
import { type LinkCounters, readLinkCounters } from '../link-counters.js';
import { emulatorCpu, pingAgent } from './guest.js';
import { readHostFacts } from '../host/host-facts.js';
import { lockVm } from '../host/lock.js';
import { type HostLook, lookAt } from './look.js';
import { type MoverMark, metadataPrefix, moverNamespace, moverXml } from './metadata.js';
import { observeHost, type Observed } from './observe.js';
import { presenceOf } from './presence.js';
import { type Domain, procedures } from './procedures.js';
import { parseXml } from './xml.js';

export interface LibvirtSessionOptions {
    readonly environment?: SshEnvironment;
    /** Milliseconds since the epoch. */
    readonly now?: () => number;
    /** The session is opened to observe: it looks at the host at once, before it is known what else is asked for. */
    readonly lookAhead?: boolean;
}

/** Connects to a host of the inventory, over SSH or by its local socket. Errors: see HypervisorErrorCode, first lines. */
export async function createLibvirtSession(
    host: InventoryHost,
    signal: AbortSignal,
    options: LibvirtSessionOptions = {},
): Promise<HostSession> {
    const now = options.now ?? Date.now;
    const access = await openAccess(host, signal, options.environment ?? ownEnvironment());
    try {
        const [opening, reading] = [openDaemon(access, signal), readHostFacts(access, now, signal)];
        const looking =
            options.lookAhead === true ? opening.then(({ connection }) => lookAt(access, connection, reading, signal)) : undefined;
        looking?.catch(() => undefined); // told when it is asked for
        const [daemon, facts] = await Promise.all([opening, reading]);
        const { way, connection, versions, capabilities } = daemon;
        const cpu: HostCpu = { model: capabilities.at('cpu/model').text ?? '', microcode: facts.microcode, kernel: facts.kernel };
        const uuid = capabilities.at('uuid').text ?? '';
        const of: Observed = { host, access, connection, way, versions, uuid, cpu, now };
        return new LibvirtSession(of, facts.bootId, looking);
    } catch (error) {
        await access[Symbol.asyncDispose]();
        throw error;
    }
}

/** A first connection, to a daemon that can do what we need. */
async function openDaemon(access: HostAccess, signal: AbortSignal) {
    const { way, connection } = await findDaemon(access, signal);
    try {
        const [versions, { xml }] = await Promise.all([
            checkVersions(connection, signal),
            connection.call(procedures.connectGetCapabilities, undefined, signal),
        ]);
        return { way, connection, versions, capabilities: parseXml(hostPart(xml)) };
    } catch (error) {
        await connection[Symbol.asyncDispose]();
        throw error;
    }
}

/** Of the capabilities, only the host's own: the list of guest architectures after it is long, and parsing it takes tens of milliseconds. */
function hostPart(capabilities: string): string {
    const end = '</host>';
    return capabilities.slice(capabilities.indexOf('<host>'), capabilities.indexOf(end) + end.length);
}

/** Which metadata: an element of ours. */
const metadataElement = 2;
/** VIR_DOMAIN_UNDEFINE_*: the guest's variables and its TPM stay on disk, where the moved guest may need them. */
const keepOnUndefine = { nvram: 8, tpm: 64 } as const;

/** An observation that comes right after the opening need not look again at what was just looked at. */
const staysFreshMs = 1000;

class LibvirtSession implements HostSession {
    readonly host: InventoryHost;
    readonly lost: Promise<HostLost>;
    readonly #of: Observed;
    /** Of this connection: a reboot of the host breaks it. */
    readonly #bootId: string;
    readonly #access: HostAccess;
    readonly #control: LibvirtConnection;
    readonly #judge: CpuJudge;
    /** What was found when the session was opened, until it is too old to be told as the host's state. */
    #first: { readonly looking: Promise<HostLook>; readonly until: number } | undefined;

    constructor(of: Observed, bootId: string, looking: Promise<HostLook> | undefined) {
        this.host = of.host;
        this.#of = of;
        this.#bootId = bootId;
        this.#first = looking && { looking, until: of.now() + staysFreshMs };
        this.#access = of.access;
        this.#control = of.connection;
        this.#judge = new CpuJudge(of.connection, of.cpu);
        this.lost = Promise.race([of.access.lost, of.connection.lost]);
    }

    async observe(needs: ObservationNeeds, signal: AbortSignal): Promise<HostObservation> {
        const { access, connection, now } = this.#of;
        const first = this.#first;
        this.#first = undefined;
        const fresh = first !== undefined && now() <= first.until;
        const looking = fresh ? abortable(first.looking, signal) : lookAt(access, connection, readHostFacts(access, now, signal), signal);
        return observeHost(this.#of, await looking, needs, signal);
    }

    images(paths: readonly string[], signal: AbortSignal): Promise<readonly ImageSight[]> {
        return imagesAt(this.#of.host.name, this.#access, this.#control, paths, signal);
    }

    compareCpus(vms: readonly CpuQuestion[], signal: AbortSignal): Promise<readonly CpuVerdict[]> {
        return Promise.all(vms.map((vm) => this.#judge.judge(vm, signal)));
    }

    presence(vm: VmUuid, signal: AbortSignal): Promise<Presence> {
        return presenceOf(this.#control, this.#access, this.#bootId, vm, signal);
    }

    async departure(vm: VmUuid, signal: AbortSignal): Promise<Departure> {
        const dom = await this.#lookUp(vm, signal);
        return this.#ownConnection((connections) => openDeparture(connections, dom, signal), signal);
    }

    async arrival(vm: VmUuid, signal: AbortSignal): Promise<Arrival> {
        uuidToBytes(this.host.name, vm);
        return this.#ownConnection((connections) => openArrival(connections, vm, signal), signal);
    }

    lock(vm: VmUuid, owner: LockOwner, signal: AbortSignal): Promise<VmLock> {
        return lockVm(this.#access, vm, owner, this.#of.now, signal);
    }

    async definition(vm: VmUuid, signal: AbortSignal): Promise<string> {
        const dom = await this.#lookUp(vm, signal);
        const { persistent } = await this.#control.call(procedures.domainIsPersistent, { dom }, signal);
        const flags = persistent === 0 ? xmlFlags.migratable : xmlFlags.inactive | xmlFlags.migratable;
        return (await this.#control.call(procedures.domainGetXmlDesc, { dom, flags }, signal)).xml;
    }

    async setAutostart(vm: VmUuid, on: boolean, signal: AbortSignal): Promise<void> {
        await this.#control.call(procedures.domainSetAutostart, { dom: await this.#lookUp(vm, signal), autostart: on ? 1 : 0 }, signal);
    }

    async markMover(vm: VmUuid, mark: MoverMark | undefined, signal: AbortSignal): Promise<void> {
        const dom = await this.#lookUp(vm, signal);
        const { persistent } = await this.#control.call(procedures.domainIsPersistent, { dom }, signal);
        const flags = (dom.id >= 0 ? affect.live : 0) | (persistent === 0 ? 0 : affect.config);
        const metadata = mark === undefined ? undefined : moverXml(mark);
        await this.#control.call(
            procedures.domainSetMetadata,
            { dom, type: metadataElement, metadata, key: metadata === undefined ? undefined : metadataPrefix, uri: moverNamespace, flags },
            signal,
        );
    }

    async define(xml: string, signal: AbortSignal): Promise<void> {
        await this.#control.call(procedures.domainDefineXml, { xml, flags: 0 }, signal);
    }

    async undefine(vm: VmUuid, signal: AbortSignal): Promise<void> {
        await this.#control.call(
            procedures.domainUndefine,
            { dom: await this.#lookUp(vm, signal), flags: keepOnUndefine.nvram | keepOnUndefine.tpm },
            signal,
        );
    }

    async resumeGuest(vm: VmUuid, signal: AbortSignal): Promise<void> {
        await this.#control.call(procedures.domainResume, { dom: await this.#lookUp(vm, signal) }, signal);
    }

    async shutDownGuest(vm: VmUuid, signal: AbortSignal): Promise<void> {
        await this.#control.call(procedures.domainShutdown, { dom: await this.#lookUp(vm, signal) }, signal);
    }

    async destroyGuest(vm: VmUuid, signal: AbortSignal): Promise<void> {
        await this.#control.call(procedures.domainDestroy, { dom: await this.#lookUp(vm, signal), flags: 0 }, signal);
    }

    async pingAgent(vm: VmUuid, signal: AbortSignal): Promise<void> {
        return pingAgent(this.#control, await this.#lookUp(vm, signal), signal);
    }

    async emulatorCpu(vm: VmUuid, signal: AbortSignal): Promise<Milliseconds | undefined> {
        return emulatorCpu(this.#control, await this.#lookUp(vm, signal), signal);
    }

    linkCounters(address: string, signal: AbortSignal): Promise<LinkCounters | undefined> {
        return readLinkCounters(this.#access, address, signal);
    }

    async [Symbol.asyncDispose](): Promise<void> {
        await this.#control[Symbol.asyncDispose]();
        await this.#access[Symbol.asyncDispose]();
    }

    #lookUp(vm: VmUuid, signal: AbortSignal): Promise<Domain> {
        return lookUp(this.#control, vm, signal);
    }

    /** A connection that belongs to a move; closed again where the move's side cannot be set up. */
    async #ownConnection<T>(open: (connections: MoveConnections) => Promise<T>, signal: AbortSignal): Promise<T> {
        const own = await connectDaemon(this.#access, this.#of.way, signal);
        try {
            const { now, versions } = this.#of;
            return await open({ control: this.#control, own, now, versions, monitor: this.host.monitor });
        } catch (error) {
            await own[Symbol.asyncDispose]();
            throw error;
        }
    }
}
