/** Gangs, order, deadlines, moments and other destinations, carried out on a simulated cluster. */
import { test as property, fc } from '@fast-check/vitest';
import { mebibyte, type OnFailure } from '@mig/language';
import { describe, expect, test } from 'vitest';
import type { PlannedGang, PlannedMove, PolicyInstance } from '../../core/index.js';
import { keptBy } from '../../core/testing/idle.js';
import { attr, heldFor, lit, op } from '../../core/testing/program.js';
import type { Fault } from '../hypervisor/simulated/faults.js';
import { execute } from './execute.js';
import { resume } from './resume.js';
import { all, bench, eventsOf, guest, inventoryOf, moveOf, nextClient, planOf, untilKilled } from './testing.js';

const range = { source: 0, start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
const free = { perHost: undefined, intoHost: undefined, outOfHost: undefined, perLink: undefined, inAll: undefined, workers: {} };
const six = Array.from({ length: 6 }, (_, i) => guest(`vm${i}`));
const rack = () => inventoryOf({ a: six, b: [], c: [] });
const drain = (facts: (n: number) => Partial<PlannedMove> = () => ({})) =>
    six.map((vm, i) => moveOf(vm, 'a', i % 2 === 0 ? 'b' : 'c', facts(i)));
const gang = (numbers: readonly number[], allOrNone = true): PlannedGang => ({
    name: 'gang',
    moves: numbers.map((n) => `vm${n}`),
    allOrNone,
});
const policy = (facts: Partial<PolicyInstance>): PolicyInstance[] => [
    { policy: 'evacuate', bound: undefined, priority: 0, because: [], requires: [], onFailure: undefined, passedOver: [], ...facts },
];
const onFailure = (then: OnFailure['then'], retry?: OnFailure['retry']): OnFailure => ({ range, retry, then, budget: undefined });
const refuse = (call: Fault['call'], vm: string, facts: Partial<Fault> = {}): Fault => ({
    call,
    vm,
    when: 'before',
    does: { kind: 'refuse' },
    ...facts,
});
type Events = Awaited<ReturnType<typeof all>>;
const outcomes = (events: Events) => Object.fromEntries(eventsOf(events, 'move-ended').map((e) => [e.move, e.outcome]));
const sendsAt = (events: Events, move: string) =>
    eventsOf(events, 'phase-entered').find((e) => e.move === move && e.phase === 'perform')?.at ?? 0;

describe('a gang', () => {
    test('is made ready as a whole and sends at the same time, though one of it takes longer', async () => {
        const { ports } = bench(rack());
        const events = await all(execute(planOf(drain(), { gangs: [gang([1, 2, 3])], limits: { ...free, inAll: 3 } }), ports));
        const times = [1, 2, 3].map((n) => sendsAt(events, `vm${n}`));
        expect(Math.max(...times) - Math.min(...times)).toBeLessThan(50);
        const prepared = eventsOf(events, 'phase-ended').filter((e) => e.phase === 'prepare' && ['vm1', 'vm2', 'vm3'].includes(e.move));
        expect(Math.min(...times)).toBeGreaterThanOrEqual(Math.max(...prepared.map((e) => e.at)));
        expect(keptBy(events)).toMatchObject({ exceeded: [], longestIdle: 0, mostAtOnce: 3 });
    });

    test('that waits for one which never fits starts as soon as that is known, and not when the next move ends', async () => {
        const { ports } = bench(rack());
        const facts = (n: number): Partial<PlannedMove> => (n === 2 ? { neverDuring: ['vm3'] } : n === 5 ? { after: ['vm2'] } : {});
        const events = await all(execute(planOf(drain(facts), { gangs: [gang([1, 5], false), gang([2, 3])] }), ports));
        expect(outcomes(events)).toMatchObject({ vm0: 'moved', vm1: 'moved', vm2: 'skipped', vm3: 'skipped' });
        const startedAt = (move: string) => eventsOf(events, 'move-started').find((e) => e.move === move)?.at;
        expect(startedAt('vm1')).toBe(startedAt('vm0'));
    });

    test.each(['prepare', 'perform'] as const)('that is all or none is home again when one of it fails in %s', async (call) => {
        const { ports, hypervisors } = bench(rack(), { faults: [refuse(call, 'vm1')] });
        const events = await all(execute(planOf(drain(), { gangs: [gang([1, 2, 3])] }), ports));
        expect(outcomes(events)).toEqual({ vm0: 'moved', vm1: 'failed', vm2: 'aborted', vm3: 'aborted', vm4: 'moved', vm5: 'moved' });
        for (const n of [1, 2, 3]) expect(hypervisors.cluster.runningOn(drain()[n]!.vm.uuid)).toEqual(['a']);
        expect(eventsOf(events, 'move-ended').find((e) => e.move === 'vm2')?.error).toMatchObject({
            code: 'gang-failed',
            message: expect.stringMatching(/vm1 of gang did not move .* it is all or none/) as string,
        });
    });

    test('that is best effort goes on without the one that fails', async () => {
        const { ports } = bench(rack(), { faults: [refuse('prepare', 'vm1')] });
        const events = await all(execute(planOf(drain(), { gangs: [gang([1, 2, 3], false)] }), ports));
        expect(outcomes(events)).toMatchObject({ vm1: 'failed', vm2: 'moved', vm3: 'moved' });
    });

    test('tries again as a whole', async () => {
        const { ports } = bench(rack(), { faults: [refuse('perform', 'vm1')] });
        const retry = { times: 1, everyMs: 1000 };
        const events = await all(
            execute(planOf(drain(), { gangs: [gang([1, 2, 3])], instances: policy({ onFailure: onFailure(['leave'], retry) }) }), ports),
        );
        expect(outcomes(events)).toMatchObject({ vm1: 'moved', vm2: 'moved', vm3: 'moved' });
        expect(
            eventsOf(events, 'move-started')
                .filter((e) => e.move === 'vm3')
                .map((e) => e.attempt),
        ).toEqual([1, 2]);
    });
});

describe('order', () => {
    test('and mutual exclusion hold, and leave no slot idle', async () => {
        const plan = planOf(
            drain((n) => (n === 0 ? { after: ['vm5'] } : n === 1 ? { neverDuring: ['vm2', 'vm3'] } : {})),
            { limits: { ...free, inAll: 2 } },
        );
        const events = await all(execute(plan, bench(rack()).ports));
        expect(keptBy(events)).toMatchObject({ exceeded: [], beside: [], early: [], longestIdle: 0, mostAtOnce: 2 });
        expect(eventsOf(events, 'run-ended')).toMatchObject([{ outcome: 'complete' }]);
    });
});

describe('a deadline', () => {
    test('lets nothing start after it, and what is under way ends', async () => {
        const plan = planOf(drain(), { limits: { ...free, inAll: 1 }, instances: policy({ deadlineMs: 2500 }) });
        const events = await all(execute(plan, bench(rack()).ports));
        expect(Math.max(...eventsOf(events, 'move-started').map((e) => e.at))).toBeLessThan(2500);
        const late = eventsOf(events, 'move-ended').filter((e) => e.error?.code === 'deadline');
        expect(late.length).toBeGreaterThan(0);
        expect(eventsOf(events, 'move-ended').every((e) => e.outcome === 'moved' || e.error?.code === 'deadline')).toBe(true);
    });
});

describe('another destination', () => {
    const elsewhere = { destination: 'c', route: { network: 'migration', address: 'c.migration', listen: '0.0.0.0' } };
    const plan = () =>
        planOf(drain(() => ({ otherDestination: elsewhere })).slice(0, 1), {
            instances: policy({ onFailure: onFailure(['other-destination', 'leave'], { times: 1, everyMs: 500 }) }),
        });

    test('is gone to when no try is left', async () => {
        const { ports, hypervisors } = bench(rack(), { faults: [refuse('prepare', 'vm0', { host: 'b', times: 9 })] });
        const events = await all(execute(plan(), ports));
        expect(eventsOf(events, 'move-redirected')).toMatchObject([{ move: 'vm0', destination: 'c' }]);
        expect(eventsOf(events, 'move-ended')).toMatchObject([{ outcome: 'moved', vmOn: 'c' }]);
        expect(hypervisors.cluster.runningOn(drain()[0]!.vm.uuid)).toEqual(['c']);
    });

    test('of one whose gang is all or none: the others come back, and start again with it', async () => {
        const moves = drain((n) => (n === 2 ? { otherDestination: elsewhere } : {}));
        const instances = policy({ onFailure: onFailure(['other-destination', 'leave']) });
        const { ports, hypervisors } = bench(rack(), { faults: [refuse('perform', 'vm2', { host: 'a' })] });
        const events = await all(execute(planOf(moves, { gangs: [gang([1, 2, 3])], instances }), ports));
        expect(eventsOf(events, 'move-redirected')).toMatchObject([{ move: 'vm2', destination: 'c' }]);
        expect(outcomes(events)).toMatchObject({ vm1: 'moved', vm2: 'moved', vm3: 'moved' });
        expect([1, 2, 3].map((n) => hypervisors.cluster.runningOn(moves[n]!.vm.uuid))).toEqual([['c'], ['c'], ['c']]);
        const again = [1, 2, 3].map(
            (n) => eventsOf(events, 'phase-entered').findLast((e) => e.move === `vm${n}` && e.phase === 'perform')?.at ?? 0,
        );
        expect(Math.max(...again) - Math.min(...again)).toBeLessThan(50);
    });

    test('is what recovery asks when the client dies on the way there', async () => {
        const faults: Fault[] = [
            refuse('prepare', 'vm0', { host: 'b', times: 2 }),
            { call: 'finish', vm: 'vm0', host: 'c', when: 'after', does: { kind: 'kill-client' } },
        ];
        const dead = await untilKilled(
            (clock) => bench(rack(), { faults, clock }),
            (ports) => execute(plan(), ports),
        );
        const events = await all(resume(nextClient(dead)));
        expect(eventsOf(events, 'move-ended')).toMatchObject([{ outcome: 'moved', vmOn: 'c' }]);
        expect(dead.hypervisors.cluster.runningOn(drain()[0]!.vm.uuid)).toEqual(['c']);
    });
});

describe('a budget of failures', () => {
    test('halts the plan when it is spent', async () => {
        const { ports } = bench(rack(), { faults: [refuse('prepare', 'vm0'), refuse('prepare', 'vm1')] });
        const instances = policy({ onFailure: { range, retry: undefined, then: ['leave'], budget: 1 } });
        const events = await all(execute(planOf(drain(), { instances, limits: { ...free, inAll: 1 } }), ports));
        expect(outcomes(events)).toEqual({ vm0: 'failed', vm1: 'failed', vm2: 'skipped', vm3: 'skipped', vm4: 'skipped', vm5: 'skipped' });
    });
});

describe('a quiet moment', () => {
    const when = (rate: number, forMs: number) => heldFor(op(attr('vm.dirty_rate'), '<', lit(rate * mebibyte, 'rate')), forMs);
    const plan = (rate: number) => planOf(drain((n) => (n === 0 ? { quiet: { when: when(rate, 3000), withinMs: 20_000 } } : {})));

    test('is waited for, and others do not wait', async () => {
        const events = await all(execute(plan(5), bench(rack()).ports));
        expect(outcomes(events)).toMatchObject({ vm0: 'moved', vm1: 'moved' });
        const startOf = (vm: string) => eventsOf(events, 'move-started').find((e) => e.move === vm)?.at ?? 0;
        expect(startOf('vm0')).toBeGreaterThanOrEqual(3000);
        expect(startOf('vm1')).toBe(0);
    });

    test('that does not come leaves the VM where it is', async () => {
        const events = await all(execute(plan(1), bench(rack()).ports));
        const end = eventsOf(events, 'move-ended').find((e) => e.move === 'vm0');
        expect(end).toMatchObject({ outcome: 'skipped', vmOn: 'a', error: { code: 'no-quiet-moment' } });
        expect(end?.error?.message).toMatch(/vm\.dirty_rate/);
        expect(end?.at).toBeLessThan(25_000);
    });
});

const limit = fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined });
const someOf = (least: number) => fc.subarray([0, 1, 2, 3, 4, 5], { minLength: least, maxLength: 3 });
property.prop(
    [
        fc.record({ perHost: limit, intoHost: limit, outOfHost: limit, perLink: limit, inAll: limit }),
        someOf(2),
        fc.boolean(),
        fc.array(fc.tuple(fc.nat(5), fc.nat(5)), { maxLength: 2 }),
        fc.array(fc.tuple(fc.nat(5), fc.nat(5)), { maxLength: 2 }),
        someOf(0),
        fc.constantFrom<Fault['call']>('prepare', 'perform', 'finish'),
    ],
    { numRuns: 40 },
)(
    'no limit is passed, no order broken, no slot idle, and every VM is on one host',
    async (limits, members, allOrNone, first, beside, fails, call) => {
        const plan = planOf(
            drain((n) => ({
                after: first.flatMap(([a, b]) => (n === Math.max(a, b) && a !== b ? [`vm${Math.min(a, b)}`] : [])),
                neverDuring: beside.flatMap(([a, b]) => (n === a && a !== b ? [`vm${b}`] : [])),
            })),
            { gangs: [gang(members, allOrNone)], limits: { ...limits, workers: {} } },
        );
        const { ports, hypervisors } = bench(rack(), {
            faults: fails.map((n) => refuse(call, `vm${n}`, call === 'finish' ? { does: { kind: 'refuse', code: 'not-started' } } : {})),
        });
        const events = await all(execute(plan, ports));
        expect(keptBy(events)).toMatchObject({ exceeded: [], beside: [], early: [], longestIdle: 0 });
        expect(eventsOf(events, 'move-ended')).toHaveLength(6);
        for (const { vm, id, source, destination } of plan.moves)
            expect(hypervisors.cluster.runningOn(vm.uuid)).toEqual([outcomes(events)[id] === 'moved' ? destination : source]);
    },
);
