/**
 * Whether a host's QEMU can run the machine and the CPU of a VM: it is asked to, with a small one that has neither disks
 * nor a guest. `enforce` makes QEMU refuse a CPU some features of which the host has not.
 */
import type { CpuVerdict, VmUuid } from '../../../core/index.js';
import type { HostAccess } from '../../ssh/access.js';
import { processorOf } from './command-line.js';
import type { QemuProcess } from './processes.js';
import { Reply } from './reply.js';

/** What of a host decides over CPUs that are passed through whole. */
export interface HostCpu {
    readonly microcode: string;
    readonly kernel: string;
}

export interface CpuQuestion {
    readonly uuid: VmUuid;
    readonly machine: string;
    /** From {@link describeCpu}. */
    readonly cpuXml: string;
}

/** No XML: the driver that reads it is the one that wrote it. */
export function describeCpu(process: Pick<QemuProcess, 'argv'>, host: HostCpu): string {
    const { cpu, accelerator } = processorOf(process.argv);
    return JSON.stringify({ program: process.argv[0], cpu, accelerator, host });
}

export async function judgeCpu(access: HostAccess, own: HostCpu, question: CpuQuestion, signal: AbortSignal): Promise<CpuVerdict> {
    const verdict = (compatible: boolean, detail: string): CpuVerdict => ({ vm: question.uuid, host: access.host, compatible, detail });
    const asked = new Reply(JSON.parse(question.cpuXml) as unknown);
    const [program, cpu, accelerator = 'tcg'] = [asked.at('program').text ?? '', asked.at('cpu').text, asked.at('accelerator').text];
    const emulated = accelerator.split(':')[0] === 'tcg';
    if (!emulated && /^(host|max)\b/.test(cpu ?? '')) {
        const theirs = { microcode: asked.at('host', 'microcode').text, kernel: asked.at('host', 'kernel').text };
        if (theirs.microcode !== own.microcode || theirs.kernel !== own.kernel) {
            return verdict(
                false,
                `it is given its host's own CPU (-cpu ${cpu ?? ''}), which takes the same microcode and kernel: ` +
                    `${String(theirs.microcode)} and ${String(theirs.kernel)}, not ${own.microcode} and ${own.kernel}`,
            );
        }
    }
    const features = cpu === undefined || emulated ? cpu : `${cpu},enforce`;
    const argv = [
        program,
        ...['-nodefaults', '-no-user-config', '-display', 'none', '-S', '-m', '32'],
        ...['-machine', `${question.machine},accel=${accelerator}`],
        ...(features === undefined ? [] : ['-cpu', features]),
        ...['-qmp', 'stdio'],
    ];
    const { code, stdout, stderr } = await access.run(['sh', '-c', script, 'sh', ...argv], signal);
    if (code === 0 && stdout.includes('"QMP"')) return verdict(true, '');
    return verdict(false, stderr.trim().split('\n').at(-1) ?? `${program} does not run there`);
}

const script = `printf '%s\\n' '{"execute":"qmp_capabilities"}' '{"execute":"quit"}' | timeout 20 "$@"`;
