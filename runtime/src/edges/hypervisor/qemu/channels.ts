/** Sockets that a QEMU's command line makes beside its monitors: where the guest's agent is asked, and what has to be free elsewhere. Pure. */
import { chardevSocket, keyValues, type Option, optionsOf, unixSocket } from './command-line.js';

/** The channel that agents in guests open, by its usual name. */
export const agentChannel = 'org.qemu.guest_agent.0';

/** How a VM is given one. */
const giveOne =
    'start the VM with -device virtio-serial -chardev socket,id=agent,path=PATH,server=on,wait=off ' +
    `-device virtserialport,chardev=agent,name=${agentChannel}`;

export type AgentFound =
    | {
          /** As the command line has it, which may begin at the process's working directory. */
          readonly socket: string;
          /** Of the character device, by which QMP knows it. */
          readonly id: string;
      }
    | { readonly reason: string; readonly cure: string };

/** Where the guest's agent is asked. */
export function agentOf(argv: readonly string[]): AgentFound {
    const options = optionsOf(argv);
    const port = options
        .filter(({ name }) => name === 'device')
        .map(({ value = '' }) => keyValues(value, 'driver'))
        .find((device) => device.get('driver') === 'virtserialport' && device.get('name') === agentChannel);
    if (!port) return { reason: `its command line has no channel ${agentChannel}`, cure: giveOne };
    const id = port.get('chardev') ?? '';
    const found = chardevSocket(id, options);
    return 'socket' in found ? { socket: found.socket, id } : { reason: `of its channel ${agentChannel}, ${found.why}`, cure: giveOne };
}

/** Unix sockets at which it listens, as written: elsewhere each needs its directory, and nobody who listens there already. */
export function listenedAt(argv: readonly string[]): readonly string[] {
    const found = optionsOf(argv).flatMap((option) => {
        const given = listener(option);
        const socket = given?.words.get('abstract') === 'on' ? undefined : given && unixSocket(given.path, given.words);
        return socket && 'socket' in socket ? [socket.socket] : [];
    });
    return [...new Set(found)];
}

/** The value of an option that makes the same socket, at which QEMU does not wait for somebody before it starts. */
export function withoutWaiting(name: string, value: string): string {
    const given = listener({ name, value });
    if (given === undefined || !('socket' in unixSocket(given.path, given.words))) return value;
    if (given.words.get('wait') === 'off' || given.words.has('nowait')) return value;
    return `${value.replaceAll(/,wait(=[^,]*)?(?=,|$)/g, '')},wait=off`;
}

const direct: ReadonlySet<string> = new Set(['serial', 'parallel', 'monitor', 'qmp', 'qmp-pretty']);

/** A socket that an option makes by itself. */
function listener({
    name,
    value = '',
}: Option): { readonly path: string | undefined; readonly words: ReadonlyMap<string, string> } | undefined {
    if (name === 'chardev') {
        const words = keyValues(value, 'backend');
        return words.get('backend') === 'socket' ? { path: words.get('path'), words } : undefined;
    }
    if (!direct.has(name) || !value.startsWith('unix:')) return undefined;
    const words = keyValues(value, 'address');
    return { path: words.get('address')?.slice('unix:'.length), words };
}
