/**
 * The lock of a VM: flock(2) on a file of its source host, held by a small shell there. It is given up when the shell's
 * standard input ends (we closed it, or the connection broke), and when nothing is heard from us for a minute (we are
 * gone and the host has not noticed). libvirt's own keepalive cuts a silent client after half of that.
 */
import { createInterface } from 'node:readline';
import type { VmUuid } from '../../../core/index.js';
import { abortable } from '../../ssh/abortable.js';
import type { HostAccess, HostProcess } from '../../ssh/access.js';
import { HypervisorError } from '../errors.js';
import type { LockOwner, VmLock } from '../port.js';

export const lockDirectory = '/run/mig-run';
const heartbeatEveryMs = 15_000;
const silenceSeconds = 60;

/** `$1` directory, `$2` file, `$3` what to write into it, `$4` seconds of silence. */
const script = `
mkdir -p "$1" && exec 9>>"$2" || { echo unwritable; exit 1; }
command -v flock >/dev/null || { echo without-flock; exit 1; }
if ! flock -n 9; then echo busy; cat "$2"; exit 1; fi
printf '%s\\n' "$3" > "$2"
echo held
while [ -n "$(timeout "$4" head -c 1 9>&-)" ]; do :; done
`;

/** Errors: vm-locked with its holder, refused where the file cannot be written. */
export async function lockVm(
    access: HostAccess,
    vm: VmUuid,
    owner: LockOwner,
    now: () => number,
    signal: AbortSignal,
    directory = lockDirectory,
): Promise<VmLock> {
    const file = `${directory}/${vm}.lock`;
    const content = `run ${owner.run} of ${owner.controller} since ${new Date(now()).toISOString()}`;
    // The holder outlives the signal of this call: it belongs to the lock.
    const holder = await access.start(
        ['sh', '-c', script, 'sh', directory, file, content, String(silenceSeconds)],
        new AbortController().signal,
    );
    const lines = createInterface({ input: holder.stdout })[Symbol.asyncIterator]();
    try {
        const { value: answer } = await abortable(lines.next(), signal);
        if (answer === 'held') return held(holder);
        const { value: detail } = answer === 'busy' ? await abortable(lines.next(), signal) : { value: undefined };
        throw refusal(access.host, vm, file, answer, detail);
    } catch (error) {
        holder.close();
        throw error;
    }
}

function held(holder: HostProcess): VmLock {
    let disposed = false;
    const heartbeat = setInterval(() => holder.stdin.write('.'), heartbeatEveryMs);
    heartbeat.unref();
    const lost = Promise.withResolvers<undefined>();
    void holder.exit.then(() => {
        clearInterval(heartbeat);
        if (!disposed) lost.resolve(undefined);
    });
    return {
        lost: lost.promise,
        async [Symbol.asyncDispose](): Promise<void> {
            disposed = true;
            clearInterval(heartbeat);
            holder.stdin.end();
            // Given up when the shell has ended: whoever asks next must find it free.
            await holder.exit;
        },
    };
}

function refusal(host: string, vm: VmUuid, file: string, answer: string | undefined, detail: string | undefined): HypervisorError {
    if (answer === 'busy') {
        return new HypervisorError(
            'vm-locked',
            host,
            `VM ${vm} on ${host} is held by another run: ${detail ?? 'which does not say who it is'}`,
            {
                vm,
                hint: `wait for that run to end, or see it with mig-run status; the lock is ${file}`,
            },
        );
    }
    if (answer === 'without-flock') {
        return new HypervisorError('feature-missing', host, `${host} has no flock command: VMs on it cannot be locked`, {
            vm,
            hint: 'install util-linux on the host',
        });
    }
    return new HypervisorError('refused', host, `the lock of VM ${vm} on ${host} cannot be taken: ${file} cannot be written`, {
        vm,
        hint: `log in as root, or create ${lockDirectory} for the SSH user`,
    });
}
