/** Hybrid copy, counted on the wire: no page of the guest crosses more than twice, and before the switch none more than once. */
import { expect, test } from 'vitest';
import { startGuest, stopGuest } from '../../runtime/src/edges/lab/door.js';
import { defaultHosts } from '../../runtime/src/edges/lab/spec.js';
import { describeWithLab } from '../kit/lab.js';
import { Desk } from '../kit/mig-run.js';
import { recordedRun } from '../kit/recorder.js';
import { crossings } from '../kit/stream.js';
import { expectWhole } from '../kit/whole.js';

/** With this cap a guest that writes 12,000 pages a second writes twice what is sent. */
const policy = `policy drain {
  when host is in maintenance
  move vms on host
  to host "kvm-b"
  using hybrid
  bandwidth { total 200 Mbit/s }
  on failure leave and report
}
`;

describeWithLab(
    'hybrid copy',
    (fixture) => {
        /** The first pass over a guest whose last memory is empty is over all at once. */
        test.each([
            ['that is full to its end', 1],
            ['whose last fifth was never touched', 0.8],
        ])('sends no page of a guest %s more than twice, and none twice before the switch', async (_, randomShare) => {
            await stopGuest(fixture.lab, 'hot1').catch(() => undefined);
            await startGuest(fixture.lab, 'kvm-a', {
                name: 'hot1',
                memoryMiB: 256,
                randomShare,
                dirtyPagesPerSecond: 12_000,
                hotSetMiB: 64,
                persistent: true,
                autostart: true,
            });
            await using desk = await Desk.clear();
            await desk.write('drain.mig', policy);
            const [main = Buffer.alloc(0), ...asked] = await recordedRun(fixture.lab, desk, 'drain.mig', 'kvm-b');
            const { pages, ofMemory, switched } = crossings(main, asked);
            expect(switched).toBe(true);
            expect(ofMemory).toBeGreaterThanOrEqual(65_536);
            expect(pages.size).toBe(ofMemory);
            const times = [...pages.values()];
            // What was written after it was sent.
            expect(times.filter(({ before, after }) => before === 1 && after === 1).length).toBeGreaterThan(5_000);
            expect(times.filter(({ before }) => before > 1)).toEqual([]);
            expect(times.filter(({ before, after }) => before + after > 2)).toEqual([]);
            expect(await expectWhole(fixture.lab, 'hot1')).toBe('kvm-b');
        });
    },
    defaultHosts.slice(0, 2),
);
