import { mayHaveRun } from './recovery-rows/may-have-run.js';
import { postcopy } from './recovery-rows/postcopy.js';
import { ranThere } from './recovery-rows/ran-there.js';
import { runsHere } from './recovery-rows/runs-here.js';
import { sourceGone } from './recovery-rows/source-gone.js';
import { standsHere } from './recovery-rows/stands-here.js';
import { whateverJournaled } from './recovery-rows/whatever-journaled.js';
import type { RecoveryRow } from './recovery-rows/row.js';

export type { RecoveryRow };

/** Recovery of a move, in this order. Docs: safety.md rules 2, 3, 4, 6, 8 and 9. */
export const rows: readonly RecoveryRow[] = [
    ...whateverJournaled,
    ...postcopy,
    ...ranThere,
    ...runsHere,
    ...standsHere,
    ...sourceGone,
    ...mayHaveRun,
];
