import { describe, expect, test } from 'vitest';
import type { Rung } from '@mig/language';
import type { LadderAction, PlannedMove, PlannedTechnique } from '../../../core/index.js';
import { execute } from '../../execute/execute.js';
import { all, bench, eventsOf, guest, inventoryOf, mib, mibPerSecond, moveOf, planOf } from '../../execute/testing.js';
import type { Fault } from './faults.js';

const range = { source: 0, start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
const rung = (ms: number, action: Rung['action']): Rung => ({ range, on: { kind: 'after', ms }, and: undefined, action });
const technique = (kind: PlannedTechnique['kind'], facts: Partial<PlannedTechnique> = {}): PlannedTechnique => ({
    kind,
    name: undefined,
    options: { downtimeMs: 30 },
    ladder: [],
    ...facts,
});
/** Writes twice as fast as its link sends. */
const wild = guest('wild', { memory: mib(256), zeroShare: 0, dirtyRate: mibPerSecond(240), hotSet: mib(200) });

async function moved(technique: PlannedMove['technique'], faults: readonly Fault[] = []) {
    const { ports, hypervisors } = bench(inventoryOf({ a: [wild], b: [] }), { faults });
    const move = moveOf(wild, 'a', 'b', { technique });
    const events = await all(execute(planOf([move]), ports));
    const { cluster } = hypervisors;
    const at = (type: 'guest-stopped' | 'guest-resumed') => eventsOf(events, type)[0]?.at ?? NaN;
    const copy = (host: string) => {
        const found = cluster.machine(host).copies.get(move.vm.uuid);
        return found && `${found.state}/${found.reason}`;
    };
    return {
        events,
        outcome: eventsOf(events, 'move-ended')[0]?.outcome,
        downtime: at('guest-resumed') - at('guest-stopped'),
        job: eventsOf(events, 'job-completed')[0],
        a: copy('a'),
        b: copy('b'),
        running: cluster.runningOn(move.vm.uuid),
    };
}

describe('a guest that writes faster than its link', () => {
    test.each([
        { kind: 'postcopy' as const, passes: 1.05 },
        { kind: 'hybrid' as const, passes: 2.05 },
    ])('is moved by $kind, with no page more often than it says', async ({ kind, passes }) => {
        const { outcome, downtime, job, b, a } = await moved(technique(kind));
        expect([outcome, a, b]).toEqual(['moved', undefined, 'running/migrated']);
        expect(downtime).toBeLessThan(100);
        expect((job?.transferred ?? Infinity) / wild.memory).toBeLessThan(passes);
    });
    test('is moved by stop-and-copy, and stands still meanwhile', async () => {
        const { outcome, downtime, job } = await moved(technique('stop-and-copy'));
        expect(outcome).toBe('moved');
        expect(downtime).toBeGreaterThan(2000);
        expect((job?.transferred ?? Infinity) / wild.memory).toBeLessThan(1.02);
    });
    const steps: readonly (readonly [LadderAction['kind'], Rung['action'], number])[] = [
        ['switch-to-postcopy', { kind: 'switch-to-postcopy' }, 100],
        ['pause', { kind: 'pause' }, 8000],
        ['throttle', { kind: 'throttle', throttle: { initial: 0.5, step: 0.2, max: 0.99 } }, 400],
    ];
    test.each(steps)('is brought to its end by a rung (%s)', async (_, action, downtime) => {
        const end = await moved(technique('precopy', { options: { downtimeMs: 300 }, ladder: [rung(5000, action)] }));
        expect([end.outcome, end.running]).toEqual(['moved', ['b']]);
        expect(end.downtime).toBeLessThan(downtime);
        expect(eventsOf(end.events, 'rung-fired').length).toBe(1);
    });
    test('is not aborted after the switch, whatever its ladder says', async () => {
        const ladder = [rung(1000, { kind: 'switch-to-postcopy' }), rung(1500, { kind: 'abort' })];
        const { outcome, running, events } = await moved(technique('precopy', { ladder }));
        expect([outcome, running]).toEqual(['moved', ['b']]);
        expect(eventsOf(events, 'note').map((n) => n.text)).toContain('wild: abort: void after the switch to post-copy');
    });
    test('goes on by post-copy no faster than the cap of that', async () => {
        const slow = await moved(technique('postcopy', { options: { postcopyBandwidth: mibPerSecond(16) } }));
        const fast = await moved(technique('postcopy'));
        expect(slow.outcome).toBe('moved');
        expect((slow.job?.totalMs ?? 0) / 1000).toBeGreaterThan(15);
        expect((fast.job?.totalMs ?? Infinity) / 1000).toBeLessThan(4);
    });
});

describe('what goes wrong after a switch', () => {
    test('a way that breaks is taken up again, and nothing is started twice', async () => {
        const broken: Fault = { call: 'presence', host: 'a', when: 'before', does: { kind: 'break-migration' } };
        const progress: Fault = { ...broken, call: 'progress', times: 1 };
        const { a, b, running, outcome } = await moved(technique('postcopy'), [{ ...progress, when: 'after' }]);
        expect(outcome).toBe('moved');
        expect([a, b]).toEqual([undefined, 'running/migrated']);
        expect(running).toEqual(['b']);
    });
});
