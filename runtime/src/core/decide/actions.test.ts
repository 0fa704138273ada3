import { bytes, bytesPerSecond, milliseconds, type Rung, type TechniqueOptions } from '@mig/language';
import { describe, expect, test } from 'vitest';
import type { PlannedMove, PlannedTechnique } from '../model/plan.js';
import { actionsOf } from './actions.js';

const range = { source: 0, start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
const rung = (on: Rung['on'], action: Rung['action']): Rung => ({ on, and: undefined, action, range });

function actions(
    kind: PlannedTechnique['kind'],
    options: TechniqueOptions = {},
    ladder: readonly Rung[] = [],
    persistent = true,
    driver: 'libvirt' | 'qemu' = 'libvirt',
    more: Pick<PlannedMove, 'checks'> = {},
) {
    const move: Omit<PlannedMove, 'actions'> = {
        id: 'db',
        instance: 0,
        vm: { uuid: '11111111-1111-4111-8111-111111111111', name: 'db' },
        source: 'a',
        destination: 'b',
        memory: bytes(1),
        technique: { kind, name: undefined, options, ladder },
        route: { network: 'migration', address: '10.0.0.2', listen: '10.0.0.2' },
        after: [],
        gang: undefined,
        persistent,
        autostart: false,
        because: [],
        ...more,
    };
    return actionsOf(driver === 'qemu' ? { ...move, driver } : move, bytesPerSecond(1e8));
}

const calls = (of: ReturnType<typeof actions>) => of.map(({ on, call }) => `${on} ${call.replace('virDomain', '')}`);
const withOf = (of: ReturnType<typeof actions>, call: string) => of.find((action) => action.call === call)?.with ?? {};

describe('the calls of a plan', () => {
    test('in post-copy: the switch, finish upon it, and the definition only once the guest has arrived', () => {
        const all = actions('postcopy', { postcopyBandwidth: 20 * 1024 ** 2 });
        expect(calls(all)).toEqual([
            'a flock',
            'a SetMetadata',
            'a MigrateBegin3Params',
            'b MigratePrepare3Params',
            'a MigrateSetMaxSpeed',
            'a MigrateGetMaxSpeed',
            'a MigrateSetMaxSpeed',
            'a MigrateGetMaxSpeed',
            'a MigratePerform3Params',
            'a MigrateStartPostCopy',
            'b MigrateFinish3Params',
            'a MigrateConfirm3Params',
            'b DefineXMLFlags',
            'a UndefineFlags',
            'b SetMetadata',
        ]);
        expect(
            all.filter(({ call }) => call === 'virDomainMigrateSetMaxSpeed').map((one) => [one.with['bandwidth'], one.with['flags']]),
        ).toEqual([
            ['its share, at most 800 Mbit/s, in whole MiB/s', undefined],
            ['its share, at most 168 Mbit/s, in whole MiB/s', ['POSTCOPY']],
        ]);
        expect(withOf(all, 'virDomainMigrateBegin3Params')['flags']).toEqual(['LIVE', 'CHANGE_PROTECTION', 'POSTCOPY']);
        expect(withOf(all, 'virDomainMigrateFinish3Params')['when']).toBe('a says postcopy-active, or perform ends');
    });

    test('hybrid switches just before every page has been sent once', () => {
        expect(withOf(actions('hybrid'), 'virDomainMigrateStartPostCopy')['when']).toBe('just before every page has been sent once');
    });

    test('a transient guest has no definition to carry', () => {
        expect(calls(actions('postcopy', {}, [], false))).not.toContain('b DefineXMLFlags');
    });

    test('stop-and-copy is the same without LIVE', () => {
        expect(withOf(actions('stop-and-copy'), 'virDomainMigratePerform3Params')['flags']).toEqual([
            'PERSIST_DEST',
            'UNDEFINE_SOURCE',
            'CHANGE_PROTECTION',
        ]);
        expect(calls(actions('stop-and-copy'))).toEqual(calls(actions('precopy')));
    });

    test('streams with zstd, at both sides', () => {
        const all = actions('precopy', { streams: 4, compression: { method: 'zstd', level: 3 } });
        for (const call of ['virDomainMigrateBegin3Params', 'virDomainMigratePrepare3Params', 'virDomainMigratePerform3Params'])
            expect(withOf(all, call)).toMatchObject({ 'parallel.connections': 4, compression: 'zstd', 'compression.zstd.level': 3 });
        expect(withOf(all, 'virDomainMigratePrepare3Params')['flags']).toEqual([
            'LIVE',
            'PERSIST_DEST',
            'UNDEFINE_SOURCE',
            'COMPRESSED',
            'PARALLEL',
        ]);
    });

    test('xbzrle, whose cache is read back; and disks that go along', () => {
        const all = actions('precopy', { xbzrleCache: 64 * 1024 ** 2, storage: [{ mode: 'copy', disks: ['vda', 'vdb'] }] });
        expect(calls(all)).toContain('a MigrateGetCompressionCache');
        expect(withOf(all, 'virDomainMigrateBegin3Params')).toMatchObject({
            'compression.xbzrle.cache': 64 * 1024 ** 2,
            migrate_disks: ['vda', 'vdb'],
        });
    });

    test('what a ladder may do stands between perform and finish, each with when', () => {
        const ladder = [
            rung({ kind: 'iteration', iteration: 3 }, { kind: 'downtime', ms: 500 }),
            rung({ kind: 'stalled', iterations: 2 }, { kind: 'throttle', throttle: { initial: 0.2, step: 0.1, max: 0.8 } }),
            rung({ kind: 'stalled', iterations: 4 }, { kind: 'pause' }),
            rung({ kind: 'after', ms: 60_000 }, { kind: 'abort' }),
        ];
        const between = actions('precopy', {}, ladder).filter(({ phase }) => phase === 'perform');
        expect(between.slice(1).map((one) => [one.call, one.with['when']])).toEqual([
            ['virDomainMigrateSetMaxDowntime', 'while it sends; 300 ms once a pass leaves no more than that'],
            ['virDomainMigrateSetMaxDowntime', 'at iteration 3'],
            ['virDomainQemuMonitorCommand', 'stalled for 2 iterations'],
            ['virDomainSuspend', 'stalled for 4 iterations'],
            ['virDomainAbortJobFlags', 'after 1 min'],
        ]);
        expect(between[3]?.with).toMatchObject({ 'cpu-throttle-initial': 20, 'cpu-throttle-increment': 10, 'max-cpu-throttle': 80 });
    });

    test('a rung that switches prepares both ends for it, but not where that is forbidden', () => {
        const ladder = [rung({ kind: 'stalled', iterations: 2 }, { kind: 'switch-to-postcopy' })];
        const all = actions('precopy', {}, ladder);
        expect(withOf(all, 'virDomainMigrateStartPostCopy')['when']).toBe('stalled for 2 iterations');
        expect(withOf(all, 'virDomainMigrateBegin3Params')['flags']).toContain('POSTCOPY');
        expect(calls(actions('precopy', { never: ['postcopy'] }, ladder))).not.toContain('a MigrateStartPostCopy');
    });
});

describe('the commands of a plan between hosts of plain QEMU', () => {
    const qemu = (kind: PlannedTechnique['kind'], options: TechniqueOptions = {}, ladder: readonly Rung[] = []) =>
        actions(kind, options, ladder, false, 'qemu');

    test('copy disks before the memory, and end that while the guest stands still', () => {
        const storage = [
            { mode: 'copy', disks: ['vda'], cap: 2e7 },
            { mode: 'preseeded', disks: ['vdb'] },
            { mode: 'shared', disks: ['vdc'] },
        ] as const;
        const all = qemu('precopy', { storage });
        expect(withOf(all, 'migrate-set-capabilities')['on']).toContain('pause-before-switchover');
        const disks = /make images|nbd|block|^. migrate(-incoming|-continue)?$|cont/;
        expect(calls(all).filter((call) => disks.test(call))).toEqual([
            'b make images',
            'b nbd-server-start',
            'b block-export-add',
            'b block-export-add',
            'b migrate-incoming',
            'a blockdev-add',
            'a blockdev-mirror',
            'a blockdev-add',
            'a blockdev-mirror',
            'a migrate',
            'a block-job-cancel',
            'a block-job-cancel',
            'a migrate-continue',
            'b nbd-server-stop',
            'b cont',
        ]);
        const mirrors = all.filter(({ call }) => call === 'blockdev-mirror').map((one) => one.with);
        expect(mirrors.map(({ disk, sync, speed }) => [disk, sync, speed])).toEqual([
            ['vda', 'full', 'at most 160 Mbit/s'],
            ['vdb', 'top', 'at most 640 Mbit/s'],
        ]);
        expect(withOf(all, 'make images')['disks']).toEqual(['vda']);
        expect(calls(qemu('precopy')).filter((call) => /nbd|block/.test(call))).toEqual([]);
        const encrypted = qemu('precopy', { storage, tls: true });
        for (const call of ['nbd-server-start', 'blockdev-add']) expect(withOf(encrypted, call)['tls-creds']).toBe('mig-run-tls');
    });

    test('start the same machine elsewhere, and run it there before the source is ended', () => {
        expect(calls(qemu('precopy')).filter((call) => !/query|settings/.test(call))).toEqual([
            'a flock',
            'a write',
            'a migrate-set-capabilities',
            'a migrate-set-parameters',
            'b run',
            'b write',
            'b migrate-set-capabilities',
            'b migrate-set-parameters',
            'b migrate-incoming',
            'a migrate-set-parameters',
            'a migrate',
            // The limit by which the guest is stopped: low, as there is a cap.
            'a migrate-set-parameters',
            'b cont',
            'a quit',
            'b remove',
        ]);
        expect(withOf(qemu('precopy'), 'migrate-incoming')['uri']).toBe('tcp:10.0.0.2:49152,to=49215');
        expect(withOf(qemu('precopy'), 'cont')['when']).toBe('a says completed');
    });

    test('in post-copy: the switch, and the word to run upon it', () => {
        const all = qemu('hybrid', { postcopyBandwidth: 20 * 1024 ** 2 });
        expect(withOf(all, 'migrate-start-postcopy')['when']).toBe('when every page has been sent once');
        expect(withOf(all, 'cont')['when']).toBe('a says postcopy-active, or completed');
        expect(withOf(all, 'migrate-set-capabilities')['on']).toEqual(['events', 'return-path', 'postcopy-ram']);
        expect(all.some((one) => one.with['max-postcopy-bandwidth'] !== undefined)).toBe(true);
    });

    test('of options and rungs, by QEMU’s own names', () => {
        const after = { kind: 'after', ms: 1000 } as const;
        const ladder = [
            rung(after, { kind: 'throttle', throttle: { initial: 0.2, step: 0.1, max: 0.6 } }),
            rung(after, { kind: 'pause' }),
            rung(after, { kind: 'abort' }),
        ];
        const all = qemu('precopy', { streams: 4, compression: { method: 'zstd', level: 3 } }, ladder);
        expect(withOf(all, 'migrate-set-parameters')).toMatchObject({
            'multifd-channels': 4,
            'multifd-compression': 'zstd',
            'multifd-zstd-level': 3,
            // Only the rung throttles: until then it is held low.
            'cpu-throttle-initial': 1,
        });
        expect(all.find((one) => one.with['cpu-throttle-initial'] === 20)?.with['when']).toBe('after 1 s');
        expect(calls(all)).toEqual(expect.arrayContaining(['a stop', 'a migrate_cancel']));
    });

    test('a guest’s agent is asked where the VM has arrived, by whatever reaches it there', () => {
        const checks = [{ check: { kind: 'agent' }, from: undefined, withinMs: milliseconds(5000), otherwise: 'report' }] as const;
        const asked = (driver: 'libvirt' | 'qemu') =>
            actions('precopy', {}, [], false, driver, { checks }).find(({ phase }) => phase === 'verify');
        expect(asked('qemu')).toMatchObject({ on: 'b', call: 'guest-ping', with: { vm: 'db', within: '5 s' } });
        expect(asked('libvirt')).toMatchObject({
            on: 'b',
            call: 'virDomainQemuAgentCommand',
            with: { command: 'guest-ping', within: '5 s' },
        });
    });

    test('with TLS each end is given its certificates before the migration is set to them, and they go once it is over', () => {
        const all = qemu('precopy', { tls: true });
        const objects = all.filter(({ call }) => call.startsWith('object'));
        expect(objects.map((one) => [one.on, one.call, one.with['id'], one.with['endpoint']])).toEqual([
            ['a', 'object-add', 'mig-run-tls', 'client'],
            ['b', 'object-add', 'mig-run-tls', 'server'],
            ['b', 'object-del', 'mig-run-tls', undefined],
        ]);
        const set = all.filter((one) => one.with['tls-creds'] === 'mig-run-tls');
        expect(set.map(({ on, call }) => `${on} ${call}`)).toEqual(['a migrate-set-parameters', 'b migrate-set-parameters']);
        for (const { on } of set)
            expect(calls(all).indexOf(`${on} object-add`)).toBeLessThan(calls(all).indexOf(`${on} migrate-set-parameters`));
        expect(qemu('precopy').some((one) => 'tls-creds' in one.with)).toBe(false);
    });
});
