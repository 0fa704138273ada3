import type { RecoveryRow } from './row.js';
import { askAgain, hold, neverStarted } from './words.js';

/** The source is gone, and the destination has never run the guest. */
export const sourceGone: readonly RecoveryRow[] = [
    {
        id: 'source-silent',
        finish: neverStarted,
        source: ['silent'],
        destination: 'any',
        ...askAgain,
        alarm: true,
        vmAt: undefined,
        because: 'the source cannot be asked; the destination never ran the VM',
    },
    {
        id: 'source-gone-copy',
        finish: neverStarted,
        source: ['absent', 'rebooted', 'shut-off', 'fenced'],
        destination: ['paused', 'received', 'busy', 'paused-by-user'],
        ...hold,
        because: 'the source no longer runs the VM, and the destination holds the only copy of its memory: a person decides',
    },
    {
        id: 'source-gone',
        finish: neverStarted,
        source: ['absent', 'rebooted', 'shut-off', 'fenced'],
        destination: ['absent', 'rebooted', 'shut-off', 'fenced', 'silent'],
        ...hold,
        because: 'the VM went down with its source before the destination could run it: start it again where its disks are',
    },
];
