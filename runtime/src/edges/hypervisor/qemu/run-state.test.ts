import { expect, test } from 'vitest';
import { Reply } from './reply.js';
import { seenAs } from './run-state.js';

const mark = { run: 'r', epoch: 1, process: { pid: 1, started: '2' } };
const seen = (
    status: string,
    migration: string | undefined,
    more: { readonly bytes?: number; readonly mirrored?: boolean; readonly mark?: typeof mark & { receiving?: true; stopped?: true } } = {},
) => {
    const { state, reason, job } = seenAs(
        new Reply({ status, running: status === 'running' }),
        new Reply({ ...(migration !== undefined && { status: migration }), ram: { 'postcopy-bytes': more.bytes ?? 0 } }),
        more.mark,
        more.mirrored,
    );
    return `${state}, ${reason}, ${job}`;
};

test.each([
    ['a guest that runs', 'running', undefined, {}, 'running, other, none'],
    ['one whose last migration failed', 'running', 'failed', {}, 'running, other, none'],
    ['one that is sent', 'running', 'active', {}, 'running, other, unattended'],
    ['one whose disks are copied', 'running', undefined, { mirrored: true }, 'running, other, unattended'],
    ['one that waits before its switch', 'finish-migrate', 'pre-switchover', { mirrored: true }, 'paused, migration, unattended'],
    ['one that its owner paused, whose disks are copied', 'paused', undefined, { mirrored: true }, 'paused, user, unattended'],
    ['one whose migration is being cancelled', 'running', 'cancelling', {}, 'running, other, outgoing'],
    ['one that arrived here', 'running', 'completed', {}, 'running, other, none'],
    ['one that runs here and whose pages come', 'running', 'postcopy-active', {}, 'running, postcopy, incoming'],
    ['one whose pages no longer come', 'running', 'postcopy-paused', {}, 'running, postcopy-failed, incoming'],
    ['one that waits for a stream', 'inmigrate', 'setup', {}, 'paused, migration, none'],
    ['one that has sent all', 'postmigrate', 'completed', {}, 'paused, migration, none'],
    ['one that has sent all, some of it in post-copy', 'postmigrate', 'completed', { bytes: 4096 }, 'paused, postcopy, none'],
    ['one that sends in post-copy', 'finish-migrate', 'postcopy-active', {}, 'paused, postcopy, outgoing'],
    ['one whose way was cut in post-copy', 'finish-migrate', 'postcopy-paused', {}, 'paused, postcopy-failed, outgoing'],
    ['one that sends its last pass', 'finish-migrate', 'device', {}, 'paused, migration, unattended'],
    [
        'one that has received all and waits for word',
        'paused',
        'completed',
        { mark: { ...mark, receiving: true } },
        'paused, received, none',
    ],
    ['one that may run and waits for word', 'paused', 'postcopy-active', { mark: { ...mark, receiving: true } }, 'paused, received, none'],
    ['one that may run no more', 'paused', 'postcopy-paused', { mark: { ...mark, receiving: true } }, 'paused, postcopy-failed, incoming'],
    ['one that its owner paused after it had arrived', 'paused', 'completed', { mark }, 'paused, user, none'],
    ['one that its owner paused', 'paused', undefined, {}, 'paused, user, none'],
    ['one that a run has stopped', 'paused', 'cancelled', { mark: { ...mark, stopped: true } }, 'paused, migration, none'],
    ['one that is sent while it stands still', 'paused', 'active', { mark: { ...mark, stopped: true } }, 'paused, migration, unattended'],
    ['one whose disk is full', 'io-error', undefined, {}, 'paused, user, none'],
    ['one that has shut down', 'shutdown', undefined, {}, 'other, other, none'],
] as const)('%s', (_, status, migration, more, expected) => {
    expect(seen(status, migration, more)).toBe(expected);
});
