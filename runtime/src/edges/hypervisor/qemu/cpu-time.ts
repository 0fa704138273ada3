/** What a QEMU has used of its host's processors beside what its guest has. */
import { type Milliseconds, milliseconds } from '@mig/language';
import type { VmUuid } from '../../../core/index.js';
import { type Asked, mustHaveSocket, processOf } from './presence.js';

/** Undefined where the host does not tell. Errors: no-such-vm, and what its monitor says. */
export async function cpuTimeOf(asked: Asked, vm: VmUuid, signal: AbortSignal): Promise<Milliseconds | undefined> {
    const process = await processOf(asked, vm, signal);
    const threads = await asked.monitors.with(mustHaveSocket(asked.host, process, vm), signal, async (qmp) =>
        (await qmp.execute('query-cpus-fast', undefined, signal)).list.flatMap((cpu) => cpu.at('thread-id').number ?? []),
    );
    const script = 'for id in "$@"; do cat "/proc/$id/stat"; done; getconf CLK_TCK';
    const paths = [String(process.pid), ...threads.map((id) => `${String(process.pid)}/task/${String(id)}`)];
    const { stdout } = await asked.access.run(['sh', '-c', script, 'sh', ...paths], signal);
    const lines = stdout.trim().split('\n');
    const perSecond = Number(lines.pop());
    const [all, ...guest] = lines.map((line) => {
        const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
        return Number(fields[11]) + Number(fields[12]);
    });
    if (all === undefined || guest.length !== threads.length || !(perSecond > 0)) return undefined;
    return milliseconds((Math.max(0, all - guest.reduce((sum, one) => sum + one, 0)) * 1000) / perSecond);
}

/**
 * What QEMUs had used when they were told to end. A source of post-copy has sent its last page and is gone before anybody
 * can ask; whoever asks then is told this, once.
 */
export class LastCpuTimes {
    readonly #at = new Map<VmUuid, Milliseconds>();

    /** Before it is told to end. What cannot be read is not kept, and keeps nobody waiting for long. */
    async note(asked: Asked, vm: VmUuid, signal: AbortSignal): Promise<void> {
        this.#at.delete(vm);
        const timely = AbortSignal.any([signal, AbortSignal.timeout(readWithinMs)]);
        const used = await cpuTimeOf(asked, vm, timely).catch(() => undefined);
        if (used !== undefined) this.#at.set(vm, used);
    }

    take(vm: VmUuid): Milliseconds | undefined {
        const used = this.#at.get(vm);
        this.#at.delete(vm);
        return used;
    }
}

const readWithinMs = 1000;
