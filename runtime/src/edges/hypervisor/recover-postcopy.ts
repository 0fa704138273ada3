/**
 * Takes a post-copy up again that broke on its way: both QEMUs wait in `postcopy-paused`, the source with the pages that
 * are missing and the destination with the guest that needs them. A new migration carries the rest over:
 *
 *   A.begin ─▶ B.prepare ─▶ A.perform … B says postcopy-recover ─▶ B.finish … A says completed ─▶ A.confirm
 *
 * Finish sent before B recovers is refused although the transfer goes on (found on libvirt 11.3 and QEMU 10.0), and
 * confirm removes what is at the source: it goes out only once A has nothing left to send (safety rule 4).
 * Nothing is cancelled here, whatever fails: the guest is at the destination, and the call may be made again.
 */
import type { Milliseconds } from '@mig/language';
import type { HostName } from '../../core/index.js';
import { HypervisorError } from './errors.js';
import type { Arrival, Departure, MoveParameters } from './port.js';

export interface Recovery {
    readonly departure: Departure;
    readonly arrival: Arrival;
    /** As of the move that broke, whose technique was prepared for post-copy. */
    readonly parameters: MoveParameters;
    readonly destination: HostName;
    /** The longest that the destination may take to answer the source. */
    readonly within: Milliseconds;
    /** Settles after this time; rejects when aborted. */
    readonly sleep: (ms: Milliseconds, signal: AbortSignal) => Promise<unknown>;
}

/** Both sides opened anew, nobody else reading their events. Errors: as of the phases; `timed-out` where the destination does not recover. */
export async function recoverPostcopy(
    { departure, arrival, parameters, destination, within, sleep }: Recovery,
    signal: AbortSignal,
): Promise<void> {
    const again: MoveParameters = { ...parameters, technique: { ...parameters.technique, postcopy: true }, resume: true };
    arrival.checkResume?.();
    const over = new AbortController();
    const recovers = heard(arrival.events, ['postcopy-recover', 'postcopy-active']);
    const completed = heard(departure.events, ['completed']);
    const begun = await departure.begin(again, signal);
    const prepared = await arrival.prepare(again, begun, signal);
    const performing = departure.perform(again, prepared, signal);
    // A perform that fails tells more than a destination that does not recover; one that returns has sent everything.
    const late = sleep(within, AbortSignal.any([signal, over.signal])).then(
        () => 'late' as const,
        () => 'late' as const,
    );
    try {
        const first = await Promise.race([recovers, performing.then(() => true), late]);
        if (first === 'late') throw doesNotRecover(destination, within);
    } catch (error) {
        performing.catch(() => undefined); // told already, or its end is of no interest: the call may be made again
        throw error;
    } finally {
        over.abort();
    }
    const noCookie = new Uint8Array();
    const [finished] = await Promise.all([arrival.finish(again, noCookie, false, signal), performing]);
    if (!(await completed)) return; // the source went before it could say so: its QEMU has ended by itself
    await departure.confirm(again, finished.cookie, false, signal);
}

function doesNotRecover(host: HostName, within: Milliseconds): HypervisorError {
    return new HypervisorError('timed-out', host, `${host} did not take the migration up again within ${within} ms`, {
        hint: 'see that both hosts reach each other on the migration network; then mig-run resume tries again',
    });
}

/** True when one of these is told; false when the events end without. */
async function heard(
    events: AsyncIterable<{ readonly type: string; readonly status?: string }>,
    wanted: readonly string[],
): Promise<boolean> {
    for await (const event of events) {
        if (event.type === 'migration-status' && wanted.includes(event.status ?? '')) return true;
    }
    return false;
}
