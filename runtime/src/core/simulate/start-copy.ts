import { type Bytes, bytes, bytesPerSecond, milliseconds } from '@mig/language';
import { copiedBytes, copyOf } from '../decide/storage.js';
import type { PlannedTechnique } from '../model/plan.js';
import type { VmDisk } from '../model/snapshot.js';
import { defaultDowntimeLimit } from './assumptions.js';
import { mirrorFirst, pauseGuest, startPrecopy, type DiskMirror, type GuestMemory, type PrecopyState } from './copy-state.js';
import { machineFor } from './machine.js';
import { throttleGuest } from './precopy.js';
import { throttleSettings } from './throttle.js';

/** The copy of a guest as a technique begins it. Its switches and its ladder are the caller's matter. */
export function startCopy({ kind, options }: Pick<PlannedTechnique, 'kind' | 'options'>, guest: GuestMemory): PrecopyState {
    const limit = options.downtimeMs === undefined ? defaultDowntimeLimit : milliseconds(options.downtimeMs);
    const copy = mirrorFirst(startPrecopy(guest, limit, machineFor(options)), mirrorOf(options, guest));
    if (kind === 'stop-and-copy') return pauseGuest(copy);
    return options.throttle ? throttleGuest(copy, throttleSettings(options.throttle)) : copy;
}

/** The disks that go along, all at once. */
export function mirrorOf(
    options: PlannedTechnique['options'],
    guest: Pick<GuestMemory, 'disks' | 'diskWrite' | 'ownDiskCaps'>,
): DiskMirror {
    const { disks = [], diskWrite } = guest;
    const total = bytes(copiedBytes({ disks }, options));
    const cap = bytesPerSecond(guest.ownDiskCaps === true ? meanOfOwn(options, disks, total) : leastOfAll(options, disks));
    return { total, left: total, cap, writes: bytesPerSecond(diskWrite ?? 0) };
}

/** libvirt gives all of them one speed: the least that any of them is allowed. */
function leastOfAll(options: PlannedTechnique['options'], disks: readonly VmDisk[]): number {
    const copies = disks.flatMap(({ target }) => copyOf(options, target) ?? []);
    return Math.min(...copies.flatMap(({ cap }) => cap ?? [])) * copies.length;
}

/** Over the time until the last of them is there: some end before it, and those without a cap by then. */
function meanOfOwn(options: PlannedTechnique['options'], disks: readonly VmDisk[], total: Bytes): number {
    const seconds = disks.map((disk) => copiedBytes({ disks: [disk] }, options) / (copyOf(options, disk.target)?.cap ?? Infinity));
    const longest = Math.max(0, ...seconds);
    return longest === 0 ? Infinity : total / longest;
}
