/** What QEMU's run state and its migration's status, with a run's mark, say of a VM at one host. Pure. */
import type { Presence } from '../port.js';
import type { Mark } from './mark.js';
import type { Reply } from './reply.js';

/** Statuses of a migration that goes on (QEMU: MigrationStatus). */
const underWay: ReadonlySet<string> = new Set(['setup', 'active', 'device', 'pre-switchover', 'wait-unplug', 'colo']);
const inPostcopy: ReadonlySet<string> = new Set(['postcopy-active', 'postcopy-device']);
const postcopyBroken: ReadonlySet<string> = new Set(['postcopy-paused', 'postcopy-recover', 'postcopy-recover-setup']);

/** It goes on, or waits to be taken up again. */
export const isOutgoing = (status: string | undefined): boolean =>
    status !== undefined && (underWay.has(status) || inPostcopy.has(status) || postcopyBroken.has(status) || status === 'cancelling');

type Seen = Pick<Extract<Presence, { kind: 'present' }>, 'state' | 'reason' | 'job'>;

/**
 * `query-status` and `query-migrate` of one QEMU. A QEMU that has received says `paused`, its migration `completed` or in
 * post-copy, until it is told to run its guest; one that has sent says `postmigrate`. `mirrored`: a run has begun to copy
 * its disks, and mirrors go on by themselves.
 */
export function seenAs(status: Reply, migrate: Reply, mark: Mark | undefined, mirrored = false): Seen {
    const run = status.at('status').text ?? '';
    const migration = migrate.at('status').text ?? 'none';
    const job: Seen['job'] = migration === 'cancelling' ? 'outgoing' : underWay.has(migration) || mirrored ? 'unattended' : 'none';
    switch (run) {
        case 'running':
            if (inPostcopy.has(migration)) return { state: 'running', reason: 'postcopy', job: 'incoming' };
            if (postcopyBroken.has(migration)) return { state: 'running', reason: 'postcopy-failed', job: 'incoming' };
            return { state: 'running', reason: 'other', job };
        // It waits for the stream, or reads it: it ends with its process, whatever the source does.
        case 'inmigrate':
            return { state: 'paused', reason: 'migration', job: 'none' };
        case 'finish-migrate':
            return atSource(migration, migrate, job === 'none' ? 'outgoing' : job);
        case 'postmigrate':
            return atSource(migration, migrate, 'none');
        case 'paused':
            if (mark?.receiving === true) {
                if (postcopyBroken.has(migration)) return { state: 'paused', reason: 'postcopy-failed', job: 'incoming' };
                return { state: 'paused', reason: 'received', job: 'none' };
            }
            if (inPostcopy.has(migration)) return { state: 'paused', reason: 'postcopy', job: 'incoming' };
            if (postcopyBroken.has(migration)) return { state: 'paused', reason: 'postcopy-failed', job: 'incoming' };
            return { state: 'paused', reason: mark?.stopped === true ? 'migration' : 'user', job };
        case 'prelaunch':
        case 'io-error':
        case 'watchdog':
        case 'debug':
            return { state: 'paused', reason: 'user', job };
        default:
            return { state: 'other', reason: 'other', job };
    }
}

/** Its guest was stopped by the migration. Whether it has switched to post-copy is told by what it has sent since. */
function atSource(migration: string, migrate: Reply, job: Seen['job']): Seen {
    if (postcopyBroken.has(migration)) return { state: 'paused', reason: 'postcopy-failed', job };
    const switched =
        inPostcopy.has(migration) ||
        (migrate.at('ram', 'postcopy-bytes').number ?? 0) > 0 ||
        (migrate.at('ram', 'postcopy-requests').number ?? 0) > 0;
    return { state: 'paused', reason: switched ? 'postcopy' : 'migration', job };
}
