import type { EpochMs } from '@mig/language';
import type { MigrationEvent } from '../../core/index.js';
import { openMetrics } from './outlet.js';
import { RunMetrics } from './run-metrics.js';

/** Passes events on as they come, and tells their figures to whoever asks for them until the last. */
export async function* withMetrics(
    to: string,
    events: AsyncIterable<MigrationEvent>,
    now: () => EpochMs,
    complain: (message: string) => void,
): AsyncGenerator<MigrationEvent, void, undefined> {
    const metrics = new RunMetrics();
    await using _outlet = await openMetrics(to, () => metrics.text(now()), complain);
    for await (const event of events) {
        metrics.hear(event);
        yield event;
    }
}
