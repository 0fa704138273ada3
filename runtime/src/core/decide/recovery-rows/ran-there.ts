import type { RecoveryRow } from './row.js';
import { askAgain, before, hold, settled } from './words.js';

/** The destination runs the VM. */
export const ranThere: readonly RecoveryRow[] = [
    {
        id: 'runs-there-unasked',
        finish: before,
        source: 'any',
        destination: ['running'],
        ...hold,
        because: 'the destination runs the VM though this run never told it to: somebody else did',
    },
    {
        id: 'complete',
        finish: 'any',
        source: ['paused', 'paused-by-user'],
        destination: ['running'],
        ...settled,
        steps: ['remove-source', 'undefine-source', 'settle-arrival'],
        vmAt: 'destination',
        because: 'the destination runs the VM: the paused copy at the source is removed',
    },
    {
        id: 'complete-busy',
        finish: 'any',
        source: ['busy'],
        destination: ['running'],
        ...askAgain,
        vmAt: 'destination',
        because: 'the destination runs the VM; the source is still ending its part',
    },
    {
        id: 'complete-defined',
        finish: 'any',
        source: ['shut-off', 'rebooted'],
        destination: ['running'],
        ...settled,
        steps: ['undefine-source', 'settle-arrival'],
        vmAt: 'destination',
        because: 'the destination runs the VM; what is left at the source is a definition',
    },
    {
        id: 'complete-alone',
        finish: 'any',
        source: ['absent'],
        destination: ['running'],
        ...settled,
        steps: ['settle-arrival'],
        vmAt: 'destination',
        because: 'the destination runs the VM and the source has nothing of it',
    },
    {
        id: 'complete-source-silent',
        finish: 'any',
        source: ['silent', 'fenced'],
        destination: ['running'],
        ...askAgain,
        vmAt: 'destination',
        because: 'the destination runs the VM; the source cannot be asked, and is cleaned up when it answers',
    },
];
