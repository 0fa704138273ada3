/** A libvirt daemon found on a host, and connections opened to it. */
import type { HostAccess } from '../../ssh/access.js';
import { SocketRefused } from '../../ssh/socket-refused.js';
import { HypervisorError } from '../errors.js';
import type { HostLost } from '../port.js';
import { Callbacks } from './callbacks.js';
import { type DaemonWay, daemonUri, helpers, openWay } from './daemon-way.js';
import { askHost, noSocket, noWay } from './no-socket.js';
import { type Procedure, procedures } from './procedures.js';
import { RpcConnection } from './rpc.js';

/** The order in which libvirt's own client looks: the modular daemon, then the monolithic one or its proxy. */
const socketPaths = ['/var/run/libvirt/virtqemud-sock', '/var/run/libvirt/libvirt-sock'];
const authTypes = { none: 0, sasl: 1, polkit: 2 } as const;
const features = { migrationV3: 6, keepalive: 10, migrationParams: 13, eventCallbacks: 14 } as const;

/** One open connection to the daemon: calls and events. */
export interface LibvirtConnection extends AsyncDisposable {
    readonly rpc: RpcConnection;
    readonly callbacks: Callbacks;
    readonly lost: Promise<HostLost>;
    call<A, R>(procedure: Procedure<A, R>, args: A, signal: AbortSignal): Promise<R>;
}

/**
 * Looks for the daemon, and opens a first connection to it: by its socket, or by a command on the host where the SSH server
 * forbids to forward to sockets. Errors: socket-missing, socket-forbidden, feature-missing.
 */
export async function findDaemon(
    access: HostAccess,
    signal: AbortSignal,
): Promise<{ readonly way: DaemonWay; readonly connection: LibvirtConnection }> {
    const refusals: SocketRefused[] = [];
    for (const socket of socketPaths) {
        const way: DaemonWay = { by: 'socket', socket };
        try {
            return { way, connection: await opened(access, way, signal) };
        } catch (error) {
            if (!(error instanceof SocketRefused)) throw error;
            refusals.push(error);
        }
    }
    const asked = await askHost(access, refusals, signal);
    const socket = asked.behindForwarding;
    if (socket === undefined) throw noSocket(access.host, refusals, asked);
    const tried: string[] = [];
    for (const by of helpers) {
        if (!asked.commands.includes(by)) {
            tried.push(`${by === 'nc' ? 'an nc that knows -U' : by} is not there`);
            continue;
        }
        try {
            const way: DaemonWay = { by, socket };
            return { way, connection: await opened(access, way, signal) };
        } catch (error) {
            if (!(error instanceof CommandFailed)) throw error;
            tried.push(`${by} does not reach it (${error.message})`);
        }
    }
    throw noWay(access.host, tried, refusals[0]);
}

/** A further connection to a daemon that was found. */
export async function connectDaemon(access: HostAccess, way: DaemonWay, signal: AbortSignal): Promise<LibvirtConnection> {
    try {
        return await opened(access, way, signal);
    } catch (error) {
        if (error instanceof SocketRefused) throw noSocket(access.host, [error], await askHost(access, [error], signal));
        throw error instanceof CommandFailed
            ? noWay(access.host, [`${way.by} does not reach it any more (${error.message})`], error)
            : error;
    }
}

/** The command that was to carry the connection ended before the daemon had answered. */
class CommandFailed extends Error {}

async function opened(access: HostAccess, way: DaemonWay, signal: AbortSignal): Promise<LibvirtConnection> {
    const { stream, failure } = await openWay(access, way, signal);
    const callbacks = new Callbacks();
    const rpc = new RpcConnection(access.host, stream, (packet) => callbacks.receive(packet));
    try {
        await authenticate(rpc, signal);
        // Asking for it starts the daemon's pings, by which a dead client is noticed.
        await rpc.call(procedures.connectSupportsFeature, { feature: features.keepalive }, signal);
        await rpc.call(procedures.connectOpen, { name: daemonUri, flags: 0 }, signal);
    } catch (error) {
        const lost = error instanceof HypervisorError && error.code === 'host-lost';
        const why = lost ? await failure() : undefined;
        await rpc[Symbol.asyncDispose]();
        throw why === undefined ? error : new CommandFailed(why, { cause: error });
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
