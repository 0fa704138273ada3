/** What libvirt does not tell of a host: its boot, its kernel, its bridges, its clock. Read by one small shell script. */
import { createInterface } from 'node:readline';
import { type Bytes, bytes, type Milliseconds, milliseconds } from '@mig/language';
import type { HostAccess } from '../../ssh/access.js';
import { abortable } from '../../ssh/abortable.js';
import type { HostProvisions } from '../../../core/index.js';
import { HypervisorError } from '../errors.js';
import { type Daemon, provisionsScript, readProvisions } from './provisions.js';

export interface HostFacts {
    readonly bootId: string;
    readonly kernel: string;
    readonly microcode: string;
    /** What could be given to a VM now: free, or in caches that can be dropped. */
    readonly memoryAvailable: Bytes | undefined;
    /** max_workers of the daemons' configurations, where they set it. */
    readonly maxWorkers: { readonly virtqemud: number | undefined; readonly libvirtd: number | undefined };
    readonly bridges: readonly string[];
    /** Without what only an inventory can tell. */
    readonly provides: (daemon: Daemon) => HostProvisions;
    readonly clock: { readonly ms: Milliseconds; readonly uncertaintyMs: Milliseconds };
}

/**
 * Facts as `key value` lines, then the time for each line that we send. Read with the shell's own means where it can be:
 * each process costs a host milliseconds.
 */
const script = `
read -r boot < /proc/sys/kernel/random/boot_id && echo "boot $boot"
read -r kernel < /proc/sys/kernel/osrelease && echo "kernel $kernel"
while read -r key value _; do case $key in MemAvailable:) echo "available $value"; break;; esac; done < /proc/meminfo
while read -r line; do case $line in microcode*) echo "microcode \${line##*: }"; break;; esac; done < /proc/cpuinfo
for daemon in virtqemud libvirtd; do
    [ -r /etc/libvirt/$daemon.conf ] && sed -n "s/^max_workers *= *\\([0-9]*\\).*/$daemon \\1/p" /etc/libvirt/$daemon.conf
done
for bridge in /sys/class/net/*/bridge; do [ -d "$bridge" ] && bridge=\${bridge%/bridge} && echo "bridge \${bridge##*/}"; done
${provisionsScript}
echo end
while read -r _; do date +%s%N; done
`;

/** The quickest of these answers gives the clock's offset. */
const clockSamples = 3;

/** `certificates`: the directory of those for migrations, where libvirt is not asked for it. */
export async function readHostFacts(access: HostAccess, now: () => number, signal: AbortSignal, certificates = ''): Promise<HostFacts> {
    const process = await access.start(['sh', '-c', script, 'sh', '', certificates], signal);
    try {
        return await abortable(
            conversation(access, process.stdin, createInterface({ input: process.stdout })[Symbol.asyncIterator](), now),
            signal,
        );
    } finally {
        process.close();
    }
}

async function conversation(
    access: HostAccess,
    stdin: NodeJS.WritableStream,
    lines: AsyncIterator<string, undefined>,
    now: () => number,
): Promise<HostFacts> {
    const next = async (): Promise<string> => {
        const { value } = await lines.next();
        if (value === undefined) throw noShell(access.host);
        return value;
    };
    const facts = new Map<string, string[]>();
    for (let line = await next(); line !== 'end'; line = await next()) {
        const space = line.indexOf(' ');
        const key = line.slice(0, space);
        facts.set(key, [...(facts.get(key) ?? []), line.slice(space + 1)]);
    }
    const one = (key: string): string => facts.get(key)?.[0] ?? '';
    const number = (key: string): number | undefined => (/^\d+$/.test(one(key)) ? Number(one(key)) : undefined);
    let clock: HostFacts['clock'] | undefined;
    for (let sample = 0; sample < clockSamples; sample += 1) {
        const before = now();
        stdin.write('\n');
        const theirs = Number(await next()) / 1e6;
        const after = now();
        const uncertaintyMs = milliseconds((after - before) / 2);
        if (clock === undefined || uncertaintyMs < clock.uncertaintyMs)
            clock = { ms: milliseconds(theirs - (before + after) / 2), uncertaintyMs };
    }
    if (one('boot') === '' || clock === undefined) throw noShell(access.host);
    const available = number('available');
    return {
        bootId: one('boot'),
        kernel: one('kernel'),
        microcode: one('microcode'),
        memoryAvailable: available === undefined ? undefined : bytes(available * 1024),
        maxWorkers: { virtqemud: number('virtqemud'), libvirtd: number('libvirtd') },
        bridges: facts.get('bridge') ?? [],
        provides: (daemon) => readProvisions((key) => facts.get(key) ?? [], daemon),
        clock,
    };
}

function noShell(host: string): HypervisorError {
    return new HypervisorError('feature-missing', host, `${host} runs no shell commands for us: its boot id and clock cannot be read`, {
        hint: 'the SSH user needs a POSIX shell; a key with command= in authorized_keys does not do',
    });
}

/** Those of these paths that stand on a file system which several hosts share. */
export async function onSharedFileSystem(access: HostAccess, paths: readonly string[], signal: AbortSignal): Promise<ReadonlySet<string>> {
    if (paths.length === 0) return new Set();
    const { stdout } = await access.run(['stat', '-f', '-c', '%T %n', '--', ...paths], signal);
    const lines = stdout.split('\n').map((line) => ({ kind: line.slice(0, line.indexOf(' ')), path: line.slice(line.indexOf(' ') + 1) }));
    return new Set(lines.filter(({ kind }) => sharedKinds.has(kind)).map(({ path }) => path));
}

/** As stat(1) names them. Other kinds prove nothing: a replicated or shared device may lie beneath. */
const sharedKinds: ReadonlySet<string> = new Set(['nfs', 'ceph', 'gfs/gfs2', 'ocfs2', 'lustre', 'gpfs', 'smb2', 'cifs']);
