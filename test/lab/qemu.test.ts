/** Plain QEMU without libvirt: the driver `qemu`, from the first look to the end of a move, on real processes. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { MigrationEvent, Report, Snapshot } from '@mig/runtime/core';
import { labCommand, pathInHost, qmpPath, startPlainGuest, stopPlainGuest } from '../../runtime/src/edges/lab/door.js';
import { struckAt } from '../kit/killed.js';
import { inHost } from '../kit/lab-state.js';
import { describeWithLab } from '../kit/lab.js';
import { Desk } from '../kit/mig-run.js';
import { expectWholePlain, plainInventory } from '../kit/plain.js';

const memoryMiB = 192;
const pages = (memoryMiB * 1024) / 4;

const policy = (technique: string, clauses = 'bandwidth { total 200 Mbit/s }'): string => `policy drain {
  when host is in maintenance
  move vms on host
  to hosts
  using ${technique}
  ${clauses}
  require downtime <= 500 ms
  on failure leave and report
}
`;

describeWithLab('hosts that run plain QEMU', (fixture) => {
    let desk: Desk;
    beforeAll(async () => {
        desk = await Desk.clear();
        await desk.write('hosts.yaml', await plainInventory(fixture.lab));
    });
    afterAll(async () => desk[Symbol.asyncDispose]());

    const migRun = (...args: readonly string[]) => desk.migRun([...args, '--inventory', 'hosts.yaml'], { through: labCommand(fixture.lab, []) });
    const start = (name: string, dirtyPagesPerSecond: number, more: readonly string[] = []) =>
        startPlainGuest(fixture.lab, 'kvm-a', { name, memoryMiB, randomShare: 0.8, dirtyPagesPerSecond, hotSetMiB: 32, more });
    const stop = (name: string) => stopPlainGuest(fixture.lab, name).catch(() => undefined);

    async function run(technique: string, clauses?: string): Promise<{ readonly events: readonly MigrationEvent[]; readonly report: Report; readonly code: number | null }> {
        await desk.write('drain.mig', policy(technique, clauses));
        const { stdout, stderr, code } = await migRun('drain.mig', '--yes', '--json');
        expect(stderr).toBe('');
        const lines = stdout.trim().split('\n');
        const events = lines.slice(0, -1).map((line) => JSON.parse(line) as MigrationEvent);
        return { events, report: JSON.parse(lines.at(-1) ?? '') as Report, code };
    }

    describe('a look', () => {
        afterAll(async () => {
            for (const name of ['db1', 'nameless']) await stop(name);
        });

        test('finds every process, its figures, and what stands against moving those that cannot be driven', async () => {
            await start('db1', 2000);
            const odd = 'mkdir -p /run/odd && cd /run/odd && exec qemu-system-x86_64 -display none -machine none -S -daemonize "$@"';
            const uuid = '6fd1c1c2-6a55-4a7c-8a5e-0d6f6f6f0001';
            const oddOnes: readonly (readonly string[])[] = [
                ['-name', 'no-uuid', '-qmp', 'unix:no-uuid.qmp,server=on,wait=off', '-pidfile', '/run/odd/1.pid'],
                ['-name', 'no-socket', '-uuid', uuid, '-pidfile', '/run/odd/2.pid'],
            ];
            for (const words of oddOnes) await inHost(fixture.lab, 'kvm-b', 'sh', '-c', odd, 'sh', ...words);
            try {
                const { stdout, stderr, code } = await migRun('observe', '--all', '--json');
                expect(stderr).toBe('');
                expect(code).toBe(0);
                const snapshot = JSON.parse(stdout) as Snapshot;
                expect(snapshot.hosts.map(({ driver, versions }) => [driver, versions.libvirt, versions.qemu?.split('.')[0]])).toEqual(
                    Array.from({ length: 3 }, () => ['qemu', undefined, '10']),
                );
                const vm = (name: string) => snapshot.vms.find((one) => one.name === name);
                expect(vm('db1')).toMatchObject({
                    host: 'kvm-a',
                    state: 'running',
                    memory: memoryMiB * 2 ** 20,
                    vcpus: 1,
                    tags: { role: 'db' },
                    blockers: [],
                });
                expect(vm('db1')?.machine).toMatch(/^pc-i440fx-10/);
                expect(vm('db1')?.cpu).toBeGreaterThan(0);
                expect(vm('db1')?.dirtyRate).toBeGreaterThan(0);
                expect(vm('no-uuid')?.blockers).toEqual([expect.objectContaining({ cure: 'start it with -uuid' })]);
                expect(vm('no-socket')?.blockers).toEqual([
                    expect.objectContaining({ reason: 'it has no QMP socket', cure: expect.stringMatching(/-qmp unix:/) as unknown }),
                ]);
                const told = snapshot.unknown.map(({ about, why }) => `${about} ${why}`).join('\n');
                expect(told).toMatch(/vm:no-uuid .*without a UUID.*-uuid/);
                expect(told).toMatch(/vm:no-socket .*no QMP socket/);
            } finally {
                await inHost(fixture.lab, 'kvm-b', 'sh', '-c', 'kill -KILL $(cat /run/odd/1.pid) $(cat /run/odd/2.pid)');
            }
        });

        test('a monitor that another client holds is told so, and the plan says why the VM stays', async () => {
            const other = connect({ path: pathInHost(fixture.lab, 'kvm-a', qmpPath('db1')) });
            try {
                await once(other, 'data');
                await desk.write('drain.mig', policy('precopy'));
                const plan = await migRun('plan', 'drain.mig');
                expect(plan.stdout + plan.stderr).toMatch(/db1.*\/run\/qemu\/db1\.qmp of kvm-a says nothing.*another client holds it/s);
                expect(plan.code).not.toBe(0);
            } finally {
                other.destroy();
            }
        });
    });

    describe('a move', () => {
        beforeEach(async () => {
            await stop('db1');
        });

        test('by pre-copy: the same machine runs on elsewhere, and its source is gone', async () => {
            await start('db1', 500);
            const { events, report, code } = await run('precopy');
            expect(report.moves[0]).toMatchObject({ outcome: 'moved', promises: [{ metric: 'downtime', verdict: 'held' }] });
            expect(code).toBe(0);
            const caps = events.filter((event) => event.type === 'setting-applied' && event.setting === 'bandwidth');
            expect(caps.length).toBeGreaterThan(0);
            for (const cap of caps) expect(cap).toMatchObject({ agrees: true });
            expect(await expectWholePlain(fixture.lab, 'db1')).not.toBe('kvm-a');
        });
    });
});
void pages;
void struckAt;
