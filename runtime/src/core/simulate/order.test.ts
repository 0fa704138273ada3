/** Order, gangs, deadlines and moments in a simulation, and a queue that leaves no slot idle. */
import { test as property, fc } from '@fast-check/vitest';
import { bytes, bytesPerSecond, mebibyte, milliseconds } from '@mig/language';
import { describe, expect, test } from 'vitest';
import type { MigrationEvent } from '../model/events.js';
import type { Plan, PlannedGang, PlannedMove } from '../model/plan.js';
import { keptBy } from '../testing/idle.js';
import { attr, lit, op } from '../testing/program.js';
import { host, noon, snapshot, vm } from '../testing/builders.js';
import { at, instance, move, planOf, rung, unlimited } from './plan-builders.js';
import { simulate } from './run.js';

const quiet = { dirtyRate: bytesPerSecond(mebibyte), workingSet: bytes(16 * mebibyte) };
const hosts = [host('a'), host('b'), host('c')];
const guests = Array.from({ length: 12 }, (_, i) =>
    vm(`v${i}`, i % 3 === 0 ? 'b' : 'a', { ...quiet, memory: bytes(((i % 4) + 1) * 64 * mebibyte) }),
);
const from = snapshot(hosts, guests);
const play = (plan: Plan) => simulate(plan, from, { now: noon, seed: 1 });
const id = (n: number) => `v${n}-move`;
const moves = (facts: (n: number) => Partial<PlannedMove> = () => ({})) => guests.map((v, i) => move(v, 'c', facts(i)));
const of = <T extends MigrationEvent['type']>(events: readonly MigrationEvent[], type: T) =>
    events.filter((e): e is Extract<MigrationEvent, { type: T }> => e.type === type);
const gang = (numbers: readonly number[], allOrNone = false): PlannedGang => ({ name: 'gang', moves: numbers.map(id), allOrNone });
const abortAtOnce = {
    technique: { kind: 'precopy', name: undefined, options: {}, ladder: [rung({ kind: 'after', ms: 200 }, { kind: 'abort' })] },
} as const;
const failing = (
    then: ('leave' | 'other-destination' | 'return-home' | 'halt-plan')[],
    facts: { readonly retry?: { times: number; everyMs: number } } = {},
) => instance({ onFailure: { range: at(1), retry: facts.retry, then, budget: undefined } });
const sendsAt = (events: readonly MigrationEvent[], move: string) =>
    of(events, 'phase-entered').find((e) => e.move === move && e.phase === 'perform')?.at;
const outcomes = (events: readonly MigrationEvent[]) => Object.fromEntries(of(events, 'move-ended').map((e) => [e.move, e.outcome]));

describe('a gang', () => {
    test('starts once there is room for all of it, and sends at the same time', () => {
        const plan = planOf(from, moves(), { gangs: [gang([3, 4, 5])], limits: { ...unlimited, inAll: 3 } });
        const events = play(plan);
        expect(new Set([3, 4, 5].map((n) => sendsAt(events, id(n)))).size).toBe(1);
        expect(keptBy(events)).toMatchObject({ exceeded: [], longestIdle: 0, mostAtOnce: 3 });
    });
    test('that is wider than the limits starts as far as they allow, and not at all where it is all or none', () => {
        const limits = { ...unlimited, inAll: 2 };
        expect(of(play(planOf(from, moves(), { gangs: [gang([0, 1, 2])], limits })), 'run-ended')[0]?.outcome).toBe('complete');
        const events = play(planOf(from, moves(), { gangs: [gang([0, 1, 2], true)], limits }));
        expect(
            of(events, 'move-ended')
                .filter((e) => e.outcome === 'skipped')
                .map((e) => e.move),
        ).toEqual([0, 1, 2].map(id));
        expect(of(events, 'move-ended').find((e) => e.move === id(0))?.error?.message).toMatch(
            /all or none, and never fits: the limit in all/,
        );
    });
    test('that is all or none comes back when one of it fails', () => {
        const plan = planOf(
            from,
            moves((n) => (n === 1 ? abortAtOnce : {})),
            { gangs: [gang([1, 7, 11], true)] },
        );
        expect(outcomes(play(plan))).toMatchObject({ [id(1)]: 'aborted', [id(7)]: 'aborted', [id(11)]: 'aborted', [id(0)]: 'moved' });
    });
    test('that is all or none goes home when one of it fails after others have arrived, where the policy says so', () => {
        const home = { network: 'mig', address: 'a.mig', listen: '0.0.0.0' };
        const slow = {
            technique: { kind: 'precopy', name: undefined, options: {}, ladder: [rung({ kind: 'after', ms: 2000 }, { kind: 'abort' })] },
        } as const;
        const play11 = (then: Parameters<typeof failing>[0]) =>
            play(
                planOf(
                    from,
                    moves((n) => (n === 11 ? slow : { home })).filter((m) => m.id === id(4) || m.id === id(11)),
                    // Of 64 MiB and of 256 MiB, over a link that carries the large one in more than its time.
                    { gangs: [gang([4, 11], true)], instances: [failing(then)] },
                ),
            );
        const events = play11(['return-home']);
        const arrivedFirst = of(events, 'arrived').some((e) => e.move === id(4));
        expect(arrivedFirst).toBe(true);
        expect(of(events, 'move-returning')).toMatchObject([{ move: id(4), from: 'c', home: 'a' }]);
        expect(outcomes(events)).toMatchObject({ [id(4)]: 'failed', [id(11)]: 'aborted' });
        expect(of(events, 'move-ended').findLast((e) => e.move === id(4))).toMatchObject({ vmOn: 'a', error: { code: 'returned-home' } });
        expect(of(play11(['leave']), 'move-returning')).toEqual([]);
    });
    test('that waits for one which never fits starts as soon as that is known, and not when the next move ends', () => {
        const facts = (n: number): Partial<PlannedMove> => (n === 2 ? { neverDuring: [id(7)] } : n === 5 ? { after: [id(2)] } : {});
        const events = play(planOf(from, moves(facts), { gangs: [gang([1, 5]), gang([2, 7], true)] }));
        expect(of(events, 'move-ended').find((e) => e.move === id(2))?.outcome).toBe('skipped');
        expect(of(events, 'move-started').find((e) => e.move === id(1))?.at).toBe(noon);
        expect(keptBy(events).longestIdle).toBe(0);
    });
    test('tries again as a whole where the policy tries again', () => {
        const plan = planOf(
            from,
            moves((n) => (n === 1 ? abortAtOnce : {})),
            {
                gangs: [gang([1, 7, 11], true)],
                instances: [failing(['leave'], { retry: { times: 1, everyMs: 1000 } })],
            },
        );
        const events = play(plan);
        expect(
            of(events, 'move-started')
                .filter((e) => e.move === id(11))
                .map((e) => e.attempt),
        ).toEqual([1, 2]);
        expect(outcomes(events)).toMatchObject({ [id(1)]: 'aborted', [id(7)]: 'aborted', [id(11)]: 'aborted' });
    });
});

describe('after a failure', () => {
    test('a move goes to its other destination', () => {
        const other = { destination: 'b', route: { network: 'mig', address: 'b.mig', listen: '0.0.0.0' } };
        const plan = planOf(from, moves((n) => (n === 1 ? { ...abortAtOnce, otherDestination: other } : {})).slice(1, 2), {
            instances: [failing(['other-destination', 'leave'])],
        });
        const events = play(plan);
        expect(of(events, 'move-redirected')).toMatchObject([{ destination: 'b' }]);
        expect(of(events, 'move-started').map((e) => e.attempt)).toEqual([1, 2]);
    });
    test('a move of a gang that is all or none goes there with the others of it, which start again', () => {
        const other = { destination: 'b', route: { network: 'mig', address: 'b.mig', listen: '0.0.0.0' } };
        const plan = planOf(
            from,
            moves((n) => (n === 1 ? { ...abortAtOnce, otherDestination: other } : {})),
            { gangs: [gang([1, 7, 11], true)], instances: [failing(['other-destination', 'leave'])] },
        );
        const events = play(plan);
        expect(of(events, 'move-redirected')).toMatchObject([{ move: id(1), destination: 'b' }]);
        const starts = (n: number) => of(events, 'move-started').filter((e) => e.move === id(n));
        for (const n of [7, 11]) {
            expect(starts(n).map((e) => e.attempt)).toEqual([1, 2]);
            expect(starts(n)[1]?.at).toBe(starts(1)[1]?.at);
        }
    });
});

test('a VM that cannot move is shut down when the moves have ended, and not where the plan was halted', () => {
    const shutdowns = [
        { instance: 0, vm: { uuid: 'u', name: 'gpu' }, host: 'a', withinMs: milliseconds(120_000), because: [], actions: [] },
    ];
    const events = play(planOf(from, moves(), { shutdowns }));
    const [ended] = of(events, 'shutdown-ended');
    expect(ended).toMatchObject({ vm: 'gpu', host: 'a', outcome: 'off' });
    expect(of(events, 'shutdown-started')[0]?.at).toBe(Math.max(...of(events, 'move-ended').map((e) => e.at)));
    expect(ended?.tookMs).toBeGreaterThan(0);
    expect(of(events, 'run-ended')[0]?.outcome).toBe('complete');
    const halting = play(
        planOf(
            from,
            moves(() => abortAtOnce),
            { shutdowns, instances: [failing(['halt-plan'])] },
        ),
    );
    expect(of(halting, 'shutdown-ended')).toMatchObject([{ outcome: 'skipped', error: { code: 'stopped' } }]);
});

test('after the deadline nothing starts any more', () => {
    const plan = planOf(from, moves(), { instances: [instance({ deadlineMs: 3000 })], limits: { ...unlimited, inAll: 1 } });
    const events = play(plan);
    expect(Math.max(...of(events, 'move-started').map((e) => e.at - noon))).toBeLessThan(3000);
    const late = of(events, 'move-ended').filter((e) => e.error?.code === 'deadline');
    expect(late.length).toBeGreaterThan(0);
    expect(late.every((e) => e.at - noon === 3000)).toBe(true);
});

test('a move whose moment is there starts, and one whose moment does not come stays where it is', () => {
    const below = (rate: number) => ({ quiet: { when: op(attr('vm.dirty_rate'), '<', lit(rate * mebibyte, 'rate')), withinMs: 60_000 } });
    const events = play(
        planOf(
            from,
            moves((n) => (n === 0 ? below(2) : n === 1 ? below(0.5) : {})),
        ),
    );
    expect(outcomes(events)).toMatchObject({ [id(0)]: 'moved', [id(1)]: 'skipped', [id(2)]: 'moved' });
    expect(of(events, 'move-ended').find((e) => e.move === id(1))).toMatchObject({ error: { code: 'no-quiet-moment' } });
});

const limit = fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined });
const plans: fc.Arbitrary<Plan> = fc
    .record({
        limits: fc.record({ perHost: limit, intoHost: limit, outOfHost: limit, perLink: limit, inAll: limit }),
        destinations: fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 12, maxLength: 12 }),
        after: fc.array(fc.option(fc.nat(11), { nil: undefined, freq: 3 }), { minLength: 12, maxLength: 12 }),
        never: fc.array(fc.option(fc.nat(11), { nil: undefined, freq: 4 }), { minLength: 12, maxLength: 12 }),
        gangOf: fc.array(fc.nat(6), { minLength: 12, maxLength: 12 }),
        allOrNone: fc.array(fc.boolean(), { minLength: 2, maxLength: 2 }),
        fails: fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
    })
    .map(({ limits, destinations, after, never, gangOf, allOrNone, fails }) => {
        const planned = guests.map((v, n) => {
            const to = destinations[n] === v.host ? 'c' : (destinations[n] ?? 'c');
            const [first, beside] = [after[n], never[n]];
            return move(v, to, {
                after: first !== undefined && first < n ? [id(first)] : [],
                ...(beside !== undefined && beside !== n && { neverDuring: [id(beside)] }),
                ...(fails[n] === true && n % 4 === 0 ? abortAtOnce : {}),
            });
        });
        // VMs 0 to 6 of their own, the others in two gangs or none.
        const gangs = [1, 2]
            .map((g) =>
                gang(
                    gangOf.flatMap((own, n) => (own === g ? [n] : [])),
                    allOrNone[g - 1] ?? false,
                ),
            )
            .filter((g) => g.moves.length > 1);
        return planOf(from, planned, { limits: { ...limits, workers: { a: 5 } }, gangs });
    });

property.prop([plans], { numRuns: 150 })('no limit is passed, no order broken, and no slot idle while a move could start', (plan) => {
    const events = play(plan);
    expect(keptBy(events)).toMatchObject({ exceeded: [], beside: [], early: [], longestIdle: 0 });
    expect(of(events, 'move-ended')).toHaveLength(12);
    for (const { allOrNone, moves: members } of plan.gangs ?? []) {
        const ends = members.map((m) => outcomes(events)[m]);
        if (allOrNone && ends.includes('skipped')) expect(ends.every((e) => e !== undefined)).toBe(true);
    }
});

test('a move that is behind others starts when they have sent, whatever stands first in the plan', () => {
    const behind = (n: number): Partial<PlannedMove> => (n === 1 ? { behind: [id(2), id(5)] } : {});
    const events = play(
        planOf(
            from,
            moves(behind).toSorted((a, b) => Number(a.behind !== undefined) - Number(b.behind !== undefined)),
            { limits: unlimited },
        ),
    );
    const finished = (n: number): number =>
        events.find((e) => e.type === 'phase-ended' && e.move === id(n) && e.phase === 'finish')?.at ?? Number.NaN;
    const starts = of(events, 'move-started').find((e) => e.move === id(1))?.at ?? Number.NaN;
    expect(starts).toBeGreaterThanOrEqual(Math.max(finished(2), finished(5)));
    expect(new Set(Object.values(outcomes(events)))).toEqual(new Set(['moved']));
});

test('where a probe is asked for, a simulation tells what it would see, and says that it is modelled', () => {
    const probe = { from: 'watch', address: '10.0.0.7', port: 1 };
    const events = play(
        planOf(
            from,
            moves((n) => (n === 0 ? { probe } : {})),
            { limits: unlimited },
        ),
    );
    const [told, ...more] = of(events, 'blackout');
    expect(more).toEqual([]);
    const at = (type: 'guest-stopped' | 'guest-resumed'): number => of(events, type).find((e) => e.move === id(0))?.at ?? Number.NaN;
    expect(told).toMatchObject({ move: id(0), from: 'watch', modelled: true });
    expect(told?.blackoutMs).toBeCloseTo(at('guest-resumed') - at('guest-stopped') + 20, 0);
});
