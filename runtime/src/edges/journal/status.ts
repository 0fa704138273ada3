import type { Journal } from './journal.js';
import { liveness } from './owner.js';
import type { RunRecord } from './records.js';

export interface RunStatus extends RunRecord {
    /**
     * `ended`; `running` by a living process; `interrupted`: its process is gone and something may be half done;
     * `elsewhere`: it belongs to another machine, which cannot be asked from here.
     */
    readonly state: 'ended' | 'running' | 'interrupted' | 'elsewhere';
}

/** Every run that the journal knows, newest first. Reads only; can be asked while a run is under way in another process. */
export function status(journal: Journal): readonly RunStatus[] {
    return journal.runs().map(withState);
}

export function statusOf(journal: Journal, run: string): RunStatus {
    return withState(journal.run(run));
}

function withState(run: RunRecord): RunStatus {
    if (run.endedAt !== undefined) return { ...run, state: 'ended' };
    const owner = liveness(run.owner);
    return { ...run, state: owner === 'alive' ? 'running' : owner === 'dead' ? 'interrupted' : 'elsewhere' };
}
