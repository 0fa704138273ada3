import { milliseconds } from '@mig/language';
import type { PlannedTechnique } from '../model/plan.js';
import { defaultDowntimeLimit } from './assumptions.js';
import { pauseGuest, startPrecopy, type GuestMemory, type PrecopyState } from './copy-state.js';
import { machineFor } from './machine.js';
import { throttleGuest } from './precopy.js';
import { throttleSettings } from './throttle.js';

/** The copy of a guest as a technique begins it. Its switches and its ladder are the caller's matter. */
export function startCopy({ kind, options }: Pick<PlannedTechnique, 'kind' | 'options'>, guest: GuestMemory): PrecopyState {
    const limit = options.downtimeMs === undefined ? defaultDowntimeLimit : milliseconds(options.downtimeMs);
    const copy = startPrecopy(guest, limit, machineFor(options));
    if (kind === 'stop-and-copy') return pauseGuest(copy);
    return options.throttle ? throttleGuest(copy, throttleSettings(options.throttle)) : copy;
}
