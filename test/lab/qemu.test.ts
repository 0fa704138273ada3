/** Plain QEMU without libvirt: the driver `qemu`, from the first look to the end of a move, on real processes. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { MigrationEvent, Report, Snapshot } from '@mig/runtime/core';
import { newAuthority } from '../../runtime/src/edges/hypervisor/host/testing/authority.js';
import { labCommand, pathInHost, qmpPath, startPlainGuest, stopPlainGuest } from '../../runtime/src/edges/lab/door.js';
import { certify } from '../kit/certificates.js';
import { struckAt } from '../kit/killed.js';
import { inHost } from '../kit/lab-state.js';
import { describeWithLab } from '../kit/lab.js';
import { Desk, toldBy } from '../kit/mig-run.js';
import { expectWholePlain, plainInventory } from '../kit/plain.js';

const memoryMiB = 96;
const pages = (memoryMiB * 1024) / 4;

const policy = (technique: string, promise = 'require downtime <= 500 ms'): string => `policy drain {
  when host is in maintenance
  move vms on host
  to hosts
  using ${technique}
  bandwidth { total 200 Mbit/s }
  ${promise}
  on failure leave and report
}
`;

describeWithLab('hosts that run plain QEMU', (fixture) => {
    let desk: Desk;
    beforeAll(async () => {
        desk = await Desk.clear();
        const elsewhere = '/srv/pki';
        await desk.write(
            'hosts.yaml',
            await plainInventory(fixture.lab, (hosts) => {
                for (const host of Object.values(hosts)) host['tls_directory'] = elsewhere;
            }),
        );
        await using authority = await newAuthority();
        for (const { name } of fixture.lab.hosts) await certify(fixture.lab, authority, name, { directory: elsewhere });
    });
    afterAll(async () => desk[Symbol.asyncDispose]());

    const migRun = (...args: readonly string[]) =>
        desk.migRun([...args, '--inventory', 'hosts.yaml'], { through: labCommand(fixture.lab, []) });
    const start = (name: string, dirtyPagesPerSecond: number, more: readonly string[] = []) =>
        startPlainGuest(fixture.lab, 'kvm-a', { name, memoryMiB, randomShare: 0.8, dirtyPagesPerSecond, hotSetMiB: 32, more });
    const stop = (name: string) => stopPlainGuest(fixture.lab, name).catch(() => undefined);

    async function run(
        technique: string,
        promise?: string,
    ): Promise<{ readonly events: readonly MigrationEvent[]; readonly report: Report; readonly code: number | null }> {
        await desk.write('drain.mig', policy(technique, promise));
        const ended = await migRun('drain.mig', '--yes', '--json');
        expect(ended.stderr).toBe('');
        return { ...toldBy(ended), code: ended.code };
    }

    describe('a look', () => {
        afterAll(async () => {
            for (const name of ['db1', 'nameless']) await stop(name);
        });

        test('finds every process, its figures, and what stands against moving those that cannot be driven', async () => {
            await start('db1', 2000);
            const figures = 'where vm.dirty_rate > 1 MiB/s and vm.cpu > 0%';
            await desk.write('look.mig', policy('precopy').replace('on host\n', `on host ${figures}\n`));
            const odd = 'mkdir -p /run/odd && cd /run/odd && exec qemu-system-x86_64 -display none -machine none -S -daemonize "$@"';
            const uuid = '6fd1c1c2-6a55-4a7c-8a5e-0d6f6f6f0001';
            const oddOnes: readonly (readonly string[])[] = [
                ['-name', 'no-uuid', '-qmp', 'unix:/run/odd/no-uuid.qmp,server=on,wait=off', '-pidfile', '/run/odd/1.pid'],
                ['-name', 'no-socket', '-uuid', uuid, '-pidfile', '/run/odd/2.pid'],
            ];
            for (const words of oddOnes) await inHost(fixture.lab, 'kvm-b', 'sh', '-c', odd, 'sh', ...words);
            try {
                const { stdout, stderr, code } = await migRun('observe', 'look.mig', '--json');
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

        test('by pre-copy: the same machine runs on elsewhere under its cap, and its source is gone', async () => {
            await start('db1', 500);
            const { events, report, code } = await run('precopy');
            expect(report.moves[0]).toMatchObject({ outcome: 'moved', promises: [{ metric: 'downtime', verdict: 'held' }] });
            expect(code).toBe(0);
            const { movedOut = 0, sent = 0 } = report.links.find(({ host }) => host === 'kvm-a') ?? {};
            expect(movedOut).toBeGreaterThan(0);
            expect(sent).toBeGreaterThan(movedOut);
            const caps = events.filter((event) => event.type === 'setting-applied' && event.setting === 'bandwidth');
            expect(caps.length).toBeGreaterThan(0);
            for (const cap of caps) expect(cap).toMatchObject({ agrees: true });
            expect(await expectWholePlain(fixture.lab, 'db1')).not.toBe('kvm-a');
            const [argv] = await commandLines('db1');
            // An alias means another machine elsewhere: what runs is named.
            expect(argv).toMatch(/-machine pc-i440fx-10\.0,accel=tcg /);
            expect(argv).toMatch(/-S -incoming defer/);
        });

        test.each([
            ['post-copy', 'postcopy', 1],
            ['hybrid copy with a ladder', 'hybrid { after 5 min: abort }', 2],
            ['a rung of pre-copy', 'precopy { after 2 s: switch to postcopy }', 2],
        ] as const)(
            'by %s: the guest goes on within its promise, and pages cross no more often than they must',
            async (_, technique, most) => {
                await start('db1', 2000);
                const { events, report, code } = await run(technique);
                const at = (type: MigrationEvent['type']): number => events.findIndex((event) => event.type === type);
                expect(at('postcopy-started')).toBeGreaterThan(0);
                const finish = events.findIndex((event) => event.type === 'phase-entered' && event.phase === 'finish');
                expect(finish).toBeGreaterThan(at('postcopy-started'));
                expect(finish).toBeLessThan(at('job-completed'));
                expect(report.moves[0]).toMatchObject({ outcome: 'moved', promises: [{ metric: 'downtime', verdict: 'held' }] });
                expect(code).toBe(0);
                const job = events.find((event) => event.type === 'job-completed');
                expect((job?.normalPages ?? Infinity) + (job?.zeroPages ?? Infinity)).toBeLessThanOrEqual(most * pages * 1.02);
                const efforts = events.flatMap((event) => (event.type === 'effort' ? [event] : []));
                expect(efforts.map(({ side }) => side).toSorted()).toEqual(['destination', 'source']);
                for (const { cpuMs } of efforts) expect(cpuMs).toBeGreaterThan(0);
                expect(await expectWholePlain(fixture.lab, 'db1')).not.toBe('kvm-a');
            },
        );

        test('a rung that throttles is carried out by QEMU itself', async () => {
            await start('db1', 8000);
            const ladder = ['after 1 s: throttle 50% step 10% up to 80%', 'after 30 s: downtime 2 s', 'after 90 s: abort'];
            const { events, report } = await run(`precopy {\n    ${ladder.join('\n    ')}\n  }`, '');
            expect(events.some((event) => event.type === 'rung-fired' && /throttle/.test(event.action))).toBe(true);
            const throttles = events.flatMap((event) =>
                event.type === 'progress' && event.throttle !== undefined ? [event.throttle] : [],
            );
            expect(Math.max(...throttles)).toBeGreaterThanOrEqual(0.5);
            expect(Math.max(...throttles)).toBeLessThanOrEqual(0.8);
            expect(report.moves[0]?.outcome).toBe('moved');
            expect(await expectWholePlain(fixture.lab, 'db1')).not.toBe('kvm-a');
        });
    });

    describe('options', () => {
        const small = ['still1', 'streams1', 'cached1'] as const;
        let report: Report;
        let events: readonly MigrationEvent[] = [];
        beforeAll(async () => {
            await stop('db1');
            for (const name of small)
                await startPlainGuest(fixture.lab, 'kvm-a', {
                    name,
                    memoryMiB: 64,
                    randomShare: 0.5,
                    dirtyPagesPerSecond: 256,
                    hotSetMiB: 8,
                });
            const one = (name: string, technique: string): string =>
                `policy ${name} {\n  when host is in maintenance\n  move vms on host where vm.name == "${name}"\n  to hosts\n  using ${technique}\n}\n`;
            await desk.write(
                'options.mig',
                [
                    one('still1', 'stop-and-copy'),
                    one('streams1', 'precopy { streams 2  compression zstd level 3  tls }'),
                    one('cached1', 'precopy { xbzrle cache 32 MiB }'),
                ].join(''),
            );
            const ended = await migRun('options.mig', '--yes', '--json');
            expect(ended.stderr).toBe('');
            ({ events, report } = toldBy(ended));
        });
        afterAll(async () => {
            for (const name of small) await stop(name);
        });

        test.each(small)('of %s are taken, and it arrives one and whole', async (name) => {
            expect(report.moves.find(({ vm }) => vm === name)).toMatchObject({ outcome: 'moved' });
            expect(await expectWholePlain(fixture.lab, name)).not.toBe('kvm-a');
        });

        test('are read back from QEMU: streams, compression with its level, encryption, the cache of xbzrle', () => {
            const read = (name: string) =>
                report.moves
                    .find(({ vm }) => vm === name)
                    ?.settings.filter(({ setting }) => !setting.endsWith('bandwidth') && setting !== 'downtime-limit')
                    .map(({ setting, asked, got, agrees }) => ({ setting, asked, got, agrees }));
            expect(read('streams1')).toEqual([
                { setting: 'streams', asked: 2, got: 2, agrees: true },
                { setting: 'compression', asked: 'zstd', got: 'zstd', agrees: true },
                { setting: 'compression-level', asked: 3, got: 3, agrees: true },
                { setting: 'encryption', asked: 'TLS', got: 'TLS', agrees: true },
            ]);
            expect(read('cached1')).toEqual([
                { setting: 'compression', asked: 'xbzrle', got: 'xbzrle', agrees: true },
                { setting: 'compression-cache', asked: 32 * 2 ** 20, got: 32 * 2 ** 20, agrees: true },
            ]);
        });

        test('stop-and-copy stops its guest before anything is sent, and sends each page once', () => {
            const move = report.moves.find(({ vm }) => vm === 'still1');
            const own = events.filter((event) => 'move' in event && event.move === move?.id);
            const stopped = own.findIndex((event) => event.type === 'guest-stopped');
            expect(stopped).toBeGreaterThan(0);
            expect(stopped).toBeLessThan(own.findIndex((event) => event.type === 'progress' && event.transferred > 0));
            const job = own.find((event) => event.type === 'job-completed');
            expect(job?.type === 'job-completed' && (job.normalPages ?? Infinity) + (job.zeroPages ?? Infinity)).toBeLessThanOrEqual(
                ((64 * 1024) / 4) * 1.02,
            );
        });

        test.each([['a copy of a disk that it has not', 'precopy { storage copy "vda" }', /db1 has no disk vda/]])(
            'that cannot be served (%s) are refused by plan and run, with the reason and the way out',
            async (_, technique, why) => {
                await start('db1', 100);
                await desk.write('drain.mig', policy(technique));
                for (const words of [
                    ['plan', 'drain.mig'],
                    ['drain.mig', '--yes'],
                ]) {
                    const { all, code } = await migRun(...words);
                    expect(all.replaceAll(/\s+/g, ' ')).toMatch(why);
                    expect(code).toBe(5);
                }
                expect(await expectWholePlain(fixture.lab, 'db1')).toBe('kvm-a');
                await stop('db1');
            },
        );
    });

    const strike = (signals: readonly ('SIGKILL' | 'SIGINT')[], isTheMoment: (event: MigrationEvent) => boolean) =>
        struckAt({ desk, lab: { ...fixture.lab, inventoryPath: desk.at('hosts.yaml') }, signals }, ['drain.mig'], isTheMoment);
    const half = (event: MigrationEvent): boolean => event.type === 'progress' && event.transferred > 20e6;
    const entered = (phase: string) => (event: MigrationEvent) => event.type === 'phase-entered' && event.phase === phase;
    const left = (phase: string) => (event: MigrationEvent) => event.type === 'phase-ended' && event.phase === phase;

    describe('what goes wrong', () => {
        beforeEach(async () => {
            await stop('db1');
            await start('db1', 2000);
        });

        test.each([
            ['in prepare', 'precopy', entered('prepare')],
            ['half-way in pre-copy, which QEMU goes on with by itself', 'precopy', half],
            ['when all has been sent', 'precopy', left('perform')],
            ['once the destination may have been told to run it', 'precopy', entered('finish')],
            ['once the destination runs it', 'precopy', left('finish')],
            ['at the switch to post-copy', 'postcopy', (event: MigrationEvent) => event.type === 'postcopy-started'],
            ['in post-copy', 'postcopy', (event: MigrationEvent) => event.type === 'guest-resumed' && event.on !== 'kvm-a'],
        ] as const)('mig-run is killed %s: resume leaves one whole VM', async (_, technique, isTheMoment) => {
            await desk.write('drain.mig', policy(technique));
            const { struck } = await strike(['SIGKILL'], isTheMoment);
            expect(struck).toBe(true);
            const resumed = await migRun('resume');
            expect(resumed.stdout + resumed.stderr).toMatch(/db1/);
            // Nothing removes what it has received, so that nobody has to decide: it is brought to one side.
            expect([0, 1]).toContain(resumed.code);
            const host = await expectWholePlain(fixture.lab, 'db1');
            if (technique === 'postcopy') expect(host).not.toBe('kvm-a');
            expect((await desk.migRun(['status'])).stdout).not.toMatch(/interrupted|held/);
        });

        test('cancelled half-way, it runs on at its source, and nothing of it is left elsewhere', async () => {
            await desk.write('drain.mig', policy('precopy'));
            const { struck, events } = await strike(['SIGINT', 'SIGINT'], half);
            expect(struck).toBe(true);
            expect(events.find((event) => event.type === 'move-ended')).toMatchObject({ outcome: 'aborted', vmOn: 'kvm-a' });
            expect(await expectWholePlain(fixture.lab, 'db1')).toBe('kvm-a');
        });

        test('the destination’s QEMU is killed in pre-copy: the guest runs on at its source', async () => {
            await desk.write('drain.mig', policy('precopy'));
            let killed: Promise<string> | undefined;
            const { events } = await strike([], (event) => {
                if (half(event)) killed ??= killReceiver();
                return false;
            });
            expect(await killed).toMatch(/killed/);
            const ended = events.find((event) => event.type === 'move-ended');
            expect(ended).toMatchObject({ outcome: 'failed', vmOn: 'kvm-a' });
            expect(await expectWholePlain(fixture.lab, 'db1')).toBe('kvm-a');
        });
    });

    /** Whichever of the other hosts receives it. */
    async function killReceiver(): Promise<string> {
        const script = '[ -e /run/qemu/db1.pid ] && kill -KILL $(cat /run/qemu/db1.pid) && echo killed || true';
        return (await Promise.all(['kvm-b', 'kvm-c'].map((host) => inHost(fixture.lab, host, 'sh', '-c', script)))).join('');
    }

    const commandLines = async (name: string): Promise<readonly string[]> => {
        const script = 'tr "\\0" " " < /proc/$(cat /run/qemu/$1.pid)/cmdline 2>/dev/null || true';
        const told = await Promise.all(fixture.lab.hosts.map((host) => inHost(fixture.lab, host.name, 'sh', '-c', script, 'sh', name)));
        return told.filter((line) => line.includes('qemu'));
    };

    test('a VM does not change between plain QEMU and libvirt: the plan says so, and nothing moves', async () => {
        await stop('db1');
        await start('db1', 100);
        const mixed = await plainInventory(fixture.lab, (hosts) => {
            for (const name of ['kvm-b', 'kvm-c']) Object.assign(hosts[name] ?? {}, { driver: 'libvirt' });
        });
        await desk.write('mixed.yaml', mixed);
        await desk.write('drain.mig', policy('precopy'));
        const plan = await desk.migRun(['plan', 'drain.mig', '--inventory', 'mixed.yaml'], { through: labCommand(fixture.lab, []) });
        expect(plan.stdout + plan.stderr).toMatch(/kvm-b +runs its VMs by libvirt, and kvm-a by plain QEMU/);
        expect(await expectWholePlain(fixture.lab, 'db1')).toBe('kvm-a');
    });
});
