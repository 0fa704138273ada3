import { bytes, bytesPerSecond, epochMs, mebibyte } from '@mig/language';
import { expect, test } from 'vitest';
import { host, minute, snapshot, vm } from '../testing/builders.js';
import { compiled, planOf } from '../testing/compiled.js';
import { simulate } from './run.js';

const start = epochMs(Date.parse('2026-11-23T07:55:00Z'));
/** They write less than the smallest share lets through. */
const quiet = { dirtyRate: bytesPerSecond(mebibyte / 4), workingSet: bytes(16 * mebibyte) };
const rack = { ...snapshot([host('a', { maintenance: true }), host('b')], [vm('web', 'a', quiet), vm('db', 'a', quiet)]), takenAt: start };
const play = async (bandwidth: string) => {
    const text = `policy drain {\n  when host is in maintenance\n  move vms on host\n  to hosts\n  using precopy\n  bandwidth { ${bandwidth} }\n}\n`;
    const plan = planOf(await compiled(text), rack);
    return simulate(plan, rack, { now: start, seed: 1 });
};
const minutes = (at: number): number => (at - start) / minute;
const outcomes = (events: Awaited<ReturnType<typeof play>>) => events.flatMap((e) => (e.type === 'move-ended' ? [e.outcome] : []));

test('a window that opens while moves send lowers their caps in virtual time, and nothing is passed', async () => {
    const events = await play('total 160 Mbit/s; between 08:00 and 18:00: total 80 Mbit/s');
    const inForce = new Map<string, number>();
    for (const e of events) {
        if (e.type === 'setting-applied' && e.setting === 'bandwidth') inForce.set(e.move, e.asked);
        if (e.type === 'phase-ended' && e.phase === 'perform') inForce.delete(e.move);
        const total = [...inForce.values()].reduce((a, b) => a + b, 0);
        if (minutes(e.at) > 5) expect(total).toBeLessThanOrEqual(1e7);
        expect(total).toBeLessThanOrEqual(2e7);
    }
    const lowered = events.flatMap((e) =>
        e.type === 'setting-applied' && minutes(e.at) === 5 && e.setting === 'bandwidth' ? [e.asked / mebibyte] : [],
    );
    expect(lowered).toEqual([expect.closeTo(40e6 / 8 / mebibyte, 6), expect.closeTo(40e6 / 8 / mebibyte, 6)]);
    expect(outcomes(events)).toEqual(['moved', 'moved']);
});

test('a window that ends its moves aborts them at its minute', async () => {
    const events = await play('total 160 Mbit/s; between 07:00 and 08:00 at end abort: total 80 Mbit/s');
    expect(events.flatMap((e) => (e.type === 'move-ended' ? [[e.outcome, e.error?.code, Math.floor(minutes(e.at))]] : []))).toEqual([
        ['aborted', 'aborted-by-policy', 5],
        ['aborted', 'aborted-by-policy', 5],
    ]);
});

test('a floor that a window leaves no room for is waited for', async () => {
    const events = await play('per vm at least 80 Mbit/s; between 07:00 and 08:30: total 100 Mbit/s');
    const started = events.flatMap((e) => (e.type === 'move-started' ? [minutes(e.at)] : []));
    expect(started[0]).toBe(0);
    expect(started[1]).toBeGreaterThan(5);
    expect(outcomes(events)).toEqual(['moved', 'moved']);
    const none = await play('per vm at least 200 Mbit/s; between 07:00 and 08:30: total 100 Mbit/s');
    expect(none.flatMap((e) => (e.type === 'move-started' ? [minutes(e.at)] : []))).toEqual([35, 35]);
});
