/** The QEMU processes of a host, read from /proc by one small shell script: no daemon knows of them. */
import { type Bytes, bytes, type Milliseconds, milliseconds } from '@mig/language';
import type { HostAccess } from '../../ssh/access.js';
import { HypervisorError } from '../errors.js';
import { lockDirectory } from '../host/lock.js';
import { identityOf, type VmIdentity } from './command-line.js';
import { type Mark, readMark } from './mark.js';

/** A process that cannot be mistaken for a later one with its number. */
export interface ProcessId {
    readonly pid: number;
    /** Clock ticks since the boot, as /proc tells it. */
    readonly started: string;
}

export interface QemuProcess extends ProcessId {
    readonly argv: readonly string[];
    /** Working directory, where relative paths of its command line begin. */
    readonly cwd: string;
    readonly identity: VmIdentity;
    /** CPU time of all its threads, and of those alone that run guest CPUs is not told here. */
    readonly cpuTime: Milliseconds;
    readonly mark: Mark | undefined;
}

/**
 * One line a process: number, start, CPU time in ms, working directory, command line. A command line may have anything in
 * it but NUL, so both are told in base64. Then one line a mark. `$1` is the directory of marks, `$2` what to look for.
 */
export const processesScript = `
ticks=$(getconf CLK_TCK)
# Its directory, then the fields of its stat from the third on.
tell() { echo "process \${1#/proc/} \${21} $(( (\${13} + \${14}) * 1000 / ticks )) $(readlink "$1/cwd" | base64 -w0) $(base64 -w0 < "$1/cmdline")"; }
for file in $(grep -lsaiF -e "$2" /proc/[0-9]*/cmdline); do
    dir=\${file%/cmdline}
    read -r stat < "$dir/stat" && tell "$dir" \${stat##*) }
done 2>/dev/null
for file in "$1"/*.mover; do [ -r "$file" ] && read -r mark < "$file" && file=\${file##*/} && echo "mark \${file%.mover} $mark"; done
`;

/** From the script's lines. Pure. */
export function readProcesses(lines: readonly string[]): readonly QemuProcess[] {
    const marks = new Map<string, string>();
    for (const line of lines) {
        const [, vm, mark] = /^mark (\S+) (.*)$/.exec(line) ?? [];
        if (vm !== undefined && mark !== undefined) marks.set(vm.toLowerCase(), mark);
    }
    return lines.flatMap((line) => {
        const [, pid, started = '', cpu, cwd = '', cmdline = ''] = /^process (\d+) (\d+) (\d+) (\S*) (\S+)$/.exec(line) ?? [];
        if (pid === undefined) return [];
        const argv = decoded(cmdline).replace(/\0$/, '').split('\0');
        if (!isQemu.test(argv[0] ?? '')) return [];
        const identity = identityOf(argv);
        const id = { pid: Number(pid), started };
        const mark = marks.get(identity.uuid ?? '');
        return [
            {
                ...id,
                argv,
                cwd: decoded(cwd).trimEnd(),
                identity,
                cpuTime: milliseconds(Number(cpu)),
                mark: mark === undefined ? undefined : readMark(mark, id),
            },
        ];
    });
}

/** Memory that a host holds for a process, from its /proc/PID/status; undefined where that does not say. Pure. */
export function heldBy(status: string): Bytes | undefined {
    const kib = (name: string): number | undefined => {
        const [, value] = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status) ?? [];
        return value === undefined ? undefined : Number(value);
    };
    const resident = kib('VmRSS');
    return resident === undefined ? undefined : bytes((resident + (kib('VmSwap') ?? 0) + (kib('HugetlbPages') ?? 0)) * 1024);
}

/** Other programs may have the word in their arguments. */
const isQemu = /(^|\/)qemu(-system-[^/]+|-kvm)?$/;

const decoded = (text: string): string => Buffer.from(text, 'base64').toString('utf8');

/** Every QEMU process of the host, or those alone that have this UUID on their command line. */
export async function findProcesses(access: HostAccess, signal: AbortSignal, uuid?: string): Promise<readonly QemuProcess[]> {
    const { stdout, code, stderr } = await access.run(
        ['sh', '-c', `${processesScript}exit 0`, 'sh', lockDirectory, uuid ?? 'qemu'],
        signal,
    );
    if (code !== 0) throw new HypervisorError('refused', access.host, `the processes of ${access.host} cannot be read: ${stderr.trim()}`);
    const found = readProcesses(stdout.split('\n'));
    return uuid === undefined ? found : found.filter((one) => one.identity.uuid === uuid.toLowerCase());
}
