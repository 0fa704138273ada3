import { mebibyte } from '@mig/language';
import { describe, expect, test } from 'vitest';
import type { MigrationEvent, Plan, PlanCap, PlanWindow } from '../../core/index.js';
import { execute } from './execute.js';
import { all, bench, eventsOf, guest, inventoryOf, mib, mibPerSecond, moveOf, planOf } from './testing.js';

const because = { text: 'test' };
const cap = (scope: PlanCap['scope'], n: number, more: Partial<PlanCap> = {}): PlanCap => ({
    scope,
    of: undefined,
    rate: mibPerSecond(n),
    kind: 'cap',
    because,
    ...more,
});
/** The clock of these runs begins at midnight: open for this many minutes of it. */
const untilMinute = (minutes: number, caps: readonly PlanCap[], atEnd: PlanWindow['atEnd'] = { kind: 'finish' }): PlanWindow => ({
    policy: 'evacuate',
    schedule: { cron: '0 0 * * *', timeZone: 'UTC', windowMs: minutes * 60_000 },
    caps,
    atEnd,
    because: { text: 'between 00:00 and later' },
});
const vms = ['vm0', 'vm1'].map((name) => guest(name, { memory: mib(1024), zeroShare: 0, dirtyRate: mibPerSecond(0.1), hotSet: mib(1) }));
const moves = vms.map((vm) => moveOf(vm, 'a', 'b'));

async function runOf(facts: Partial<Plan>): Promise<readonly MigrationEvent[]> {
    const { ports } = bench(inventoryOf({ a: vms, b: [] }));
    return all(execute(planOf(moves, facts), ports));
}

const capsOf = (events: readonly MigrationEvent[], move: string) =>
    eventsOf(events, 'setting-applied').flatMap((e) => (e.move === move && e.setting === 'bandwidth' ? [[e.at, e.asked / mebibyte]] : []));
const outcomes = (events: readonly MigrationEvent[]) => eventsOf(events, 'move-ended').map((e) => [e.outcome, e.error?.code]);
const startsOf = (events: readonly MigrationEvent[]) =>
    eventsOf(events, 'phase-entered').flatMap((e) => (e.phase === 'perform' ? [e.at] : []));

describe('a window', () => {
    test('that closes while moves send raises their caps at its minute', async () => {
        const events = await runOf({ caps: [cap('total', 60, { replacedIn: [0] })], windows: [untilMinute(2, [cap('total', 10)])] });
        expect(outcomes(events)).toEqual([
            ['moved', undefined],
            ['moved', undefined],
        ]);
        const [[at = 0, rate] = []] = capsOf(events, 'vm0').filter(([time = 0]) => time > 10_000);
        expect(at).toBeGreaterThanOrEqual(120_000);
        expect(at).toBeLessThan(121_000);
        expect(rate).toBe(30);
        expect(eventsOf(events, 'note').map((e) => e.text)).toContain('the window between 00:00 and later has closed');
    });

    test('that ends its moves aborts those that send, and they stay where they are', async () => {
        const events = await runOf({ windows: [untilMinute(1, [cap('total', 10)], { kind: 'abort' })] });
        expect(outcomes(events)).toEqual([
            ['aborted', 'aborted-by-policy'],
            ['aborted', 'aborted-by-policy'],
        ]);
        expect(eventsOf(events, 'move-ended').map((e) => e.vmOn)).toEqual(['a', 'a']);
        expect(eventsOf(events, 'move-ended')[0]?.error?.hint).toBe('give it a longer window, or begin earlier');
    });

    test('that leaves a cap to its moves keeps them under it, also where nothing caps others', async () => {
        const events = await runOf({ windows: [untilMinute(1, [cap('total', 8)], { kind: 'cap', rate: mibPerSecond(4) })] });
        expect(outcomes(events)).toEqual([
            ['moved', undefined],
            ['moved', undefined],
        ]);
        expect(capsOf(events, 'vm0').filter(([at = 0]) => at >= 60_000)[0]?.[1]).toBe(2);
        const kept = await runOf({ windows: [untilMinute(1, [cap('total', 8)], { kind: 'keep-caps' })] });
        expect(capsOf(kept, 'vm0').filter(([at = 0]) => at >= 60_000 && at < 61_000)).toEqual([]);
        expect(startsOf(kept)).toHaveLength(2);
    });

    test('in which a floor cannot be met keeps moves from starting until it closes', async () => {
        const floor = cap('vm', 20, { kind: 'floor' });
        const plan = { caps: [floor], windows: [untilMinute(3, [cap('total', 10)])] };
        const events = await runOf(plan);
        expect(startsOf(events).every((at) => at >= 180_000)).toBe(true);
        expect(outcomes(events)).toEqual([
            ['moved', undefined],
            ['moved', undefined],
        ]);
        expect(eventsOf(events, 'move-queued')[0]?.because).toContain('cannot give every VM its floor');
    });

    test('makes no difference to a floor that never fits: the moves are skipped', async () => {
        const floor = cap('vm', 400, { kind: 'floor' });
        const events = await runOf({ caps: [floor], windows: [untilMinute(3, [cap('total', 10)])] });
        expect(eventsOf(events, 'move-ended').map((e) => [e.outcome, e.error?.code])).toEqual([
            ['skipped', 'no-room'],
            ['skipped', 'no-room'],
        ]);
    });

    test('under which a share is less than can be set raises an alarm', async () => {
        const window = { ...untilMinute(1, [cap('total', 1)]), schedule: { cron: '1 0 * * *', timeZone: 'UTC', windowMs: 60_000 } };
        const events = await runOf({ caps: [cap('total', 12, { replacedIn: [0] })], windows: [window] });
        const alarms = eventsOf(events, 'note').filter((e) => e.level === 'alarm');
        expect(alarms.map((e) => e.text).toSorted()).toEqual(
            ['vm0', 'vm1'].map((vm) => expect.stringContaining(`${vm} is below 8.39 Mbit/s, the least that can be set`) as string),
        );
    });
});

describe('a floor', () => {
    test('lets as many send as it leaves room for, and each has it', async () => {
        const events = await runOf({ caps: [cap('total', 50), cap('vm', 30, { kind: 'floor' })] });
        const [first = 0, second = 0] = startsOf(events);
        expect(second).toBeGreaterThan(first + 20_000);
        expect(eventsOf(events, 'setting-applied').every((e) => e.setting !== 'bandwidth' || e.asked >= mibPerSecond(30))).toBe(true);
    });
});

describe('a cap that reads back as another', () => {
    test('is never sent under where it is higher', async () => {
        const { ports } = bench(inventoryOf({ a: vms, b: [] }), {
            faults: [{ call: 'bandwidth', vm: 'vm0', when: 'before', does: { kind: 'refuse' }, times: 9 }],
        });
        const events = await all(execute(planOf(moves, { caps: [cap('total', 20)] }), ports));
        expect(eventsOf(events, 'move-ended').find((e) => e.move === 'vm0')?.error?.code).toBe('cap-not-set');
    });
});
