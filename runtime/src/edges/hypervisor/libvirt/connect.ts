/** A libvirt daemon found on a host, and connections opened to it. */
import type { Duplex } from 'node:stream';
import type { HostAccess } from '../../ssh/access.js';
import { SocketRefused } from '../../ssh/socket-refused.js';
import { HypervisorError } from '../errors.js';
import type { HostLost } from '../port.js';
import { Callbacks } from './callbacks.js';
import { type Procedure, procedures } from './procedures.js';
import { RpcConnection } from './rpc.js';

/** The order in which libvirt's own client looks: the modular daemon, then the monolithic one or its proxy. */
const socketPaths = ['/var/run/libvirt/virtqemud-sock', '/var/run/libvirt/libvirt-sock'];
const uri = 'qemu:///system';
const authTypes = { none: 0, sasl: 1, polkit: 2 } as const;
const features = { migrationV3: 6, keepalive: 10, migrationParams: 13, eventCallbacks: 14 } as const;

/** One open connection to the daemon: calls and events. */
export interface LibvirtConnection extends AsyncDisposable {
    readonly rpc: RpcConnection;
    readonly callbacks: Callbacks;
    readonly lost: Promise<HostLost>;
    call<A, R>(procedure: Procedure<A, R>, args: A, signal: AbortSignal): Promise<R>;
}

/** Looks for the daemon's socket and opens a first connection. Errors: socket-missing, socket-forbidden, feature-missing. */
export async function findDaemon(
    access: HostAccess,
    signal: AbortSignal,
): Promise<{ readonly socket: string; readonly connection: LibvirtConnection }> {
    const refusals: SocketRefused[] = [];
    for (const socket of socketPaths) {
        try {
            return { socket, connection: await opened(access, await access.openUnix(socket, signal), signal) };
        } catch (error) {
            if (!(error instanceof SocketRefused)) throw error;
            refusals.push(error);
        }
    }
    throw await noSocket(access, refusals, signal);
}

/** A further connection to a daemon that was found. */
export async function connectDaemon(access: HostAccess, socket: string, signal: AbortSignal): Promise<LibvirtConnection> {
    try {
        return await opened(access, await access.openUnix(socket, signal), signal);
    } catch (error) {
        throw error instanceof SocketRefused ? await noSocket(access, [error], signal) : error;
    }
}

async function opened(access: HostAccess, stream: Duplex, signal: AbortSignal): Promise<LibvirtConnection> {
    const callbacks = new Callbacks();
    const rpc = new RpcConnection(access.host, stream, (packet) => callbacks.receive(packet));
    try {
        await authenticate(rpc, signal);
        // Asking for it starts the daemon's pings, by which a dead client is noticed.
        await rpc.call(procedures.connectSupportsFeature, { feature: features.keepalive }, signal);
        await rpc.call(procedures.connectOpen, { name: uri, flags: 0 }, signal);
    } catch (error) {
        await rpc[Symbol.asyncDispose]();
        throw error;
    }
    return {
        rpc,
        callbacks,
        lost: rpc.lost,
        call: (procedure, args, callSignal) => rpc.call(procedure, args, callSignal),
        [Symbol.asyncDispose]: () => rpc[Symbol.asyncDispose](),
    };
}

async function authenticate(rpc: RpcConnection, signal: AbortSignal): Promise<void> {
    const { types } = await rpc.call(procedures.authList, undefined, signal);
    if (types.length === 0 || types.includes(authTypes.none)) return;
    if (types.includes(authTypes.polkit)) {
        await rpc.call(procedures.authPolkit, undefined, signal);
        return;
    }
    throw new HypervisorError(
        'feature-missing',
        rpc.host,
        `libvirt on ${rpc.host} asks for ${types.includes(authTypes.sasl) ? 'SASL' : 'an unknown kind of'} authentication`,
        {
            hint: 'set auth_unix_rw = "polkit" or "none" in the daemon\'s configuration: access to its socket is guarded by SSH',
        },
    );
}

/** Oldest versions that the migration procedures and this driver were tried with, as libvirt counts them. */
const floors = { libvirt: 9_000_000, qemu: 7_002_000 };

export interface Versions {
    readonly libvirt: string;
    readonly qemu: string;
}

/** Refuses a daemon that is too old for what we do. Errors: hypervisor-too-old, feature-missing. */
export async function checkVersions(connection: LibvirtConnection, signal: AbortSignal): Promise<Versions> {
    const { host } = connection.rpc;
    const asked = [features.migrationV3, features.migrationParams, features.eventCallbacks];
    const [library, hypervisor, ...supported] = await Promise.all([
        connection.call(procedures.connectGetLibVersion, undefined, signal),
        connection.call(procedures.connectGetVersion, undefined, signal),
        ...asked.map((feature) => connection.call(procedures.connectSupportsFeature, { feature }, signal)),
    ]);
    const versions = { libvirt: dotted(Number(library.version)), qemu: dotted(Number(hypervisor.version)) };
    const tooOld = (what: string, is: string, floor: number): HypervisorError =>
        new HypervisorError('hypervisor-too-old', host, `${host} runs ${what} ${is}; ${dotted(floor)} is the oldest that can be used`, {
            hint: `upgrade ${what} on ${host}`,
        });
    if (Number(library.version) < floors.libvirt) throw tooOld('libvirt', versions.libvirt, floors.libvirt);
    if (Number(hypervisor.version) < floors.qemu) throw tooOld('QEMU', versions.qemu, floors.qemu);
    const missing = asked.filter((_, index) => supported[index]?.supported !== 1);
    if (missing.length > 0) {
        throw new HypervisorError(
            'feature-missing',
            host,
            `libvirt on ${host} does not offer managed migrations (features ${missing.join(', ')})`,
            {
                hint: 'its QEMU driver must be the one that answers: install libvirt-daemon-driver-qemu',
            },
        );
    }
    return versions;
}

/** 9000000 is 9.0.0. */
function dotted(version: number): string {
    return [Math.floor(version / 1_000_000), Math.floor(version / 1000) % 1000, version % 1000].join('.');
}

/**
 * Asks the host itself why its socket did not open. OpenSSH gives one answer for a forbidden forwarding, a missing socket
 * and a refused one.
 */
async function noSocket(access: HostAccess, refusals: readonly SocketRefused[], signal: AbortSignal): Promise<HypervisorError> {
    const { host } = access;
    const [cause] = refusals;
    const paths = refusals.map((r) => r.path);
    const told = refusals.some((r) => r.reason === 'forwarding-off')
        ? []
        : (await access.run(['sh', '-c', whyNot, 'sh', ...paths], signal)).stdout.split('\n');
    const at = (reason: string): string | undefined => paths[told.indexOf(reason)];
    const forbidden = at('forbidden');
    if (forbidden !== undefined) {
        return new HypervisorError('socket-forbidden', host, `no permission on ${forbidden} of ${host}`, {
            hint: "log in as root, or add the user to the host's group libvirt (usermod -aG libvirt USER) and log in again",
            cause,
        });
    }
    if (told.length === 0 || at('listening') !== undefined) {
        return new HypervisorError('socket-forbidden', host, `the SSH server of ${host} forbids forwarding to unix sockets`, {
            hint: 'set AllowStreamLocalForwarding yes (or local) in its sshd_config; a key with "restrict" needs "port-forwarding"',
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

/** One word for each path. Listening sockets have this flag in /proc/net/unix, where /var/run is /run. */
const whyNot = `
for path; do
    if [ ! -e "$path" ]; then echo missing
    elif [ ! -w "$path" ]; then echo forbidden
    elif grep -q " 00010000 .*\${path#/var}\$" /proc/net/unix; then echo listening
    else echo unanswered
    fi
done
`;
