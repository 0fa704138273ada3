/** A session with a host whose QEMUs run without a manager: its shell, and the monitors of its VMs. */
import type { Milliseconds } from '@mig/language';
import type { CpuVerdict, ImageSight, InventoryHost, VmUuid } from '../../../core/index.js';
import type { HostAccess } from '../../ssh/access.js';
import { shellCommand } from '../../ssh/command.js';
import { ownEnvironment, type SshEnvironment } from '../../ssh/environment.js';
import { openAccess } from '../../ssh/open-access.js';
import { HypervisorError } from '../errors.js';
import { readHostFacts } from '../host/host-facts.js';
import { lockVm } from '../host/lock.js';
import { type LinkCounters, readLinkCounters } from '../link-counters.js';
import type { Arrival, Departure, HostLost, HostObservation, HostSession, LockOwner, ObservationNeeds, Presence, VmLock } from '../port.js';
import { pingGuestAgent } from './agent.js';
import { QemuArrival } from './arrival.js';
import { cpuTimeOf, LastCpuTimes } from './cpu-time.js';
import { type CpuQuestion, type HostCpu, judgeCpu } from './cpu.js';
import { openDeparture } from './departure.js';
import { imagesAt, MadeImages } from './made-images.js';
import { writeMark } from './mark.js';
import { Monitors } from './monitors.js';
import { takeDisks } from './nbd.js';
import { observeHost, type Observed } from './observe.js';
import { mustHaveSocket, presenceOf, processOf } from './presence.js';
import { findProcesses, type QemuProcess } from './processes.js';
import type { QmpConnection } from './qmp.js';
import { socketOf } from './socket-of.js';
import { endQemu } from './start-process.js';
import { certificatesOf, dropCredentials } from './tls.js';

export interface QemuSessionOptions {
    readonly environment?: SshEnvironment;
    /** Milliseconds since the epoch. */
    readonly now?: () => number;
}

/** Connects to a host of the inventory, over SSH or as the machine that we run on. Errors: no SSH, no shell. */
export async function createQemuSession(host: InventoryHost, signal: AbortSignal, options: QemuSessionOptions = {}): Promise<HostSession> {
    const access = await openAccess(host, signal, options.environment ?? ownEnvironment());
    try {
        return await sessionOver(access, host, signal, options);
    } catch (error) {
        await access[Symbol.asyncDispose]();
        throw error;
    }
}

/** The session owns the access. */
export async function sessionOver(
    access: HostAccess,
    host: InventoryHost,
    signal: AbortSignal,
    options: Pick<QemuSessionOptions, 'now'> = {},
): Promise<HostSession> {
    const now = options.now ?? Date.now;
    const [facts, installed] = await Promise.all([readHostFacts(access, now, signal), installedVersion(access, signal)]);
    const of: Observed = { host, access, monitors: new Monitors(access), installed };
    return new QemuSession(of, facts.bootId, { microcode: facts.microcode, kernel: facts.kernel }, now);
}

/** Of the QEMU for machines of the host's own kind, wherever distributions put it. */
const versionScript = `
for program in "qemu-system-$(uname -m)" qemu-system-x86_64 qemu-kvm /usr/libexec/qemu-kvm; do
    command -v "$program" >/dev/null && exec "$program" --version
done
`;

async function installedVersion(access: HostAccess, signal: AbortSignal): Promise<string | undefined> {
    const { stdout } = await access.run(['sh', '-c', versionScript], signal);
    return /version (\d+(?:\.\d+)+)/.exec(stdout)?.[1];
}

/** A guest that was told to go on does so within this time, or has a reason not to. */
const runsWithin = { everyMs: 50, times: 100 } as const;

class QemuSession implements HostSession {
    readonly host: InventoryHost;
    readonly lost: Promise<HostLost>;
    readonly #of: Observed;
    /** Of this connection: a reboot of the host breaks it. */
    readonly #bootId: string;
    readonly #cpu: HostCpu;
    readonly #now: () => number;
    /** One question is asked once, however many VMs have that CPU. */
    readonly #verdicts = new Map<string, Promise<CpuVerdict>>();
    readonly #lastCpuTimes = new LastCpuTimes();

    constructor(of: Observed, bootId: string, cpu: HostCpu, now: () => number) {
        this.host = of.host;
        this.#of = of;
        this.#bootId = bootId;
        this.#cpu = cpu;
        this.#now = now;
        this.lost = of.access.lost;
    }

    async observe(needs: ObservationNeeds, signal: AbortSignal): Promise<HostObservation> {
        const { access, host } = this.#of;
        return observeHost(this.#of, await readHostFacts(access, this.#now, signal, certificatesOf(host)), needs, signal);
    }

    compareCpus(vms: readonly CpuQuestion[], signal: AbortSignal): Promise<readonly CpuVerdict[]> {
        return Promise.all(
            vms.map(async (vm) => {
                const key = `${vm.machine}\n${vm.cpuXml}`;
                const asking = this.#verdicts.get(key) ?? judgeCpu(this.#of.access, this.#cpu, vm, signal);
                this.#verdicts.set(key, asking);
                asking.catch(() => this.#verdicts.delete(key));
                return { ...(await asking), vm: vm.uuid };
            }),
        );
    }

    images(paths: readonly string[], signal: AbortSignal): Promise<readonly ImageSight[]> {
        return imagesAt(this.#of.access, paths, signal);
    }

    presence(vm: VmUuid, signal: AbortSignal): Promise<Presence> {
        return presenceOf(this.#of, this.#bootId, vm, signal);
    }

    departure(vm: VmUuid, signal: AbortSignal): Promise<Departure> {
        return openDeparture(this.#of, vm, this.#lastCpuTimes, signal);
    }

    arrival(vm: VmUuid): Promise<Arrival> {
        return Promise.resolve(new QemuArrival(this.#of, vm));
    }

    lock(vm: VmUuid, owner: LockOwner, signal: AbortSignal): Promise<VmLock> {
        return lockVm(this.#of.access, vm, owner, this.#now, signal);
    }

    /** Its command line: plain QEMU has no other. */
    async definition(vm: VmUuid, signal: AbortSignal): Promise<string> {
        return shellCommand((await processOf(this.#of, vm, signal)).argv);
    }

    setAutostart(vm: VmUuid, on: boolean): Promise<void> {
        return on ? Promise.reject(this.#noDefinitions(vm, 'be started with its host')) : Promise.resolve();
    }

    async markMover(vm: VmUuid, mark: { readonly run: string; readonly epoch: number } | undefined, signal: AbortSignal): Promise<void> {
        const process = await processOf(this.#of, vm, signal);
        const { pid, started } = process;
        await writeMark(this.#of.access, vm, mark && { run: mark.run, epoch: mark.epoch, process: { pid, started } }, signal);
        // The run is done with it where it stays: that is when what it was encrypted with is not needed again.
        if (!mark) await this.#forgetCredentials(process, signal);
    }

    /** Where it cannot be done they harm nothing: whoever moves the VM next sets them anew. */
    async #forgetCredentials(process: QemuProcess, signal: AbortSignal): Promise<void> {
        const found = socketOf(this.host, process);
        if (!('socket' in found)) return;
        await this.#of.monitors.with(found.socket, signal, (qmp) => dropCredentials(qmp, signal)).catch(() => undefined);
    }

    define(_text: string): Promise<void> {
        return Promise.reject(this.#noDefinitions('', 'be defined'));
    }

    /** There is none. */
    undefine(): Promise<void> {
        return Promise.resolve();
    }

    async resumeGuest(vm: VmUuid, signal: AbortSignal): Promise<void> {
        const process = await processOf(this.#of, vm, signal);
        await this.#of.monitors.with(mustHaveSocket(this.host, process, vm), signal, async (qmp) => {
            if (process.mark?.receiving === true) await takeDisks(this.#of.access, vm, qmp, signal);
            await resume(qmp, signal);
        });
        // It has been told: it is no longer one that waits for word, nor one that a run has stopped.
        const { mark } = process;
        if (mark) await writeMark(this.#of.access, vm, { run: mark.run, epoch: mark.epoch, process: mark.process }, signal);
    }

    async shutDownGuest(vm: VmUuid, signal: AbortSignal): Promise<void> {
        const process = await processOf(this.#of, vm, signal);
        await this.#of.monitors.with(mustHaveSocket(this.host, process, vm), signal, (qmp) =>
            qmp.execute('system_powerdown', undefined, signal),
        );
    }

    async destroyGuest(vm: VmUuid, signal: AbortSignal): Promise<void> {
        const process = await processOf(this.#of, vm, signal);
        const hasRun = await this.#hasRun(process, signal);
        await endQemu(this.#of.access, vm, process, signal);
        await writeMark(this.#of.access, vm, undefined, signal);
        const images = new MadeImages(this.#of.access, vm);
        await (hasRun ? images.keep(signal) : images.drop(signal));
    }

    async clearLeft(vm: VmUuid, signal: AbortSignal): Promise<void> {
        const there = await findProcesses(this.#of.access, signal, vm);
        if (there.length === 0) await new MadeImages(this.#of.access, vm).drop(signal);
    }

    /** Whether its guest may have run here; where it does not say, it may. */
    async #hasRun(process: QemuProcess, signal: AbortSignal): Promise<boolean> {
        const found = socketOf(this.host, process);
        if (!('socket' in found)) return true;
        try {
            const status = await this.#of.monitors.with(
                found.socket,
                signal,
                async (qmp) => (await qmp.execute('query-status', undefined, signal)).at('status').text,
            );
            return !(status === 'inmigrate' || (status === 'paused' && process.mark?.receiving === true));
        } catch (error) {
            if (!(error instanceof HypervisorError)) throw error;
            return true;
        }
    }

    async pingAgent(vm: VmUuid, signal: AbortSignal): Promise<void> {
        return pingGuestAgent(this.#of, await processOf(this.#of, vm, signal), vm, this.#now(), signal);
    }

    async emulatorCpu(vm: VmUuid, signal: AbortSignal): Promise<Milliseconds | undefined> {
        // It may end while it is asked, and nothing is read then of what its processes used.
        const used = await cpuTimeOf(this.#of, vm, signal).catch(() => undefined);
        return used ?? this.#lastCpuTimes.take(vm);
    }

    linkCounters(address: string, signal: AbortSignal): Promise<LinkCounters | undefined> {
        return readLinkCounters(this.#of.access, address, signal);
    }

    async [Symbol.asyncDispose](): Promise<void> {
        await this.#of.monitors[Symbol.asyncDispose]();
        await this.#of.access[Symbol.asyncDispose]();
    }

    #noDefinitions(vm: VmUuid, what: string): HypervisorError {
        return new HypervisorError(
            'feature-missing',
            this.host.name,
            `plain QEMU on ${this.host.name} keeps no definitions: a VM cannot ${what} there`,
            {
                hint: 'what starts the VM (a unit, a script) is yours to carry over',
                ...(vm === '' ? {} : { vm }),
            },
        );
    }
}

async function resume(qmp: QmpConnection, signal: AbortSignal): Promise<void> {
    await qmp.execute('cont', undefined, signal);
    for (let look = 0; look < runsWithin.times; look += 1) {
        if ((await qmp.execute('query-status', undefined, signal)).at('running').flag === true) return;
        await new Promise((resolve) => setTimeout(resolve, runsWithin.everyMs));
        signal.throwIfAborted();
    }
    throw new HypervisorError('refused', qmp.name.host, `QEMU at ${qmp.name.socket} of ${qmp.name.host} was told to go on, and does not`, {
        hint: 'ask it why: query-status at its monitor, and its log',
    });
}
