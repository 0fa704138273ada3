/**
 * Whether a host's hypervisor can run the live CPU of a VM.
 *
 * libvirt compares the CPU with what its hypervisor offers. Where it cannot (software emulation has no host CPU to
 * compare with), the CPU's model is looked for among those that the host's domain capabilities call usable. A
 * host-passthrough CPU asks for the same CPU, microcode and kernel.
 */
import type { CpuVerdict, HostName, VmUuid } from '../../../core/index.js';
import { HypervisorError } from '../errors.js';
import type { LibvirtConnection } from './connect.js';
import type { DomainFacts } from './domain-xml.js';
import { procedures } from './procedures.js';
import { escapeXml, parseXml, type XmlElement } from './xml.js';

/** What of a host decides over host-passthrough CPUs. */
export interface HostCpu {
    readonly model: string;
    readonly microcode: string;
    readonly kernel: string;
}

/** A VM's live CPU with what is needed to judge it elsewhere, as one XML document. */
export function describeCpu(facts: DomainFacts, host: HostCpu): string {
    const type = `<type arch="${escapeXml(facts.arch)}" machine="${escapeXml(facts.machine)}">hvm</type>`;
    const on = `<source model="${escapeXml(host.model)}" microcode="${escapeXml(host.microcode)}" kernel="${escapeXml(host.kernel)}"/>`;
    return `<domain type="${escapeXml(facts.virtType)}"><os>${type}</os>${on}${facts.cpu ?? ''}</domain>`;
}

export interface CpuQuestion {
    readonly uuid: VmUuid;
    readonly machine: string;
    /** From {@link describeCpu}. */
    readonly cpuXml: string;
}

/** virCPUCompareResult: what is above incompatible can run it. */
const incompatible = 0;
/** With this flag the refusal says which features are missing. */
const failIncompatible = 1;

export class CpuJudge {
    readonly #connection: LibvirtConnection;
    readonly #hostCpu: HostCpu;
    /** One question is asked once, however many VMs have that CPU. */
    readonly #answers = new Map<string, Promise<Answer>>();

    constructor(connection: LibvirtConnection, hostCpu: HostCpu) {
        this.#connection = connection;
        this.#hostCpu = hostCpu;
    }

    async judge(question: CpuQuestion, signal: AbortSignal): Promise<CpuVerdict> {
        const key = `${question.machine} ${question.cpuXml}`;
        const answer = this.#answers.get(key) ?? this.#ask(question, signal);
        this.#answers.set(key, answer);
        return { vm: question.uuid, host: this.#host, ...(await answer) };
    }

    get #host(): HostName {
        return this.#connection.rpc.host;
    }

    async #ask(question: CpuQuestion, signal: AbortSignal): Promise<Answer> {
        const description = parseXml(question.cpuXml);
        const cpu = description.at('cpu');
        const virtType = description.attribute('type') ?? 'kvm';
        const arch = description.at('os/type').attribute('arch') ?? 'x86_64';
        if (!cpu.exists) return { compatible: true, detail: 'it has the default CPU of its machine type' };
        if (cpu.attribute('mode') === 'host-passthrough') return samePhysicalCpu(description.at('source'), this.#hostCpu);
        const target = { emulator: undefined, arch, machine: question.machine, virtType };
        try {
            const { result } = await this.#connection.call(
                procedures.connectCompareHypervisorCpu,
                { ...target, cpuXml: cpu.toString(), flags: failIncompatible },
                signal,
            );
            return result > incompatible
                ? { compatible: true, detail: `libvirt: the hypervisor of ${this.#host} offers this CPU` }
                : { compatible: false, detail: `libvirt: the hypervisor of ${this.#host} does not offer this CPU` };
        } catch (error) {
            if (!(error instanceof HypervisorError) || error.code === 'host-lost') throw error;
            if (error.code === 'cpu-incompatible') return { compatible: false, detail: error.message };
            // Asked for software emulation, libvirt has no host CPU to compare with and says so in several ways.
            return await this.#byModel(cpu, target, error, signal);
        }
    }

    async #byModel(
        cpu: XmlElement,
        target: { arch: string; machine: string; virtType: string },
        why: HypervisorError,
        signal: AbortSignal,
    ): Promise<Answer> {
        const { xml } = await this.#connection.call(
            procedures.connectGetDomainCapabilities,
            { emulator: undefined, ...target, flags: 0 },
            signal,
        );
        const model = cpu.at('model').text ?? '';
        const custom = parseXml(xml)
            .at('cpu')
            .children('mode')
            .find((mode) => mode.attribute('name') === 'custom');
        const usable = custom?.children('model').some((m) => m.text === model && m.attribute('usable') !== 'no') ?? false;
        const how = `its features were not compared: ${why.message}`;
        return usable
            ? { compatible: true, detail: `by model alone: ${this.#host} can run ${model} (${target.virtType}); ${how}` }
            : { compatible: false, detail: `${this.#host} cannot run the CPU model ${model} (${target.virtType}); ${how}` };
    }
}

interface Answer {
    readonly compatible: boolean;
    readonly detail: string;
}

function samePhysicalCpu(source: XmlElement, here: HostCpu): Answer {
    const rows = [
        ['CPU', source.attribute('model') ?? '', here.model],
        ['microcode', source.attribute('microcode') ?? '', here.microcode],
        ['kernel', source.attribute('kernel') ?? '', here.kernel],
    ] as const;
    const different = rows
        .filter(([, theirs, ours]) => theirs !== ours || ours === '')
        .map(([what, theirs, ours]) => `${what} ${theirs || 'unknown'} there, ${ours || 'unknown'} here`);
    return different.length === 0
        ? { compatible: true, detail: 'host-passthrough: same CPU, microcode and kernel' }
        : { compatible: false, detail: `host-passthrough needs the same host CPU: ${different.join('; ')}` };
}
