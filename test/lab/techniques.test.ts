/**
 * The policies of examples/techniques, each technique and option by itself, on real daemons through the built mig-run:
 * what is asked is what the hypervisor has, and every VM is one and whole.
 */
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { MigrationEvent, MoveReport, Report } from '@mig/runtime/core';
import { labCommand, startGuest, type GuestSpec } from '../../runtime/src/edges/lab/door.js';
import { describeWithLab } from '../kit/lab.js';
import { Desk, root, type Ended } from '../kit/mig-run.js';
import { expectWhole } from '../kit/whole.js';

const policy = path.join(root, 'examples/techniques/policy.mig');

/** One for each technique, as examples/techniques/hosts.yaml has them. */
const guests: readonly Pick<GuestSpec, 'name' | 'dirtyPagesPerSecond' | 'hotSetMiB' | 'tags'>[] = [
    { name: 'plain1', dirtyPagesPerSecond: 256, hotSetMiB: 8, tags: { move: 'plain' } },
    { name: 'streams1', dirtyPagesPerSecond: 256, hotSetMiB: 8, tags: { move: 'streams' } },
    { name: 'slight1', dirtyPagesPerSecond: 6000, hotSetMiB: 16, tags: { move: 'differences' } },
    { name: 'busy1', dirtyPagesPerSecond: 6000, hotSetMiB: 32, tags: { move: 'throttled' } },
    { name: 'large1', dirtyPagesPerSecond: 2000, hotSetMiB: 16, tags: { move: 'pulled' } },
    { name: 'hot1', dirtyPagesPerSecond: 6000, hotSetMiB: 32, tags: { move: 'twice' } },
    { name: 'batch1', dirtyPagesPerSecond: 2000, hotSetMiB: 16, tags: { move: 'stopped' } },
    { name: 'shy1', dirtyPagesPerSecond: 1000, hotSetMiB: 16, tags: { move: 'gentle' } },
];

describeWithLab('every technique', (fixture) => {
    let desk: Desk;
    let run: Ended;
    let events: readonly MigrationEvent[];
    let report: Report;

    beforeAll(async () => {
        desk = await Desk.clear();
        for (const guest of guests)
            await startGuest(fixture.lab, 'kvm-a', { memoryMiB: 96, randomShare: 0.5, persistent: true, autostart: true, ...guest });
        run = await desk.migRun([policy, '--inventory', fixture.lab.inventoryPath, '--yes', '--json'], {
            through: labCommand(fixture.lab, []),
        });
        const lines = run.stdout.trim().split('\n');
        events = lines.slice(0, -1).map((line) => JSON.parse(line) as MigrationEvent);
        report = JSON.parse(lines.at(-1) ?? '') as Report;
    });
    afterAll(async () => desk[Symbol.asyncDispose]());

    const reportOf = (vm: string): MoveReport => {
        const found = report.moves.find((move) => move.vm === vm);
        if (!found) throw new Error(`no move of ${vm}: ${run.all}`);
        return found;
    };
    const of = <T extends MigrationEvent['type']>(vm: string, type: T) => {
        const { id } = reportOf(vm);
        return events.filter(
            (event): event is Extract<MigrationEvent, { type: T }> => event.type === type && 'move' in event && event.move === id,
        );
    };
    /** What was asked and what was read back, without caps, which change as moves start and end. */
    const settingsOf = (vm: string) =>
        reportOf(vm)
            .settings.filter(({ setting }) => !setting.endsWith('bandwidth'))
            .map(({ setting, asked, got, on }) => ({ setting, asked, got, on }));

    test('moves its VM, and every promise holds', () => {
        expect(report.moves.map(({ vm, outcome, error }) => ({ vm, outcome, error }))).toEqual(
            guests.map(({ name }) => ({ vm: name, outcome: 'moved' })),
        );
        expect(run.code).toBe(0);
        expect(report.notes).toEqual([]);
    });

    test.each(guests.map(({ name }) => name))('leaves %s one and whole', async (name) => {
        expect(await expectWhole(fixture.lab, name)).not.toBe('kvm-a');
    });

    test('streams and compression are as they were asked for, at both their figures', () => {
        expect(settingsOf('streams1')).toEqual([
            { setting: 'streams', asked: 2, got: 2, on: 'kvm-a' },
            { setting: 'compression', asked: 'zstd', got: 'zstd', on: 'kvm-a' },
            { setting: 'compression-level', asked: 3, got: 3, on: 'kvm-a' },
        ]);
    });

    test('pages that are sent again go as differences', () => {
        expect(settingsOf('slight1')).toEqual([
            { setting: 'compression-cache', asked: 2 ** 26, got: 2 ** 26, on: 'kvm-a' },
            { setting: 'compression', asked: 'xbzrle', got: 'xbzrle', on: 'kvm-a' },
        ]);
    });

    test('a guest is throttled from the start, and no more than was allowed', () => {
        expect(settingsOf('busy1')).toEqual([
            { setting: 'throttle-first', asked: 0.2, got: 0.2, on: 'kvm-a' },
            { setting: 'throttle-step', asked: 0.2, got: 0.2, on: 'kvm-a' },
            { setting: 'throttle-most', asked: 0.8, got: 0.8, on: 'kvm-a' },
        ]);
        const shares = of('busy1', 'progress').map(({ throttle }) => throttle ?? 0);
        expect(Math.max(...shares)).toBeGreaterThanOrEqual(0.2);
        expect(Math.max(...shares)).toBeLessThanOrEqual(0.8);
    });

    test('post-copy keeps to a cap of its own', () => {
        const caps = of('large1', 'setting-applied').flatMap((event) => (event.setting === 'postcopy-bandwidth' ? [event] : []));
        expect(caps.length).toBeGreaterThan(0);
        for (const { asked, agrees } of caps) expect({ asked: asked <= 25e6, agrees }).toEqual({ asked: true, agrees: true });
        expect(of('large1', 'postcopy-started')).toHaveLength(1);
    });

    test('a stopped guest stands still from the first byte', () => {
        const times = [...of('batch1', 'guest-stopped'), ...of('batch1', 'progress')].map(({ at, type }) => ({ at, type }));
        expect(times.toSorted((a, b) => a.at - b.at)[0]?.type).toBe('guest-stopped');
    });

    test('a rung gives a move another cap, within its share', () => {
        expect(of('shy1', 'rung-fired').map(({ action }) => action)).toEqual(expect.arrayContaining(['cap 80 Mbit/s', 'cap 160 Mbit/s']));
        const caps = of('shy1', 'setting-applied').flatMap((event) => (event.setting === 'bandwidth' ? [event.got ?? Infinity] : []));
        expect(Math.min(...caps)).toBeLessThanOrEqual(10e6);
        expect(Math.max(...caps)).toBeLessThanOrEqual(50e6);
    });
});
