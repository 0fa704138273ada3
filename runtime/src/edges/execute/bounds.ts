import { milliseconds, type Milliseconds } from '@mig/language';
import { timeBound, type HostName, type PhaseBounds, type PlannedTechnique } from '../../core/index.js';
import { HypervisorError } from '../hypervisor/errors.js';
import type { Clock } from './clock.js';

/**
 * How long each phase may take. begin and prepare answer in well under a second; finish and confirm wait for QEMU
 * processes to start and to end, which a loaded host makes slow. perform is bounded by the ladder; without a bound
 * there, a move may send for an hour.
 */
export const defaultBounds: PhaseBounds = {
    begin: milliseconds(30_000),
    prepare: milliseconds(60_000),
    perform: milliseconds(3_600_000),
    finish: milliseconds(120_000),
    confirm: milliseconds(120_000),
};

/** What the ladder is given beyond its own bound before the executor ends the phase itself. */
const performGraceMs = 30_000;

/** The longest time that perform may take: the ladder's abort and some grace, else the default. */
export function performBound(technique: PlannedTechnique, bounds: PhaseBounds): Milliseconds {
    const ladder = timeBound(technique);
    return ladder === undefined ? bounds.perform : milliseconds(ladder + performGraceMs);
}

/**
 * Waits for a call no longer than its bound. What the host does with the call then is unknown.
 * @throws HypervisorError `timed-out`
 */
export async function within<T>(
    clock: Clock,
    bound: Milliseconds,
    what: { readonly call: string; readonly host: HostName; readonly vm: string },
    call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
    const over = new AbortController();
    const abandon = new AbortController();
    const timeout = clock.sleep(bound, over.signal).then(
        () => {
            const error = new HypervisorError(
                'timed-out',
                what.host,
                `${what.host} did not answer to ${what.call} of ${what.vm} within ${bound / 1000} s`,
                {
                    vm: what.vm,
                    hint: `look at ${what.host}: its load, its libvirt log, and its link to this machine`,
                },
            );
            abandon.abort(error);
            throw error;
        },
        () => new Promise<never>(() => undefined), // answered in time
    );
    try {
        return await Promise.race([call(abandon.signal), timeout]);
    } finally {
        over.abort();
    }
}
