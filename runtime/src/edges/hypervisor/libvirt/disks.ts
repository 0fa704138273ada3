/** Disks that are files: how large they are, and what stands on another host where a copy of them would go. */
import { type Bytes, bytes } from '@mig/language';
import type { ImageSight, VmState, VmUuid } from '../../../core/index.js';
import type { HostAccess } from '../../ssh/access.js';
import { HypervisorError } from '../errors.js';
import { lookAtImages } from '../host/images.js';
import type { HostObservation } from '../port.js';
import type { LibvirtConnection } from './connect.js';
import { uuidFromBytes } from './domains.js';
import type { HostLook } from './look.js';
import { procedures } from './procedures.js';
import { parseXml } from './xml.js';

export interface DiskSize {
    readonly capacity: Bytes;
    readonly allocated: Bytes;
}

const keyOf = (vm: VmUuid, target: string): string => `${vm} ${target}`;

/** Of the files that running VMs have for disks. */
export async function diskSizes(
    connection: LibvirtConnection,
    { described, listed, shared }: HostLook,
    unknown: HostObservation['unknown'][number][],
    signal: AbortSignal,
): Promise<ReadonlyMap<string, DiskSize>> {
    const domains = new Map(listed.all.map((dom) => [uuidFromBytes(dom.uuid), dom]));
    const found = await Promise.all(
        described
            .filter(({ active }) => active)
            .flatMap(({ uuid, name, facts }) =>
                facts.disks
                    .filter(({ kind, path }) => kind === 'file' && path !== undefined && !shared.has(path))
                    .map(async ({ target }): Promise<readonly (readonly [string, DiskSize])[]> => {
                        const dom = domains.get(uuid);
                        if (!dom) return [];
                        try {
                            const info = await connection.call(procedures.domainGetBlockInfo, { dom, path: target, flags: 0 }, signal);
                            return [
                                [
                                    keyOf(uuid, target),
                                    { capacity: bytes(Number(info.capacity)), allocated: bytes(Number(info.allocation)) },
                                ],
                            ];
                        } catch (error) {
                            if (!(error instanceof HypervisorError) || error.code === 'host-lost') throw error;
                            unknown.push({ about: `vm:${name}:${target}`, why: error.message });
                            return [];
                        }
                    }),
            ),
    );
    return new Map(found.flat());
}

export const withSizes = (vm: VmState, sizes: ReadonlyMap<string, DiskSize>): VmState =>
    sizes.size === 0 ? vm : { ...vm, disks: vm.disks.map((disk) => ({ ...disk, ...sizes.get(keyOf(vm.uuid, disk.target)) })) };

/** What stands at these paths. */
export async function imagesAt(
    host: string,
    access: HostAccess,
    connection: LibvirtConnection,
    paths: readonly string[],
    signal: AbortSignal,
): Promise<readonly ImageSight[]> {
    const [seen, pools] = await Promise.all([lookAtImages(access, paths, signal), poolDirectories(connection, signal)]);
    return seen.map((sight) => ({ host, ...sight, pool: pools.has(sight.path.slice(0, sight.path.lastIndexOf('/'))) }));
}

/** Directories of active storage pools; none where the daemon has no storage driver. */
async function poolDirectories(connection: LibvirtConnection, signal: AbortSignal): Promise<ReadonlySet<string>> {
    const active = 2;
    try {
        const { pools } = await connection.call(procedures.connectListAllStoragePools, { needResults: 1, flags: active }, signal);
        const directories = pools.map(async (pool) => {
            const { xml } = await connection.call(procedures.storagePoolGetXmlDesc, { pool, flags: 0 }, signal);
            return parseXml(xml).at('target/path').text ?? '';
        });
        return new Set(await Promise.all(directories));
    } catch (error) {
        if (error instanceof HypervisorError && error.code !== 'host-lost') return new Set();
        throw error;
    }
}
