/** Caps on real hosts, by what goes over the links: what is sent follows a window that closes in the middle of a move. */
import type { MigrationEvent } from '@mig/runtime/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hostsOfGuest, labCommand, startGuest } from '../../runtime/src/edges/lab/door.js';
import { defaultHosts } from '../../runtime/src/edges/lab/spec.js';
import { describeWithLab } from '../kit/lab.js';
import { Desk } from '../kit/mig-run.js';
import { ratesIn, WireTap } from '../kit/wire.js';

const mebibyte = 2 ** 20;
const minute = 60_000;

describeWithLab(
    'caps',
    (fixture) => {
        let desk: Desk;
        beforeAll(async () => {
            desk = await Desk.clear();
            await startGuest(fixture.lab, 'kvm-a', { name: 'vm1', memoryMiB: 160, randomShare: 1, persistent: true });
        });
        afterAll(() => desk[Symbol.asyncDispose]());

        test('follow a window that closes in the middle of a move', async () => {
            // It closes at the next minute that leaves time to begin.
            const closes = Math.ceil((Date.now() + 12_000) / minute) * minute;
            const clock = (at: number): string => new Date(at).toISOString().slice(11, 16);
            await new Promise((resolve) => setTimeout(resolve, Math.max(0, closes - 14_000 - Date.now())));
            await desk.write(
                'p.mig',
                `policy p {
  when host is in maintenance
  move vms on host
  to hosts
  using precopy
  bandwidth {
    per vm 16 MiB/s
    between ${clock(closes - 5 * minute)} and ${clock(closes)} in "UTC": per vm 6 MiB/s
  }
}
`,
            );
            await using tap = await WireTap.open(fixture.lab, 'kvm-a', 'sent');
            const through = labCommand(fixture.lab, []);
            const { code, stdout, all } = await desk.migRun(['p.mig', '--inventory', fixture.lab.inventoryPath, '--yes', '--json'], {
                through,
            });
            expect(code, all).toBe(0);
            expect(await hostsOfGuest(fixture.lab, 'vm1')).toEqual(['kvm-b']);

            const events = stdout
                .split('\n')
                .filter((line) => line.startsWith('{"'))
                .map((line) => JSON.parse(line) as MigrationEvent);
            const set = events.flatMap((e) => (e.type === 'setting-applied' && e.setting === 'bandwidth' ? [e] : []));
            expect(set.every((e) => e.agrees)).toBe(true);
            expect(new Set(set.map((e) => (e.got ?? 0) / mebibyte))).toEqual(new Set([6, 16]));
            const raised = set.find((e) => e.got === 16 * mebibyte)?.at ?? NaN;
            expect(raised - closes).toBeGreaterThanOrEqual(0);
            expect(raised - closes).toBeLessThan(1_000);

            const at = (type: 'phase-entered' | 'phase-ended'): number =>
                events.find((e) => e.type === type && e.phase === 'perform')?.at ?? NaN;
            const [from, to] = [at('phase-entered'), at('phase-ended')];
            const packets = await tap.close();
            const before = ratesIn(packets, { from: from + 1_000, to: raised });
            const after = ratesIn(packets, { from: raised + 1_000, to: to - 500 });
            expect(before.length).toBeGreaterThan(0);
            expect(after.length).toBeGreaterThan(0);
            for (const { rate } of before) expect(rate / (6 * mebibyte)).toSatisfy((x: number) => x > 0.9 && x < 1.1);
            for (const { rate } of after) expect(rate / (16 * mebibyte)).toSatisfy((x: number) => x > 0.9 && x < 1.1);
        });
    },
    defaultHosts.slice(0, 2),
);
