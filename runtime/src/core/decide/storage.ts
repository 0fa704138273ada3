/**
 * Disks that stand on one host alone: which of them a technique takes along, and whether their images can be received.
 * Each is mirrored into an image of the same path and size at the destination: one that stands there, or that is made: by
 * libvirt in a storage pool whose directory that is (NON_SHARED_DISK), with plain QEMU by us wherever the directory is.
 * For preseeded disks none is made (libvirt: NON_SHARED_INC).
 */
import { formatQuantity, type TechniqueOptions, type TechniqueUse } from '@mig/language';
import type { PlannedTechnique } from '../model/plan.js';
import type { HostState, ImageSight, VmDisk, VmState } from '../model/snapshot.js';
import type { Situation } from './situation.js';
import { listed } from './wording.js';
import type { World } from './world.js';

/** Targets that a technique says something of: copied, preseeded, or shared whatever the hosts tell. */
const namedIn = ({ storage = [] }: TechniqueOptions): readonly string[] => storage.flatMap(({ disks }) => disks);

/** Targets that any technique of a policy says something of. */
export function disksNamed(uses: readonly TechniqueUse[]): ReadonlySet<string> {
    return new Set(
        uses.flatMap((use) =>
            use.kind === 'technique' ? namedIn(use.options) : use.kind === 'choose' ? [...disksNamed(use.branches.map((b) => b.use))] : [],
        ),
    );
}

/** Whether a technique takes disks along. */
export const copiesDisks = ({ storage = [] }: TechniqueOptions): boolean => storage.some(({ mode }) => mode !== 'shared');

/** How a disk is taken along; undefined where it is not. */
export function copyOf(
    { storage = [] }: TechniqueOptions,
    target: string,
): { readonly mode: 'copy' | 'preseeded'; readonly cap?: number } | undefined {
    for (const { mode, disks, cap } of storage)
        if (mode !== 'shared' && disks.includes(target)) return { mode, ...(cap === undefined ? {} : { cap }) };
    return undefined;
}

/** What stands against the disks of a VM at a destination; undefined where nothing does. */
export function whyDisksStay({ options }: PlannedTechnique, situation: Situation): string | undefined {
    const { vm, source, destination } = situation;
    const named = new Set(namedIn(options));
    const left = vm.disks.filter(({ shared, target }) => shared === false && !named.has(target));
    if (left.length > 0) {
        const [stands, them] = left.length === 1 ? ['stands', 'it'] : ['stand', 'them'];
        return `${listed(left.map(nameOf))} ${stands} on ${vm.host} alone, and it does not say what becomes of ${them}`;
    }
    if (!copiesDisks(options)) return undefined;
    const modes = new Set(options.storage?.map(({ mode }) => mode));
    if (modes.has('copy') && modes.has('preseeded') && source.driver === 'libvirt')
        return 'libvirt copies the disks of one move either whole or above their base, not some so and some so';
    const ghost = [...named].find((target) => !vm.disks.some((disk) => disk.target === target));
    if (ghost !== undefined) return `${vm.name} has no disk ${ghost}`;
    let needed = 0;
    for (const disk of vm.disks) {
        const copy = copyOf(options, disk.target);
        if (copy === undefined) continue;
        if (disk.kind !== 'file' || disk.path === undefined) return `${nameOf(disk)} is no file, and only files are copied`;
        if (disk.readOnly && source.driver === 'qemu')
            return `${nameOf(disk)} is read-only, and QEMU mirrors into no such disk: carry its image over by hand, and write it as shared`;
        const sight = sightOf(situation.world, destination, disk.path);
        if (destination.driver === 'simulated') continue;
        if (sight === undefined || disk.capacity === undefined) return `what stands at ${disk.path} on ${destination.name} is not known`;
        const against = whyNotInto(disk, disk.path, copy.mode, sight, situation);
        if (against !== undefined) return against;
        needed += disk.capacity - (sight.image?.allocated ?? 0);
        const taken = onItsWay(situation, disk.path);
        if (sight.free !== undefined && needed + taken > sight.free) {
            const [free, wants] = [size(sight.free), size(needed + taken)];
            return `${destination.name} has ${free} free where ${disk.path} would stand, and ${wants} are needed`;
        }
    }
    return undefined;
}

function whyNotInto(disk: VmDisk, path: string, mode: 'copy' | 'preseeded', sight: ImageSight, situation: Situation): string | undefined {
    const { vm, destination, world } = situation;
    const user = (world.hosts.get(destination.name)?.vms ?? []).find(
        (other) => other.uuid !== vm.uuid && other.disks.some((one) => one.path === path),
    );
    if (user) return `${path} on ${destination.name} is a disk of ${user.name}`;
    const capacity = disk.capacity ?? 0;
    const make = `make one of its size there (truncate -s ${capacity} ${path}${disk.format === 'raw' ? '' : ', or qemu-img create for other formats'})`;
    if (sight.image === undefined) {
        if (mode === 'preseeded') return `${destination.name} has no image at ${path}, and of a preseeded disk none is made: ${make}`;
        if (sight.pool || sight.makes?.includes(disk.format ?? 'raw') === true) return undefined;
        if (destination.driver === 'libvirt')
            return `${destination.name} has no image at ${path}, and no storage pool with that directory: ${make}, or start such a pool`;
        return sight.makes === undefined
            ? `${destination.name} has no image at ${path}, and none can be made: its directory is not there, or not to be written to`
            : `${destination.name} has no image at ${path}, and no qemu-img, which makes images of format ${disk.format ?? 'raw'}: ${make}, or install qemu-img`;
    }
    if (sight.image.size === capacity) return undefined;
    return `the image at ${path} on ${destination.name} has ${exactly(sight.image.size)}, and the disk ${exactly(capacity)}: ${make}`;
}

/** What disks of VMs that go to the same directory earlier in the plan still need there. */
function onItsWay({ vm, destination, world }: Situation, path: string): number {
    const directory = path.slice(0, path.lastIndexOf('/'));
    const here = new Set(vmsAtFirst(world, destination.name));
    return (world.hosts.get(destination.name)?.vms ?? [])
        .filter((other) => other.uuid !== vm.uuid && !here.has(other.uuid))
        .flatMap(({ disks }) => disks)
        .filter((disk) => disk.shared === false && disk.path?.startsWith(`${directory}/`) === true)
        .reduce((sum, { capacity = 0 }) => sum + capacity, 0);
}

const vmsAtFirst = ({ snapshot }: World, host: string): readonly string[] =>
    snapshot.vms.filter((one) => one.host === host).map(({ uuid }) => uuid);

const sightOf = ({ snapshot }: World, host: HostState, path: string): ImageSight | undefined =>
    snapshot.images?.find((one) => one.host === host.name && one.path === path);

const nameOf = ({ target, path }: VmDisk): string => (path === undefined ? target : `${target} (${path})`);
const size = (bytes: number): string => formatQuantity(bytes, 'size');
/** Sizes that differ by little must not look the same. */
const exactly = (bytes: number): string => `${bytes} bytes`;

/** What the mirror of a disk has to send: what is allocated of it, where that is known. */
export function copiedBytes(vm: Pick<VmState, 'disks'>, options: TechniqueOptions): number {
    return vm.disks.reduce((sum, disk) => (copyOf(options, disk.target) ? sum + (disk.allocated ?? disk.capacity ?? 0) : sum), 0);
}
