/** Access to a host whose only sockets are fake daemons; commands run on this machine. */
import type { Duplex } from 'node:stream';
import type { HostAccess } from '../../../ssh/access.js';
import { openLocal } from '../../../ssh/local-access.js';
import { SocketRefused } from '../../../ssh/socket-refused.js';
import type { FakeDaemon } from './fake-daemon.js';

export function fakeAccess(sockets: Readonly<Record<string, FakeDaemon | SocketRefused['reason']>>): HostAccess {
    const local = openLocal('kvm-a');
    return {
        ...local,
        openUnix: (path): Promise<Duplex> => {
            const there = sockets[path] ?? 'missing';
            return typeof there === 'string' ? Promise.reject(new SocketRefused(path, there)) : Promise.resolve(there.connect());
        },
        [Symbol.asyncDispose]: () => local[Symbol.asyncDispose](),
    };
}
