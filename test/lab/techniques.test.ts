/**
 * The policies of examples/techniques, each technique and option by itself, on real daemons through the built mig-run:
 * what is asked is what the hypervisor has, and every VM is one and whole.
 */
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { mebibyte } from '@mig/language';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { MigrationEvent, MoveReport, Report } from '@mig/runtime/core';
import { labCommand, pathInHost, startGuest, type GuestSpec } from '../../runtime/src/edges/lab/door.js';
import { describeWithLab } from '../kit/lab.js';
import { Desk, root, toldBy, type Ended } from '../kit/mig-run.js';
import { virsh } from '../kit/virsh.js';
import { expectWhole } from '../kit/whole.js';

const policy = path.join(root, 'examples/techniques/policy.mig');

/** One for each technique, as examples/techniques/hosts.yaml has them. */
const guests: readonly (Pick<GuestSpec, 'name' | 'dirtyPagesPerSecond' | 'hotSetMiB' | 'tags'> & Partial<Pick<GuestSpec, 'memoryMiB'>>)[] =
    [
        { name: 'plain1', dirtyPagesPerSecond: 256, hotSetMiB: 8, tags: { move: 'plain' } },
        { name: 'streams1', dirtyPagesPerSecond: 256, hotSetMiB: 8, tags: { move: 'streams' } },
        { name: 'slight1', dirtyPagesPerSecond: 6000, hotSetMiB: 16, tags: { move: 'differences' } },
        { name: 'busy1', dirtyPagesPerSecond: 6000, hotSetMiB: 32, tags: { move: 'throttled' } },
        { name: 'large1', dirtyPagesPerSecond: 2000, hotSetMiB: 16, tags: { move: 'pulled' } },
        { name: 'hot1', memoryMiB: 192, dirtyPagesPerSecond: 6000, hotSetMiB: 32, tags: { move: 'twice' } },
        { name: 'batch1', dirtyPagesPerSecond: 2000, hotSetMiB: 16, tags: { move: 'stopped' } },
        { name: 'local1', dirtyPagesPerSecond: 256, hotSetMiB: 8, tags: { move: 'with_disks' } },
        { name: 'pooled1', dirtyPagesPerSecond: 256, hotSetMiB: 8, tags: { move: 'with_disks' } },
        { name: 'shy1', dirtyPagesPerSecond: 1000, hotSetMiB: 16, tags: { move: 'gentle' } },
    ];

describeWithLab('every technique', (fixture) => {
    let desk: Desk;
    let run: Ended;
    let events: readonly MigrationEvent[];
    let report: Report;
    /** What plans said of the disk before its image was as it has to be. */
    const refusals: string[] = [];
    const content = randomBytes(24 * mebibyte);

    beforeAll(async () => {
        desk = await Desk.clear();
        for (const guest of guests)
            await startGuest(fixture.lab, 'kvm-a', { memoryMiB: 96, randomShare: 0.5, persistent: true, autostart: true, ...guest });
        await attachDisk('local1', image, content);
        await attachDisk('pooled1', pooled, content);
        // Of the other hosts only kvm-b is made ready for the one, and only kvm-c for the other: by a pool, without an image.
        await mkdir(pathInHost(fixture.lab, 'kvm-c', poolPath), { recursive: true });
        await virsh(fixture.lab, 'kvm-c', 'pool-create-as', 'images', 'dir', '--target', poolPath);
        for (const size of [undefined, 8, 24]) {
            if (size !== undefined) await emptyImage('kvm-b', size * mebibyte);
            if (size !== 24) refusals.push((await planned('by_copy_of_disks')).all.replaceAll(/\s+/g, ' '));
        }
        run = await desk.migRun([policy, '--inventory', fixture.lab.inventoryPath, '--yes', '--json'], {
            through: labCommand(fixture.lab, []),
        });
        ({ events, report } = toldBy(run));
    });
    afterAll(async () => desk[Symbol.asyncDispose]());

    const image = '/var/lib/mig-lab/local1.raw';
    const poolPath = '/var/lib/mig-lab/pool';
    const pooled = `${poolPath}/pooled1.raw`;
    async function attachDisk(name: string, image: string, bytes: Buffer): Promise<void> {
        await mkdir(path.dirname(pathInHost(fixture.lab, 'kvm-a', image)), { recursive: true });
        await writeFile(pathInHost(fixture.lab, 'kvm-a', image), bytes);
        const how = ['--targetbus', 'virtio', '--subdriver', 'raw', '--cache', 'none', '--persistent'];
        await virsh(fixture.lab, 'kvm-a', 'attach-disk', name, image, 'vda', ...how);
    }
    async function emptyImage(host: string, size: number): Promise<void> {
        await writeFile(pathInHost(fixture.lab, host, image), '');
        await truncate(pathInHost(fixture.lab, host, image), size);
    }
    const planned = (name: string): Promise<Ended> =>
        desk.migRun(['plan', policy, '--policy', name, '--inventory', fixture.lab.inventoryPath], {
            through: labCommand(fixture.lab, []),
            env: { COLUMNS: '400' },
        });

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
    /** What was asked and what was read back, without caps and the limit of the stop, which change as moves go on. */
    const settingsOf = (vm: string) =>
        reportOf(vm)
            .settings.filter(({ setting }) => !setting.endsWith('bandwidth') && setting !== 'downtime-limit')
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

    test('a disk goes along, under its cap, where an image of its size waits for it and nowhere else', async () => {
        const [absent = '', unlike = ''] = refusals;
        for (const host of ['kvm-b', 'kvm-c']) expect(absent).toContain(`${host} has no image at ${image}, and no storage pool`);
        expect(unlike).toContain(`the image at ${image} on kvm-b has 8388608 bytes, and the disk 25165824 bytes`);
        expect(reportOf('local1')).toMatchObject({ outcome: 'moved', destination: 'kvm-b' });
        expect((await readFile(pathInHost(fixture.lab, 'kvm-b', image))).equals(content)).toBe(true);
        const caps = of('local1', 'setting-applied').flatMap((event) => (event.setting === 'disk-bandwidth' ? [event] : []));
        expect(caps.map(({ asked, got }) => [asked, got])).toEqual([[11 * mebibyte, 11 * mebibyte]]);
        // Disks and memory are told apart: the disk is on its way before any of the memory is.
        const first = of('local1', 'progress').find(({ disks }) => disks !== undefined);
        expect(first).toMatchObject({ disks: { total: 24 * mebibyte }, iteration: 0 });
        expect(first?.disks?.remaining).toBeGreaterThan(0);
    });

    test('a disk goes along without an image that waits for it where a pool of storage is: its daemon makes one', async () => {
        expect(reportOf('pooled1')).toMatchObject({ outcome: 'moved', destination: 'kvm-c' });
        expect((await readFile(pathInHost(fixture.lab, 'kvm-c', pooled))).equals(content)).toBe(true);
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

    // Content that is random does not compress, and how far a throttle has to go depends on what else runs here.
    test('what the simulator says of the traffic is what went over the wire', async () => {
        const { stdout } = await desk.migRun(['simulate', policy, '--json']);
        const said = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Report;
        for (const vm of ['plain1', 'slight1', 'large1', 'hot1', 'batch1', 'local1']) {
            const predicted = said.moves.find((move) => move.vm === vm)?.transferred ?? 0;
            expect(Math.abs((reportOf(vm).transferred ?? 0) / predicted - 1), vm).toBeLessThan(0.15);
        }
    });
});
