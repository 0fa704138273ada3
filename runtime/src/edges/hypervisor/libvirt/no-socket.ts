/** Why a daemon's socket did not open, as its host tells it, and what can be done. */
import type { HostName } from '../../../core/index.js';
import type { HostAccess } from '../../ssh/access.js';
import type { SocketRefused } from '../../ssh/socket-refused.js';
import { HypervisorError } from '../errors.js';
import { helpers, waysScript } from './daemon-way.js';

/** What the host says of its sockets when it is asked. */
export interface AskedHost {
    /** Where a daemon listens, and the SSH server does not lead to it. */
    readonly behindForwarding: string | undefined;
    /** That are there to reach it by. */
    readonly commands: readonly (typeof helpers)[number][];
    /** The first path of each kind. */
    readonly at: (state: 'missing' | 'forbidden' | 'listening' | 'unanswered') => string | undefined;
}

/**
 * Asks the host itself why its sockets did not open. OpenSSH gives one answer for a forbidden forwarding, a missing socket
 * and a refused one.
 */
export async function askHost(access: HostAccess, refusals: readonly SocketRefused[], signal: AbortSignal): Promise<AskedHost> {
    const paths = refusals.map((refusal) => refusal.path);
    const told = (await access.run(['sh', '-c', script, 'sh', ...paths], signal)).stdout.split('\n');
    const at: AskedHost['at'] = (state) => paths[told.indexOf(state)];
    const said = refusals.some((refusal) => refusal.reason === 'forwarding-off');
    const there = at('listening') ?? (said ? at('unanswered') : undefined);
    return {
        behindForwarding: at('forbidden') === undefined ? there : undefined,
        commands: helpers.filter((by) => told.includes(`way ${by}`)),
        at,
    };
}

export function noSocket(host: HostName, refusals: readonly SocketRefused[], { at }: AskedHost): HypervisorError {
    const paths = refusals.map((refusal) => refusal.path);
    const [cause] = refusals;
    const forbidden = at('forbidden');
    if (forbidden !== undefined) {
        return new HypervisorError('socket-forbidden', host, `no permission on ${forbidden} of ${host}`, {
            hint: "log in as root, or add the user to the host's group libvirt (usermod -aG libvirt USER) and log in again",
            cause,
        });
    }
    const unanswered = at('unanswered');
    return new HypervisorError(
        'socket-missing',
        host,
        unanswered === undefined
            ? `${host} has no libvirt daemon for QEMU: neither ${paths.join(' nor ')} is there`
            : `nobody answers at ${unanswered} of ${host}`,
        {
            hint: 'start it: systemctl start virtqemud.socket (or libvirtd.socket); install it: libvirt-daemon-driver-qemu and libvirt-daemon',
            cause,
        },
    );
}

/** The SSH server forbids to forward to the socket, and what was tried instead, in words, did not do. */
export function noWay(host: HostName, tried: readonly string[], cause: unknown): HypervisorError {
    return new HypervisorError(
        'socket-forbidden',
        host,
        `the SSH server of ${host} forbids forwarding to unix sockets, and nothing else leads to its libvirt: ${tried.join('; ')}`,
        {
            hint: 'set AllowStreamLocalForwarding yes (or local) in its sshd_config (a key with "restrict" needs "port-forwarding"), or install virt-ssh-helper, which comes with libvirt',
            cause,
        },
    );
}

/** One word for each path. Listening sockets have this flag in /proc/net/unix, where /var/run is /run. */
const script = `
for path; do
    if [ ! -e "$path" ]; then echo missing
    elif [ ! -w "$path" ]; then echo forbidden
    elif grep -q " 00010000 .*\${path#/var}\$" /proc/net/unix; then echo listening
    else echo unanswered
    fi
done
${waysScript}
`;
