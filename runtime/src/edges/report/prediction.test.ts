import { bytesPerSecond, epochMs } from '@mig/language';
import { expect, test } from 'vitest';
import { figuresOf, reportOf, simulate, type MigrationEvent } from '../../core/index.js';
import { host, snapshot, vm } from '../../core/testing/builders.js';
import { execute } from '../execute/execute.js';
import { all, bench, guest, inventoryOf, mib, mibPerSecond, moveOf, planOf } from '../execute/testing.js';

/** Of sizes that end apart: a stopped guest has no cap, and its downtime hangs on who else is stopped just then. */
const guests = [
    guest('one', { memory: mib(512) }),
    guest('two', { memory: mib(256), dirtyRate: mibPerSecond(20), hotSet: mib(64) }),
    guest('three', { memory: mib(384) }),
    guest('four', { memory: mib(128) }),
];
const moves = guests.map((g, i) => moveOf(g, 'a', i % 2 === 0 ? 'b' : 'c'));
const plan = planOf(moves, {
    limits: { perHost: 2, intoHost: undefined, outOfHost: undefined, perLink: undefined, inAll: undefined, workers: {} },
    caps: [{ scope: 'vm', of: undefined, rate: mibPerSecond(60), kind: 'cap', because: { text: 'per vm 60 MiB/s' } }],
});
const links = [{ network: 'migration', capacity: bytesPerSecond(125_000_000) }];
const observed = snapshot(
    ['a', 'b', 'c'].map((name) => host(name, { links })),
    guests.map((g) => vm(g.name, 'a', { memory: g.memory, dirtyRate: g.dirtyRate, workingSet: g.hotSet })),
);
const inventory = inventoryOf({ a: guests, b: [], c: [] });

/** The milestones of one move, without what depends on how often somebody looks. */
const milestones = (events: readonly MigrationEvent[], move: string) =>
    events.flatMap((e) => {
        if (!('move' in e) || e.move !== move) return [];
        if (e.type === 'phase-entered' || e.type === 'phase-ended') return [`${e.type} ${e.phase}`];
        return ['move-started', 'guest-stopped', 'guest-resumed', 'arrived', 'move-ended'].includes(e.type) ? [e.type] : [];
    });

test('a simulation and a run on simulated hosts tell the same story, in about the same time', async () => {
    const { ports } = bench(inventory);
    const run = await all(execute(plan, ports));
    const played = simulate(plan, observed, { now: epochMs(0), seed: 1, guests: figuresOf(plan, inventory) });
    for (const { id } of moves) expect(milestones(played, id)).toEqual(milestones(run, id));
    expect(milestones(run, 'one').at(-1)).toBe('move-ended');
    expect(milestones(run, 'four').indexOf('phase-ended prepare')).toBeLessThan(milestones(run, 'four').indexOf('move-started'));
    const order = (events: readonly MigrationEvent[]) => events.flatMap((e) => (e.type === 'move-started' ? [e.move] : []));
    expect(order(played)).toEqual(order(run));
    const [actual, predicted] = [reportOf(run), reportOf(played)];
    expect(predicted.totals.transferred / actual.totals.transferred).toBeCloseTo(1, 1);
    expect(Math.abs(predicted.durationMs - actual.durationMs) / actual.durationMs).toBeLessThan(0.15);
    for (const [i, move] of actual.moves.entries()) {
        expect(Math.abs((predicted.moves[i]?.downtimeMs ?? 0) - (move.downtimeMs ?? 0))).toBeLessThan(60);
    }
});
