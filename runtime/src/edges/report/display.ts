import type { MigrationEvent } from '../../core/index.js';

/** Shows events as they come. Disposed of, it leaves its output in order (cursor, last state). */
export interface ProgressDisplay extends Disposable {
    show(event: MigrationEvent): void;
}

/** Shows every event and gives all of them back when the run has ended. */
export async function follow(
    events: AsyncIterable<MigrationEvent> | Iterable<MigrationEvent>,
    display: ProgressDisplay,
): Promise<readonly MigrationEvent[]> {
    const all: MigrationEvent[] = [];
    using shown = display;
    for await (const event of events) {
        all.push(event);
        shown.show(event);
    }
    return all;
}
