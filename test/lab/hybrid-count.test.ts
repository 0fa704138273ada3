/** Hybrid copy, counted on the wire: no page of the guest crosses more than twice, and before the switch none more than once. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { labCommand, startGuest, stopGuest } from '../../runtime/src/edges/lab/door.js';
import { defaultHosts, migrationNetworkPrefix } from '../../runtime/src/edges/lab/spec.js';
import { inventoryOf } from '../kit/lab-state.js';
import { describeWithLab } from '../kit/lab.js';
import { Desk } from '../kit/mig-run.js';
import { Recorder } from '../kit/recorder.js';
import { type Crossings, crossings } from '../kit/stream.js';
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
            const { pages, ofMemory, switched } = await recorded(desk);
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

        /** Carries the policy out, over a way between the hosts that keeps what is said. */
        async function recorded(desk: Desk): Promise<Crossings> {
            const between = `${migrationNetworkPrefix}.1`;
            let address = '';
            const bent = await inventoryOf(fixture.lab, (inventory) => {
                const host = inventory.hosts['kvm-b'];
                if (host?.migration === undefined) throw new Error('kvm-b has no migration address');
                address = host.migration.listen;
                host.migration.address = between;
            });
            await desk.write('hosts.yaml', bent);
            const directory = await mkdtemp(path.join(os.tmpdir(), 'mig-stream-'));
            try {
                await using recorder = await Recorder.start(fixture.lab, between, address, directory);
                const run = await desk.migRun(['drain.mig', '--inventory', 'hosts.yaml', '--yes'], {
                    through: labCommand(fixture.lab, []),
                });
                expect(run.code, run.all).toBe(0);
                const [main = Buffer.alloc(0), ...asked] = await recorder.recorded();
                return crossings(main, asked);
            } finally {
                await rm(directory, { recursive: true, force: true });
            }
        }
    },
    defaultHosts.slice(0, 2),
);
