/** By which socket a VM is driven. */
import type { InventoryHost } from '../../../core/index.js';
import { socketBy } from './command-line.js';
import type { QemuProcess } from './processes.js';

/** Where the inventory says nothing, and the command line neither. */
export const usualSockets = '/run/qemu';

export type SocketFound =
    | {
          readonly socket: string /** As the command line has it, which may begin at the process's working directory. */;
          readonly written: string | undefined;
      }
    | { readonly reason: string; readonly cure: string };

/** The socket that the inventory names, where the VM has it; else the first that its command line tells. */
export function socketOf({ qmp }: Pick<InventoryHost, 'qmp'>, process: Pick<QemuProcess, 'identity' | 'cwd'>): SocketFound {
    const { identity, cwd } = process;
    const { name, uuid, sockets, otherMonitors } = identity;
    if (identity.isLibvirts) {
        return {
            reason: 'it is run by libvirt, which alone may drive it',
            cure: 'move it by a host entry with `driver: libvirt`',
        };
    }
    const absolute = (path: string): string => (path.startsWith('/') ? path : `${cwd === '/' ? '' : cwd}/${path}`);
    const named = name === undefined ? undefined : socketBy(qmp ?? usualSockets, { name, uuid: uuid ?? '' });
    const own = sockets.find((path) => absolute(path) === named) ?? (qmp === undefined || sockets.length === 1 ? sockets[0] : undefined);
    if (own !== undefined) return { socket: absolute(own), written: own };
    if (otherMonitors.length === 0 && sockets.length === 0 && named === undefined) {
        return { reason: 'it has no QMP socket', cure: 'start it with -qmp unix:/run/qemu/NAME.qmp,server=on,wait=off' };
    }
    if (sockets.length > 0) {
        return {
            reason: `none of its QMP sockets is the one that the inventory names: it has ${sockets.join(', ')}, and ${named ?? qmp ?? ''} is meant`,
            cure: 'write under `qmp` where they are, with {name} or {uuid} in the path',
        };
    }
    return {
        reason:
            otherMonitors.length === 0 ? 'it has no QMP socket' : `it has no QMP socket that could be used: ${otherMonitors.join('; ')}`,
        cure: `start it with -qmp unix:${named ?? '/run/qemu/NAME.qmp'},server=on,wait=off`,
    };
}
