import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import type { PlanLimits } from '../model/plan.js';
import { move as planned } from '../simulate/plan-builders.js';
import { vm } from '../testing/builders.js';
import { parties, startable, toReady } from './queue.js';
import { turned, type QueuedMove } from './queued.js';

const free: PlanLimits = {
    perHost: undefined,
    intoHost: undefined,
    outOfHost: undefined,
    perLink: undefined,
    inAll: undefined,
    workers: {},
};
const move = (id: string, source: string, destination: string, more: Partial<QueuedMove> = {}): QueuedMove => ({
    id,
    source,
    destination,
    network: 'mig',
    after: [],
    status: 'waiting',
    ...more,
});

describe('startable', () => {
    test('without limits everything starts, in the order of the plan', () => {
        expect(startable({ moves: [move('1', 'a', 'b'), move('2', 'a', 'c')] }, free).start).toEqual(['1', '2']);
    });
    test('a move that does not fit holds nobody else up', () => {
        const moves = [move('slow', 'a', 'b', { status: 'running' }), move('2', 'a', 'b'), move('3', 'c', 'd')];
        const { start, blocked } = startable({ moves }, { ...free, perHost: 1 });
        expect(start).toEqual(['3']);
        expect(blocked).toEqual([{ move: '2', because: 'the limit of a: 1 of 1 under way', never: false }]);
    });
    test('what comes in and what goes out count together per host', () => {
        const moves = [move('1', 'a', 'b', { status: 'running' }), move('2', 'b', 'c')];
        expect(startable({ moves }, { ...free, perHost: 1 }).start).toEqual([]);
        expect(startable({ moves }, { ...free, outOfHost: 1, intoHost: 1 }).start).toEqual(['2']);
    });
    test('a link is loaded at both of its ends', () => {
        const moves = [move('1', 'a', 'b', { status: 'running' }), move('2', 'c', 'b'), move('3', 'c', 'b', { network: 'other' })];
        expect(startable({ moves }, { ...free, perLink: 1 }).start).toEqual(['3']);
    });
    test("a host's daemon is never asked for more than its workers allow", () => {
        expect(startable({ moves: [move('1', 'a', 'b'), move('2', 'a', 'c')] }, { ...free, workers: { a: 1 } }).start).toEqual(['1']);
    });
    test('a move waits for those that must end before it, and for ever when one of them failed', () => {
        const waits = startable({ moves: [move('1', 'a', 'b', { status: 'running' }), move('2', 'a', 'b', { after: ['1'] })] }, free);
        expect(waits.blocked).toEqual([{ move: '2', because: 'waits for 1 to end', never: false }]);
        const never = startable({ moves: [move('1', 'a', 'b', { status: 'failed' }), move('2', 'a', 'b', { after: ['1'] })] }, free);
        expect(never.blocked[0]?.never).toBe(true);
    });
    test('what is behind another does not start beside it, waits for it only while it sends, and holds it up in nothing', () => {
        const moves = (first: QueuedMove['status'], second: QueuedMove['status'] = 'waiting') => [
            move('1', 'a', 'b', { status: first }),
            move('2', 'a', 'b', { status: second, behind: ['1'] }),
        ];
        const { start, blocked } = startable({ moves: moves('waiting') }, free);
        expect(start).toEqual(['1']);
        expect(blocked).toEqual([{ move: '2', because: '1 goes first', never: false }]);
        expect(startable({ moves: moves('running') }, free).start).toEqual([]);
        for (const over of ['settling', 'moved', 'failed', 'delayed'] as const)
            expect(startable({ moves: moves(over) }, free).start).toEqual(['2']);
        expect(startable({ moves: moves('waiting', 'running') }, free).start).toEqual(['1']);
        // It may be made ready while the other comes to its end.
        expect(toReady({ moves: moves('running') }, free, new Set(['1']), new Set())).toEqual(['2']);
    });
    test('a further condition can keep a move back', () => {
        const { start, blocked } = startable({ moves: [move('1', 'a', 'b'), move('2', 'a', 'b')] }, free, (_, running) =>
            running.length > 0 ? 'too thin' : undefined,
        );
        expect(start).toEqual(['1']);
        expect(blocked[0]?.because).toBe('too thin');
    });
});

const limit = fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined });
const anyLimits = fc.record({
    perHost: limit,
    intoHost: limit,
    outOfHost: limit,
    perLink: limit,
    inAll: limit,
    workers: fc.constant({ a: 2, b: 3 }),
});
const anyMoves = fc
    .array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('a', 'b', 'c'), fc.boolean()), { maxLength: 10 })
    .map((list) => list.map(([s, d], i) => move(String(i), s, d === s ? 'd' : d)));

describe('toReady', () => {
    const ready = (moves: readonly QueuedMove[], limits: PlanLimits, ending: readonly string[], already: readonly string[] = []) =>
        toReady({ moves }, limits, new Set(ending), new Set(already));
    const one = { ...free, outOfHost: 1 };

    test('whoever would start if those that are about to end had ended is made ready', () => {
        const moves = [
            move('1', 'a', 'b', { status: 'running' }),
            move('2', 'b', 'c', { status: 'running' }),
            move('3', 'a', 'c'),
            move('4', 'b', 'a'),
            move('5', 'a', 'd'),
        ];
        expect(ready(moves, one, ['2'])).toEqual(['4']);
        expect(ready(moves, one, ['1', '2'])).toEqual(['3', '4']);
        expect(ready(moves, one, [])).toEqual([]);
    });
    test('what is ready already counts, and two are ready at the most', () => {
        const running = move('1', 'a', 'b', { status: 'running' });
        const waiting = ['2', '3', '4'].map((id) => move(id, 'a', 'c'));
        const all = { ...free, inAll: 4 };
        const moves = [running, ...['x', 'y', 'z'].map((id) => move(id, 'd', 'e', { status: 'running' })), ...waiting];
        expect(ready(moves, all, ['1', 'x', 'y'])).toEqual(['2', '3']);
        expect(ready(moves, all, ['1', 'x', 'y'], ['2'])).toEqual(['3']);
        expect(ready(moves, all, ['1', 'x', 'y'], ['2', '3'])).toEqual([]);
        expect(ready(moves, all, ['1'], ['2'])).toEqual([]);
    });
    test('a move that waits for another one to end is not made ready', () => {
        const moves = [move('1', 'a', 'b', { status: 'running' }), move('2', 'a', 'b', { after: ['1'] }), move('3', 'a', 'b')];
        expect(ready(moves, one, ['1'])).toEqual(['3']);
    });
    test('one that a further condition keeps from starting is not made ready', () => {
        const moves = [move('1', 'a', 'b', { status: 'running' }), move('2', 'a', 'b')];
        expect(toReady({ moves }, one, new Set(['1']), new Set(), () => 'too thin')).toEqual([]);
    });
});

describe('properties', () => {
    property.prop([anyMoves, anyLimits])('work-conserving: whatever was not started would pass a limit', (moves, limits) => {
        const { start, blocked } = startable({ moves }, limits);
        const now = moves.map((m) => (start.includes(m.id) ? { ...m, status: 'running' as const } : m));
        expect(startable({ moves: now }, limits).start).toEqual([]);
        expect(start.length + blocked.length).toBe(moves.length);
        for (const host of ['a', 'b', 'c', 'd']) {
            const out = now.filter((m) => m.status === 'running' && m.source === host).length;
            const into = now.filter((m) => m.status === 'running' && m.destination === host).length;
            expect(out).toBeLessThanOrEqual(limits.outOfHost ?? 99);
            expect(into).toBeLessThanOrEqual(limits.intoHost ?? 99);
            expect(out + into).toBeLessThanOrEqual(limits.perHost ?? 99);
        }
    });
});

test('what starts together is a party of its own, after those that start alone', () => {
    const gang = { name: 'g', moves: ['1', '3'], allOrNone: false };
    expect(parties(['1', '2', '3', '4'], (id) => (gang.moves.includes(id) ? gang : undefined))).toEqual([['2'], ['4'], ['1', '3']]);
});

test("a move that goes elsewhere waits as one of its gang, and one that goes home as nobody's mate", () => {
    const gang = { name: 'g', moves: ['v-move'], allOrNone: false };
    const queued = move('v-move', 'a', 'b', { gang, heldBack: 'waits', status: 'failed' });
    const step = planned(vm('v', 'a'), 'c', { after: ['w'] });
    expect(turned(queued, step)).toEqual({ ...queued, destination: 'c', after: ['w'], status: 'waiting' });
    expect(turned(queued, { ...step, homeward: 'it failed' })).toMatchObject({ gang: undefined, heldBack: undefined, destination: 'c' });
});
