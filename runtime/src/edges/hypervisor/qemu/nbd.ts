/**
 * The destination's side of a copy of disks: its QEMU, which waits for the memory, serves the images of its own disks by
 * NBD meanwhile, and takes them for itself before its guest is told to run.
 */
import { isIP } from 'node:net';
import { migrationPorts, type MoveTechnique, tlsCredentials, type VmUuid } from '../../../core/index.js';
import { HypervisorError } from '../errors.js';
import type { HostAccess } from '../../ssh/access.js';
import type { Cookie } from '../port.js';
import { blockDevices, type CopiedDisk } from './disks.js';
import { MadeImages } from './made-images.js';
import { QmpRefusal } from './qmp-errors.js';
import type { QmpConnection } from './qmp.js';

/** Where the source finds the disks. */
export interface NbdDoor {
    readonly port: number;
}

export interface NbdPlace {
    readonly listen: string;
    readonly technique: MoveTechnique;
}

/** By the certificates of the migration itself (tls.ts): where TLS is asked for, nothing of a disk goes in the clear. */
export const encryption = ({ options }: MoveTechnique): { readonly 'tls-creds'?: string } =>
    options.tls === true ? { 'tls-creds': tlsCredentials } : {};

/** Its name on the wire is that of the disk. Errors: refused, where an image is not as the source's. */
export async function serveDisks(
    qmp: QmpConnection,
    vm: { readonly name: string; readonly cwd: string },
    disks: readonly CopiedDisk[],
    at: NbdPlace,
    signal: AbortSignal,
): Promise<NbdDoor> {
    const devices = blockDevices(await qmp.execute('query-block', undefined, signal), vm.cwd);
    const { host } = qmp.name;
    const served = disks.map(({ target, path, capacity }) => {
        const own = devices.find((one) => one.target === target);
        if (own?.node === undefined)
            throw new HypervisorError('refused', host, `QEMU on ${host} has no disk ${target} of ${vm.name}`, {
                vm: vm.name,
                hint: 'its command line names other disks than the VM has now: restart it with those that it has',
            });
        if (own.capacity !== capacity)
            throw new HypervisorError(
                'refused',
                host,
                `the image at ${path} on ${host} has ${String(own.capacity)} bytes for the guest, and the disk ${target} of ${vm.name} has ${String(capacity)}`,
                { vm: vm.name, hint: 'make it of the same size and format, or remove it: then one is made' },
            );
        return { target, node: own.node };
    });
    const door = await openDoor(qmp, at, signal);
    for (const [nth, { target, node }] of served.entries())
        await qmp.execute(
            'block-export-add',
            { type: 'nbd', id: `mig-run-${String(nth)}`, 'node-name': node, name: target, writable: true },
            signal,
        );
    return door;
}

/** QEMU does not tell which port of a range it took, so they are tried one by one, from the end where migrations are not. */
async function openDoor(qmp: QmpConnection, { listen, technique }: NbdPlace, signal: AbortSignal): Promise<NbdDoor> {
    const host = addressOf(listen);
    const { host: name } = qmp.name;
    for (let port: number = migrationPorts.to; port >= migrationPorts.from; port -= 1) {
        try {
            const addr = { type: 'inet', data: { host, port: String(port), ...(isIP(host) === 6 && { ipv6: true }) } };
            await qmp.execute('nbd-server-start', { addr, ...encryption(technique) }, signal);
            return { port };
        } catch (error) {
            if (!(error instanceof QmpRefusal) || !/in use|available port/i.test(error.description)) throw error;
        }
    }
    throw new HypervisorError(
        'refused',
        name,
        `no port of ${name} is free for the copy of disks, of ${String(migrationPorts.from)} to ${String(migrationPorts.to)}`,
        { hint: `see what listens there (\`ss -ltnp\` on ${name}), or move fewer VMs there at once` },
    );
}

/**
 * Before the guest is told to run: nobody else writes to its images any more, and nothing of ours removes them. Done also
 * where nothing was served or made.
 */
export async function takeDisks(access: HostAccess, vm: VmUuid, qmp: QmpConnection, signal: AbortSignal): Promise<void> {
    await Promise.all([stopServing(qmp, signal), new MadeImages(access, vm).keep(signal)]);
}

export async function stopServing(qmp: QmpConnection, signal: AbortSignal): Promise<void> {
    try {
        await qmp.execute('nbd-server-stop', undefined, signal);
    } catch (error) {
        if (!(error instanceof QmpRefusal) || !/not running/i.test(error.description)) throw error;
    }
}

/** `$1` address, `$2` port. Where there is nothing to try it with, QEMU finds out itself. */
const reachScript = `
command -v bash >/dev/null && command -v timeout >/dev/null || { echo unknown; exit; }
timeout 5 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" && echo reached
exit 0
`;

/**
 * A guest stands still while its QEMU tries in vain to reach an NBD server, for as long as TCP tries: so it is tried before.
 * Errors: refused.
 */
export async function mustReach(access: HostAccess, vm: string, host: string, { port }: NbdDoor, signal: AbortSignal): Promise<void> {
    const { stdout, stderr } = await access.run(['sh', '-c', reachScript, 'sh', host, String(port)], signal);
    if (stdout.trim() !== '') return;
    const why = stderr.trim().split('\n').at(-1) || 'nobody answers';
    throw new HypervisorError(
        'refused',
        access.host,
        `${access.host} does not reach ${host} on TCP port ${String(port)} for the disks of ${vm}: ${why}`,
        {
            vm,
            hint: "the source must reach the destination's migration address on TCP ports 49152 to 49215",
        },
    );
}

/** From a route, such as `tcp:10.0.0.2`. */
export const addressOf = (uri: string): string => uri.replace(/^tcp:/, '').replace(/^\[(.*)\]$/, '$1');

export const doorCookie = (door: NbdDoor): Cookie => new TextEncoder().encode(JSON.stringify({ nbd: door }));

/** Errors: protocol, where the destination told none. */
export function readDoor(host: string, cookie: Cookie): NbdDoor {
    const text = new TextDecoder().decode(cookie);
    const [, port] = /^\{"nbd":\{"port":(\d+)\}\}$/.exec(text) ?? [];
    if (port !== undefined) return { port: Number(port) };
    throw new HypervisorError('protocol', host, `${host} was not told where its disks are to be copied to`);
}
