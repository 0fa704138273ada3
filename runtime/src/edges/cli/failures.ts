import type { MigrationError } from '../../core/index.js';
import type { ExitName } from './exit-codes.js';

/** Codes of errors by what the process ends with; any other is a fault of the command line's own making. */
const exits: Readonly<Record<string, ExitName>> = {
    'file-unreadable': 'usage',
    'inventory-missing': 'usage',
    'nobody-to-ask': 'usage',
    'unknown-policy': 'usage',
    'unknown-host': 'usage',
    'rule-unknown': 'usage',
    'run-unknown': 'usage',
    'run-ended': 'usage',
    'run-owned': 'journal',
    'file-unwritable': 'usage',
    'metrics-unusable': 'usage',
    'nothing-to-save': 'usage',
    'plan-altered': 'stale',
    'not-built': 'noPlan',
    'host-unreachable': 'host',
    'host-key-mismatch': 'host',
    'host-key-unknown': 'host',
    'authentication-failed': 'host',
    'socket-missing': 'host',
    'socket-forbidden': 'host',
    'hypervisor-too-old': 'host',
    'feature-missing': 'host',
    'host-lost': 'host',
    'timed-out': 'host',
    'vm-locked': 'host',
    'plan-stale': 'stale',
};

export function exitOf(error: MigrationError): ExitName {
    if (error.code.startsWith('journal-')) return 'journal';
    if (error.code.startsWith('lab-')) return 'usage';
    return exits[error.code] ?? 'broken';
}
