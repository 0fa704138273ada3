/** Starting a QEMU on a host, and ending one: by its number, once it is sure that it is still that process. */
import type { VmUuid } from '../../../core/index.js';
import type { HostAccess } from '../../ssh/access.js';
import { HypervisorError } from '../errors.js';
import { lockDirectory } from '../host/lock.js';
import type { ProcessId } from './processes.js';

export interface Start {
    readonly vm: VmUuid;
    readonly name: string;
    readonly argv: readonly string[];
    readonly cwd: string;
    readonly socket: string;
    /** At which it will listen too. */
    readonly others: readonly string[];
}

/** What it writes before and while it runs. */
export const logFile = (vm: VmUuid): string => `${lockDirectory}/${vm}.log`;

/**
 * `$1` directory of ours, `$2` its log, `$3` its QMP socket, `$4` its working directory, `$5` how many other sockets follow,
 * then its command line. QEMU takes a socket's path from whoever listens there; here that is refused. It gets a session of
 * its own, so that it lives on when ours ends. Tells `up PID START`, or one word and why not.
 */
export const startScript = `
directory=$1 log=$2 socket=$3 cwd=$4 others=$5; shift 5
claim() {
    if [ -S "$1" ]; then
        case $1 in /*) path=$1;; *) path=$cwd/$1;; esac
        # The kernel has a path as it was written by whoever listens.
        grep -q -e " 00010000 .* $path\\$" -e " 00010000 .* $1\\$" /proc/net/unix && { echo "taken $path"; return 1; }
        rm -f "$1"
    fi
    case $1 in */*) mkdir -p "\${1%/*}";; esac
}
mkdir -p "$directory" && : > "$log" || { echo unwritable; exit; }
command -v setsid >/dev/null || { echo without-setsid; exit; }
cd "$cwd" 2>/dev/null || { echo no-directory; exit; }
claim "$socket" || exit 0
while [ "$others" -gt 0 ]; do claim "$1" || exit 0; shift; others=$((others - 1)); done
command -v "$1" >/dev/null || { echo missing; exit; }
setsid "$@" < /dev/null > "$log" 2>&1 &
pid=$!
tries=0
while [ "$tries" -lt 400 ]; do
    read -r stat < "/proc/$pid/stat" 2>/dev/null || break
    case \${stat##*) } in Z*|X*) break;; esac
    if [ -S "$socket" ] && grep -q " 00010000 .* $socket\\$" /proc/net/unix; then
        set -- \${stat##*) }
        echo "up $pid \${20}"
        exit
    fi
    sleep 0.05
    tries=$((tries + 1))
done
kill -KILL "$pid" 2>/dev/null
echo died
tail -n 5 "$log"
`;

/** Returns once its QMP socket is there. Errors: feature-missing, refused with what QEMU said; nothing is left of it then. */
export async function startQemu(access: HostAccess, start: Start, signal: AbortSignal): Promise<ProcessId> {
    const { vm, name, argv, cwd, socket, others } = start;
    const { host } = access;
    const log = logFile(vm);
    const { stdout } = await access.run(
        ['sh', '-c', startScript, 'sh', lockDirectory, log, socket, cwd, String(others.length), ...others, ...argv],
        signal,
    );
    const [answer = '', ...said] = stdout.trim().split('\n');
    const [word, pid, started = ''] = answer.split(' ');
    if (word === 'up' && pid !== undefined) return { pid: Number(pid), started };
    const [program = ''] = argv;
    const fail = (code: 'feature-missing' | 'refused', message: string, hint: string): HypervisorError =>
        new HypervisorError(code, host, message, { vm: name, hint });
    switch (word ?? '') {
        case 'missing':
            throw fail(
                'feature-missing',
                `${host} has no ${program}, with which ${name} runs`,
                `install the same QEMU on ${host}, at the same path`,
            );
        case 'without-setsid':
            throw fail(
                'feature-missing',
                `${host} has no setsid command: no QEMU can be started there that outlives us`,
                'install util-linux on the host',
            );
        case 'no-directory':
            throw fail(
                'refused',
                `${host} has no directory ${cwd}, in which ${name} was started`,
                'make it, or start VMs with absolute paths from /',
            );
        case 'taken':
            throw fail(
                'refused',
                `another process listens at ${answer.slice('taken '.length)} of ${host}`,
                answer === `taken ${socket}`
                    ? 'name another place for QMP sockets under `qmp` of that host in the inventory'
                    : `see what it is; ${name} would listen there too, as its command line says`,
            );
        case 'unwritable':
            throw fail('refused', `${log} of ${host} cannot be written`, `log in as root, or create ${lockDirectory} for the SSH user`);
        default:
            throw fail(
                'refused',
                `${program} does not start ${name} on ${host}: ${said.join('; ') || 'it said nothing'}`,
                `what its command line names must be on ${host} as at its source (files, bridges, addresses); see ${log}`,
            );
    }
}

/** `$1` number, `$2` start, `$3` UUID: asked to end, then made to. Tells `ended`, or `stays`. */
const endScript = `
pid=$1 started=$2 uuid=$3
same() {
    read -r stat < "/proc/$pid/stat" 2>/dev/null || return 1
    set -- \${stat##*) }
    [ "\${20}" = "$started" ] && grep -qaiF -e "$uuid" "/proc/$pid/cmdline" 2>/dev/null
}
gone() { tries=0; while same; do [ "$tries" -lt "$1" ] || return 1; sleep 0.05; tries=$((tries + 1)); done; }
gone "$4" || { kill -TERM "$pid"; gone 100; } || { kill -KILL "$pid"; gone 200; } || { echo stays; exit; }
echo ended
`;

/**
 * Ends a QEMU, which is known by its number, its start and the UUID on its command line; done also where it is gone
 * already. `patienceMs` is given to it to end by itself. Errors: refused where it stays.
 */
export async function endQemu(
    access: HostAccess,
    vm: VmUuid,
    { pid, started }: ProcessId,
    signal: AbortSignal,
    patienceMs = 0,
): Promise<void> {
    const tries = String(Math.ceil(patienceMs / 50));
    const { stdout, stderr } = await access.run(['sh', '-c', endScript, 'sh', String(pid), started, vm, tries], signal);
    if (stdout.trim() === 'ended') return;
    throw new HypervisorError(
        'refused',
        access.host,
        `QEMU ${String(pid)} of VM ${vm} on ${access.host} does not end: ${stderr.trim() || 'it stays'}`,
        {
            vm,
            hint: `see what holds it (\`ps -o stat,wchan ${String(pid)}\` on ${access.host}), and whether the SSH user may end it`,
        },
    );
}
