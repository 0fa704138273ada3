/** What there is on a host just now: its memory, processors and interfaces, and its QEMU processes. One shell script. */
import { type Bytes, bytes, type Milliseconds, milliseconds } from '@mig/language';
import type { HostAccess } from '../../ssh/access.js';
import { HypervisorError } from '../errors.js';
import { lockDirectory } from '../host/lock.js';
import { processesScript, type QemuProcess, readProcesses } from './processes.js';

export interface HostLook {
    /** The host's own clock, for rates between two looks. */
    readonly at: Milliseconds;
    readonly machineId: string;
    readonly cpus: number;
    /** Ticks of all CPUs since the boot: busy, and in all. */
    readonly cpuTicks: { readonly busy: number; readonly all: number };
    readonly memory: Bytes;
    /** Bytes since it came up, by interface, as the interface counts them. */
    readonly interfaces: ReadonlyMap<string, { readonly received: number; readonly sent: number; readonly bridge: string | undefined }>;
    readonly processes: readonly QemuProcess[];
}

const script = `
echo "at $(date +%s%3N)"
read -r id < /etc/machine-id && echo "machine $id"
echo "cpus $(getconf _NPROCESSORS_ONLN)"
read -r line < /proc/stat && echo "ticks $line"
while read -r key value _; do case $key in MemTotal:) echo "memory $value"; break;; esac; done < /proc/meminfo
while read -r name received _ _ _ _ _ _ _ sent _; do
    case $name in *:) name=\${name%:};; *) continue;; esac
    bridge=$(readlink "/sys/class/net/$name/master")
    echo "interface $name $received $sent \${bridge##*/}"
done < /proc/net/dev 2>/dev/null
${processesScript}
exit 0
`;

export async function lookAtHost(access: HostAccess, signal: AbortSignal): Promise<HostLook> {
    const { stdout, stderr, code } = await access.run(['sh', '-c', script, 'sh', lockDirectory, 'qemu'], signal);
    const lines = stdout.split('\n');
    const told = new Map(lines.map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]));
    const number = (key: string): number => Number(told.get(key) ?? NaN);
    if (code !== 0 || !Number.isFinite(number('memory'))) {
        throw new HypervisorError(
            'feature-missing',
            access.host,
            `${access.host} does not tell what it is: ${stderr.trim() || 'no /proc'}`,
            {
                hint: 'the SSH user needs a POSIX shell, coreutils and /proc on the host',
            },
        );
    }
    const ticks = (told.get('ticks') ?? '').split(/\s+/).slice(1).map(Number);
    const all = ticks.slice(0, 8).reduce((sum, one) => sum + one, 0);
    const [idle = 0, waiting = 0] = [ticks[3], ticks[4]];
    return {
        at: milliseconds(number('at')),
        machineId: told.get('machine') ?? '',
        cpus: number('cpus'),
        cpuTicks: { busy: all - idle - waiting, all },
        memory: bytes(number('memory') * 1024),
        interfaces: new Map(
            lines.flatMap((line) => {
                const [, name = '', received, sent, bridge] = /^interface (\S+) (\d+) (\d+) (\S*)$/.exec(line) ?? [];
                return received === undefined
                    ? []
                    : [[name, { received: Number(received), sent: Number(sent), bridge: bridge === '' ? undefined : bridge }]];
            }),
        ),
        processes: readProcesses(lines),
    };
}
