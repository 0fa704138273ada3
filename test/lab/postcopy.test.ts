/** Moves that start the guest at its destination before all of its memory is there: post-copy, hybrid, and by a rung. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { MigrationEvent } from '@mig/runtime/core';
import { labCommand, startGuest, stopGuest } from '../../runtime/src/edges/lab/door.js';
import { struckAt } from '../kit/killed.js';
import { describeWithLab } from '../kit/lab.js';
import { Desk, toldBy } from '../kit/mig-run.js';
import { virsh } from '../kit/virsh.js';
import { expectWhole } from '../kit/whole.js';

const memoryMiB = 192;
const pages = (memoryMiB * 1024) / 4;

const policy = (technique: string): string => `policy drain {
  when host is in maintenance
  move vms on host
  to hosts
  using ${technique}
  bandwidth { total 200 Mbit/s }
  require downtime <= 500 ms
  on failure leave and report
}
`;

describeWithLab('a switch to post-copy', (fixture) => {
    let desk: Desk;
    beforeAll(async () => {
        desk = await Desk.clear();
        await desk.write('drain.mig', policy('postcopy'));
    });
    afterAll(async () => desk[Symbol.asyncDispose]());

    beforeEach(async () => {
        await stopGuest(fixture.lab, 'db1').catch(() => undefined);
        await startGuest(fixture.lab, 'kvm-a', {
            name: 'db1',
            memoryMiB,
            randomShare: 0.8,
            dirtyPagesPerSecond: 2000,
            hotSetMiB: 32,
            persistent: true,
            autostart: true,
            tags: { role: 'db' },
        });
    });

    test.each([
        ['post-copy', 'postcopy', 1],
        ['hybrid copy', 'hybrid', 2],
        ['a rung of pre-copy', 'precopy { after 2 s: switch to postcopy }', 2],
    ] as const)('by %s: the guest goes on within its promise, and pages cross no more often than they must', async (_, technique, most) => {
        await desk.write('switch.mig', policy(technique));
        const run = await desk.migRun(['switch.mig', '--inventory', fixture.lab.inventoryPath, '--yes', '--json'], {
            through: labCommand(fixture.lab, []),
        });
        expect(run.stderr).toBe('');
        expect(run.code).toBe(0);
        const { events, report } = toldBy(run);
        const at = (type: MigrationEvent['type']): number => events.findIndex((event) => event.type === type);
        expect(at('postcopy-started')).toBeGreaterThan(0);
        // finish is asked for at the switch, long before the source has sent everything.
        const finish = events.findIndex((event) => event.type === 'phase-entered' && event.phase === 'finish');
        expect(finish).toBeGreaterThan(at('postcopy-started'));
        expect(finish).toBeLessThan(at('job-completed'));
        expect(report.moves[0]).toMatchObject({ outcome: 'moved', promises: [{ metric: 'downtime', verdict: 'held' }] });
        const job = events.find((event) => event.type === 'job-completed');
        expect((job?.normalPages ?? Infinity) + (job?.zeroPages ?? Infinity)).toBeLessThanOrEqual(most * pages * 1.02);
        expect(await expectWhole(fixture.lab, 'db1')).not.toBe('kvm-a');
    });

    test.each([
        ['when the source has switched', (event: MigrationEvent) => event.type === 'guest-resumed' && event.on !== 'kvm-a'],
        ['while pages are on their way', afterSwitch(1500)],
    ] as const)('mig-run is killed %s: resume waits for the rest, and leaves one whole VM', async (_, isTheMoment) => {
        const { struck } = await struckAt({ desk, lab: fixture.lab, signals: ['SIGKILL'] }, ['drain.mig'], isTheMoment);
        expect(struck).toBe(true);
        const resumed = await desk.migRun(['resume', '--inventory', fixture.lab.inventoryPath], { through: labCommand(fixture.lab, []) });
        expect(resumed.stdout + resumed.stderr).toMatch(/db1/);
        // What the downtime was nobody saw.
        expect([0, 1]).toContain(resumed.code);
        expect(await expectWhole(fixture.lab, 'db1')).not.toBe('kvm-a');
        expect((await desk.migRun(['status'])).stdout).not.toMatch(/interrupted|held/);
    });

    test('a person who cancels the run is told that it goes on: nothing is cancelled after the switch', async () => {
        const { struck, events, code } = await struckAt(
            { desk, lab: fixture.lab, signals: ['SIGINT', 'SIGINT'] },
            ['drain.mig'],
            afterSwitch(500),
        );
        expect(struck).toBe(true);
        const notes = events.flatMap((event) => (event.type === 'note' ? [event.text] : []));
        expect(notes.join('\n')).toMatch(/db1 has switched to post-copy and goes on to its end/);
        expect(events.find((event) => event.type === 'move-ended')).toMatchObject({ outcome: 'moved' });
        expect(code).toBe(130);
        expect(await expectWhole(fixture.lab, 'db1')).not.toBe('kvm-a');
    });

    test('what breaks on the way is held, with an alarm, and neither side is touched', async () => {
        const isLate = afterSwitch(1000);
        let broken: Promise<string> | undefined;
        const { events, code } = await struckAt({ desk, lab: fixture.lab, signals: [] }, ['drain.mig'], (event) => {
            if (isLate(event)) broken ??= virsh(fixture.lab, 'kvm-a', 'domjobabort', '--postcopy', 'db1');
            return false;
        });
        await broken;
        const alarms = events.flatMap((event) => (event.type === 'note' && event.level === 'alarm' ? [event.text] : []));
        expect(alarms.join('\n')).toMatch(/db1: the way between the hosts was cut in post-copy/);
        expect(events.find((event) => event.type === 'move-ended')).toMatchObject({ outcome: 'held' });
        expect(code).toBe(8);
        expect(await virsh(fixture.lab, 'kvm-a', 'domstate', '--reason', 'db1')).toMatch(/paused \(post-copy failed\)/);
    });
});

/** Some event so many milliseconds after the guest went on at its destination. */
function afterSwitch(ms: number): (event: MigrationEvent) => boolean {
    let resumed = Infinity;
    return (event) => {
        if (event.type === 'guest-resumed') resumed = event.at;
        return event.at - resumed > ms;
    };
}
