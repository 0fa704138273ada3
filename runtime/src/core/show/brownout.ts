/** How long a guest ran slowed while it moved: throttled, or waiting for pages after a switch to post-copy. From the events alone. */
import { type Milliseconds, milliseconds } from '@mig/language';
import type { MoveEvent } from '../model/events.js';
import type { PlannedTechnique } from '../model/plan.js';

export interface Brownout {
    /** Undefined: throttling was asked for, and nothing says whether it came to it. */
    readonly throttledMs: Milliseconds | undefined;
    /** From the switch until all its pages had come; undefined where the end of it was not seen. */
    readonly postcopyMs: Milliseconds | undefined;
    /** Both together. */
    readonly totalMs: Milliseconds | undefined;
}

export function brownoutOf(events: readonly MoveEvent[], technique: PlannedTechnique): Brownout {
    const throttledMs = throttled(events, mayThrottle(technique));
    const postcopyMs = faulting(events);
    const totalMs = throttledMs === undefined || postcopyMs === undefined ? undefined : milliseconds(throttledMs + postcopyMs);
    return { throttledMs, postcopyMs, totalMs };
}

const mayThrottle = ({ options, ladder }: PlannedTechnique): boolean =>
    options.throttle !== undefined || ladder.some(({ action }) => action.kind === 'throttle');

/** What one look tells holds until the next, and ends with the phase. */
function throttled(events: readonly MoveEvent[], asked: boolean): Milliseconds | undefined {
    let total = 0;
    let since: number | undefined;
    let known = !asked;
    for (const event of events) {
        const ends =
            event.type === 'guest-stopped' || event.type === 'move-queued' || (event.type === 'phase-ended' && event.phase === 'perform');
        if (event.type !== 'progress' && !ends) continue;
        if (since !== undefined) total += Math.max(0, event.at - since);
        since = event.type === 'progress' && (event.throttle ?? 0) > 0 ? event.at : undefined;
        if (event.type === 'progress' && event.throttle !== undefined) known = true;
    }
    return known ? milliseconds(total) : undefined;
}

function faulting(events: readonly MoveEvent[]): Milliseconds | undefined {
    const switched = events.findLast((e) => e.type === 'postcopy-started');
    if (!switched) return milliseconds(0);
    // perform returns at the switch already; finish of libvirt when every page is there, that of plain QEMU as soon as the
    // guest runs. The source tells that it has sent them all.
    const later = events.filter((e) => e.at >= switched.at);
    const over =
        later.find((e) => e.type === 'job-completed') ??
        later.find((e) => e.type === 'phase-ended' && e.phase === 'finish' && e.error === undefined);
    return over && milliseconds(over.at - switched.at);
}
