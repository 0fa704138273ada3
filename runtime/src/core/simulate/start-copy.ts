import { bytes, bytesPerSecond, milliseconds } from '@mig/language';
import { copiedBytes, copyOf } from '../decide/storage.js';
import type { PlannedTechnique } from '../model/plan.js';
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

/** The disks that go along. libvirt gives all of them one speed: the least that any of them is allowed. */
export function mirrorOf(
    options: PlannedTechnique['options'],
    { disks = [], diskWrite }: Pick<GuestMemory, 'disks' | 'diskWrite'>,
): DiskMirror {
    const copies = disks.flatMap(({ target }) => copyOf(options, target) ?? []);
    const total = bytes(copiedBytes({ disks }, options));
    const each = Math.min(...copies.flatMap(({ cap }) => cap ?? []));
    return { total, left: total, cap: bytesPerSecond(each * copies.length), writes: bytesPerSecond(diskWrite ?? 0) };
}
