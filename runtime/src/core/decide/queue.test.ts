import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import type { PlanLimits } from '../model/plan.js';
import { startable, toReady, type Blocked, type QueuedMove } from './queue.js';

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
        expect(blocked).toEqual([{ move: '2', because: 'the limit of a: 1 of 1 under way', never: false, waitsFor: 'place' }]);
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
        expect(waits.blocked).toEqual([{ move: '2', because: 'waits for 1 to end', never: false, waitsFor: 'move' }]);
        const never = startable({ moves: [move('1', 'a', 'b', { status: 'failed' }), move('2', 'a', 'b', { after: ['1'] })] }, free);
        expect(never.blocked[0]?.never).toBe(true);
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
    const blocked = (id: string, more: Partial<Blocked> = {}): Blocked => ({
        move: id,
        because: 'full',
        never: false,
        waitsFor: 'place',
        ...more,
    });

    test('one is made ready for each that is about to end, in the order of the plan', () => {
        expect(toReady([blocked('3'), blocked('4'), blocked('5')], 2, new Set())).toEqual(['3', '4']);
    });
    test('what is ready already counts', () => {
        expect(toReady([blocked('3'), blocked('4'), blocked('5')], 2, new Set(['3']))).toEqual(['4']);
        expect(toReady([blocked('3'), blocked('4')], 1, new Set(['3']))).toEqual([]);
    });
    test('a move that waits for another one to end is not made ready', () => {
        expect(toReady([blocked('3', { waitsFor: 'move' }), blocked('4', { never: true }), blocked('5')], 1, new Set())).toEqual(['5']);
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
