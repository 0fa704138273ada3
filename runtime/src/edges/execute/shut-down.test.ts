import { describe, expect, test } from 'vitest';
import { milliseconds } from '@mig/language';
import { reportOf, type PlannedShutdown } from '../../core/index.js';
import { simulatedUuid } from '../hypervisor/simulated/cluster.js';
import type { Fault } from '../hypervisor/simulated/faults.js';
import { execute } from './execute.js';
import { resume } from './resume.js';
import { all, bench, eventsOf, guest, inventoryOf, moveOf, nextClient, planOf, untilKilled } from './testing.js';

const [db, gpu] = [guest('db'), guest('gpu')];
const shutdown = (name: string): PlannedShutdown => ({
    instance: 0,
    vm: { uuid: simulatedUuid(name), name },
    host: 'a',
    withinMs: milliseconds(120_000),
    because: [{ text: 'cannot be moved: it uses a device of its host' }],
    actions: [],
});
const plan = planOf([moveOf(db, 'a', 'b')], { shutdowns: [shutdown('gpu')] });
const cluster = (faults: readonly Fault[] = []) => bench(inventoryOf({ a: [db, gpu], b: [] }), { faults });
async function carriedOut(...faults: readonly Fault[]) {
    const made = cluster(faults);
    const events = await all(execute(plan, made.ports));
    return { events, report: reportOf(events), copy: made.hypervisors.cluster.machine('a').copies.get(simulatedUuid('gpu')), made };
}

describe('a VM that cannot move', () => {
    test('is shut down once the moves have ended, and stays defined where it is', async () => {
        const { events, report, copy, made } = await carriedOut();
        const order = events.map(({ type }) => type).filter((type) => type === 'move-ended' || type.startsWith('shutdown'));
        expect(order).toEqual(['move-ended', 'shutdown-started', 'shutdown-ended']);
        expect(copy).toMatchObject({ state: 'shut off', persistent: true });
        expect(report.shutdowns).toMatchObject([{ vm: 'gpu', host: 'a', outcome: 'off', error: undefined }]);
        expect([report.outcome, report.allHeld]).toEqual(['complete', true]);
        expect(made.hypervisors.cluster.machine('a').locks.size).toBe(0);
    });

    test('is announced in the journal before it is asked', async () => {
        const { made } = await carriedOut({ call: 'shut-down', when: 'before', does: { kind: 'refuse', text: 'no' } });
        expect(made.journal.events('r1').map(({ type }) => type)).toContain('shutdown-started');
    });

    test('that does not heed it runs on, is not switched off, and the run says so', async () => {
        const made = cluster();
        const { cluster: hosts } = made.hypervisors;
        const copy = hosts.machine('a').copies.get(simulatedUuid('gpu'))!;
        // Its guest sees the button and does nothing.
        Object.defineProperty(copy, 'state', { get: () => 'running', set: () => undefined });
        const report = reportOf(await all(execute(plan, made.ports)));
        expect(report.shutdowns).toMatchObject([
            { outcome: 'failed', error: { code: 'runs-on', message: expect.stringMatching(/still runs on a after 120 s/) as unknown } },
        ]);
        expect(report.shutdowns[0]?.tookMs).toBeGreaterThanOrEqual(120_000);
        expect([report.outcome, report.allHeld]).toEqual(['incomplete', false]);
        expect(hosts.runningOn(simulatedUuid('gpu'))).toEqual(['a']);
    });

    test('is not asked once the run is stopped', async () => {
        const made = cluster();
        const stop = new AbortController();
        stop.abort();
        const report = reportOf(await all(execute(plan, made.ports, { stop: stop.signal })));
        expect(report.shutdowns).toMatchObject([{ outcome: 'skipped', error: { code: 'stopped' } }]);
        expect(made.hypervisors.cluster.runningOn(simulatedUuid('gpu'))).toEqual(['a']);
    });

    test('is not asked where another run holds it', async () => {
        const made = cluster();
        made.hypervisors.cluster.machine('a').locks.set(simulatedUuid('gpu'), { run: 'r2', controller: 'you@there' });
        const report = reportOf(await all(execute(plan, made.ports)));
        expect(report.shutdowns).toMatchObject([{ outcome: 'failed', error: { code: 'vm-locked' } }]);
        expect(made.hypervisors.cluster.runningOn(simulatedUuid('gpu'))).toEqual(['a']);
    });

    test('and whose client died: resume asks it no more, and says how it stands', async () => {
        const dead = await untilKilled(
            (clock) =>
                bench(inventoryOf({ a: [db, gpu], b: [] }), {
                    faults: [{ call: 'perform', when: 'before', does: { kind: 'kill-client' } }],
                    clock,
                }),
            (ports) => execute(plan, ports),
        );
        const events = await all(resume(nextClient(dead)));
        expect(eventsOf(events, 'shutdown-ended')).toMatchObject([
            { vm: 'gpu', outcome: 'skipped', error: { message: expect.stringMatching(/interrupted/) as unknown } },
        ]);
        expect(dead.hypervisors.cluster.runningOn(simulatedUuid('gpu'))).toEqual(['a']);
    });
});
