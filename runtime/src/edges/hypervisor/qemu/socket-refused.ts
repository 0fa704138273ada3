/** Why a socket of a QEMU could not be opened, in words that a person can act on. */
import type { HostAccess } from '../../ssh/access.js';
import type { SocketRefused } from '../../ssh/socket-refused.js';
import { HypervisorError } from '../errors.js';

const made = {
    qmp: 'QEMU makes it by -qmp unix:PATH,server=on,wait=off; say where it is under `qmp` in the inventory',
    agent: 'QEMU made it by -chardev socket,path=PATH,server=on, and something has removed it: restart the VM',
} as const;

/** Asks the host itself why: an SSH server gives one answer for a missing socket, a forbidden and a full one. */
export async function socketRefused(
    access: HostAccess,
    socket: string,
    kind: keyof typeof made,
    cause: SocketRefused,
    signal: AbortSignal,
): Promise<HypervisorError> {
    const { host } = access;
    const why = await access.run(['sh', '-c', whyNot, 'sh', socket], signal).then(({ stdout }) => stdout.trim());
    const forwarding = cause.reason === 'forwarding-off' || (why === 'listening' && cause.reason === 'failed');
    const [code, message, hint] = forwarding
        ? ([
              'socket-forbidden',
              `the SSH server of ${host} opens no way to ${socket}: it forbids forwarding to unix sockets, or too many clients wait there`,
              'set AllowStreamLocalForwarding yes (or local) in its sshd_config; a socket of QEMU serves one client at a time',
          ] as const)
        : why === 'forbidden'
          ? (['socket-forbidden', `no permission on ${socket} of ${host}`, 'log in as the user that runs the QEMUs, or as root'] as const)
          : why === 'missing'
            ? (['socket-missing', `${host} has no socket ${socket}`, made[kind]] as const)
            : (['socket-missing', `nobody answers at ${socket} of ${host}`, 'see whether its QEMU still runs'] as const);
    return new HypervisorError(code, host, message, { hint, cause });
}

/** One word. Listening sockets have this flag in /proc/net/unix. */
const whyNot = `
if [ ! -e "$1" ]; then echo missing
elif [ ! -w "$1" ]; then echo forbidden
elif grep -q " 00010000 .* $1\\$" /proc/net/unix; then echo listening
else echo unanswered
fi
`;
