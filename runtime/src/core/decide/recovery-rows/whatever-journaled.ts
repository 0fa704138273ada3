import type { RecoveryRow } from './row.js';
import { hold } from './words.js';

/** Rows that hold whatever the journal says. */
export const whateverJournaled: readonly RecoveryRow[] = [
    {
        id: 'two-run',
        finish: 'any',
        source: ['running', 'sending', 'unattended'],
        destination: ['running', 'sending'],
        ...hold,
        because: 'the VM runs on both hosts: stop one of them by hand, now, and check its disks',
    },
    {
        id: 'foreign-source',
        finish: 'any',
        source: ['foreign'],
        destination: 'any',
        ...hold,
        because: 'another run moves the VM at its source; it decides',
    },
    {
        id: 'foreign-destination',
        finish: 'any',
        source: 'any',
        destination: ['foreign'],
        ...hold,
        because: 'another run moves the VM at its destination; it decides',
    },
];
