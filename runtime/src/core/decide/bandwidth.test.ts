import { fc, test as property } from '@fast-check/vitest';
import { bytesPerSecond, mebibyte } from '@mig/language';
import { describe, expect, test } from 'vitest';
import type { PlanCap } from '../model/plan.js';
import { shares, sharesInFlight, tooThin, type ShareRequest } from './bandwidth.js';

const mib = (n: number) => bytesPerSecond(n * mebibyte);
const cap = (scope: PlanCap['scope'], n: number, of?: string): PlanCap => ({
    scope,
    of,
    rate: mib(n),
    kind: 'cap',
    because: { text: 'test' },
});
const move = (vm: string, source = 'a', destination = 'b', gang?: string): ShareRequest => ({
    move: vm,
    vm,
    source,
    destination,
    network: 'mig',
    gang,
});
const inMib = (given: Map<string, number | undefined>) =>
    Object.fromEntries([...given].map(([m, r]) => [m, r === undefined ? undefined : r / mebibyte]));

describe('shares', () => {
    test('a total is shared evenly', () => {
        expect(inMib(shares([move('x'), move('y')], [cap('total', 100)], {}))).toEqual({ x: 50, y: 50 });
    });
    test('what a capped VM leaves goes to the others', () => {
        expect(inMib(shares([move('x'), move('y'), move('z')], [cap('total', 100), cap('vm', 20, 'x')], {}))).toEqual({
            x: 20,
            y: 40,
            z: 40,
        });
    });
    test('a cap of a link counts at the source and at the destination', () => {
        expect(inMib(shares([move('x', 'a', 'b'), move('y', 'c', 'b')], [cap('link', 60)], {}))).toEqual({ x: 30, y: 30 });
    });
    test('what a slow link cannot carry goes to others, and a link alone caps nothing', () => {
        const moves = [move('x', 'a', 'b'), move('y', 'c', 'd')];
        expect(inMib(shares(moves, [cap('total', 100)], { 'a/mig': mib(10) }))).toEqual({ x: 10, y: 90 });
        expect(inMib(shares(moves, [], { 'a/mig': mib(10) }))).toEqual({ x: undefined, y: undefined });
    });
    test('a gang gets what one VM without a gang gets', () => {
        expect(inMib(shares([move('x', 'a', 'b', 'g'), move('y', 'a', 'b', 'g'), move('z')], [cap('total', 100)], {}))).toEqual({
            x: 25,
            y: 25,
            z: 50,
        });
    });
    test('a reserve bounds each direction of a link for itself', () => {
        const left: PlanCap = { ...cap('link', 60), eachWay: true };
        expect(inMib(shares([move('x', 'a', 'b'), move('y', 'b', 'a')], [left], {}))).toEqual({ x: 60, y: 60 });
        expect(inMib(shares([move('x', 'a', 'b'), move('y', 'c', 'b')], [left], {}))).toEqual({ x: 30, y: 30 });
    });
    test('a cap of some moves bounds no others', () => {
        const some = { ...cap('total', 10), only: new Set(['x']) };
        expect(inMib(shares([move('x'), move('y')], [cap('total', 100), some], {}))).toEqual({ x: 10, y: 90 });
    });
    test('a floor on a link that nothing else caps makes the others leave it', () => {
        const floor: PlanCap = { ...cap('vm', 70, 'x'), kind: 'floor' };
        expect(inMib(shares([move('x'), move('y')], [floor], { 'a/mig': mib(100) }))).toEqual({ x: 70, y: 30 });
    });
    test('a floor is raised to first', () => {
        const floor: PlanCap = { ...cap('vm', 70, 'x'), kind: 'floor' };
        expect(inMib(shares([move('x'), move('y'), move('z')], [cap('total', 100), floor], {}))).toEqual({ x: 70, y: 15, z: 15 });
    });
});

describe('moves that may start', () => {
    test('a floor is what it says, between whole steps as well', () => {
        const floor: PlanCap = { ...cap('vm', 29.5, 'x'), kind: 'floor' };
        expect(inMib(shares([move('x'), move('y')], [cap('total', 40), floor], {}))).toEqual({ x: 29.5, y: 10.5 });
        const rest: PlanCap = { ...cap('vm', 10.5, 'y'), kind: 'floor' };
        expect(tooThin([move('x'), move('y')], [cap('total', 40), floor, rest], {})).toBeUndefined();
        expect(tooThin([move('x'), move('y')], [cap('total', 39.9), floor, rest], {})).toContain('cannot give every VM its floor');
    });
    test('floors of links and in all keep moves from starting that would not reach them together', () => {
        const floor: PlanCap = { ...cap('total', 50), kind: 'floor' };
        expect(tooThin([move('x')], [floor, cap('vm', 20)], {})).toContain('the floor total would not be reached');
        expect(tooThin([move('x'), move('y'), move('z')], [floor, cap('vm', 20)], {})).toBeUndefined();
    });
    test('a share below one step is too thin to start', () => {
        expect(tooThin([move('x'), move('y')], [cap('total', 1.5)], {})).toContain('below 1 MiB/s');
        expect(tooThin([move('x')], [cap('total', 1.5)], {})).toBeUndefined();
    });
});

const hosts = fc.constantFrom('a', 'b', 'c');
const anyMoves = fc
    .array(fc.tuple(hosts, hosts), { minLength: 1, maxLength: 7 })
    .map((pairs) => pairs.map(([s, d], i) => move(`vm${i}`, s, d === s ? 'd' : d)));
const anyCaps = fc
    .array(
        fc.tuple(
            fc.constantFrom(
                ['total', undefined],
                ['link', undefined],
                ['link', 'a/mig'],
                ['host', undefined],
                ['host', 'b'],
                ['vm', undefined],
                ['vm', 'vm0'],
            ),
            fc.double({ min: 1, max: 500, noNaN: true }),
        ),
        { minLength: 1, maxLength: 5 },
    )
    .map((list) => list.map(([[scope, of], n]) => cap(scope, n, of)));

/** Each cap with the moves that it bounds, found anew from the words of the cap. */
const bounds = (moves: readonly ShareRequest[], caps: readonly PlanCap[]) =>
    caps.flatMap((c) => {
        const keys = (m: ShareRequest): string[] =>
            c.scope === 'total'
                ? ['*']
                : c.scope === 'vm'
                  ? [m.vm]
                  : [m.source, m.destination].map((h) => (c.scope === 'link' ? `${h}/${m.network}` : h));
        return [...new Set(moves.flatMap(keys))]
            .filter((k) => c.of === undefined || c.of === k)
            .map((k) => ({ limit: c.rate, members: moves.filter((m) => keys(m).includes(k)).map((m) => m.move) }));
    });
const total = (given: Map<string, number | undefined>, members: readonly string[]) => members.reduce((s, m) => s + (given.get(m) ?? 0), 0);

describe('properties', () => {
    property.prop([anyMoves, anyCaps])('no cap is ever passed', (moves, caps) => {
        const given = shares(moves, caps, {});
        for (const b of bounds(moves, caps)) expect(total(given, b.members)).toBeLessThanOrEqual(b.limit * (1 + 1e-9));
    });
    property.prop([anyMoves, anyCaps])('max-min: every move is held by a full cap in which nobody has more', (moves, caps) => {
        const given = shares(moves, caps, {});
        for (const [id, rate] of given) {
            if (rate === undefined) continue;
            const held = bounds(moves, caps).some(
                (b) =>
                    b.members.includes(id) &&
                    total(given, b.members) > b.limit * (1 - 1e-9) &&
                    b.members.every((m) => (given.get(m) ?? 0) <= rate * (1 + 1e-9)),
            );
            expect(held).toBe(true);
        }
    });
    property.prop([anyMoves, anyCaps, fc.integer()])('the order of moves and caps changes nothing', (moves, caps, seed) => {
        const turned = <T>(list: readonly T[]): T[] =>
            list
                .map((x, i) => ({ x, k: Math.sin(seed + i * 37) }))
                .sort((p, q) => p.k - q.k)
                .map((p) => p.x);
        const one = shares(moves, caps, {});
        const other = shares(turned(moves), turned(caps), {});
        for (const [id, rate] of one) expect(other.get(id) ?? -1).toBeCloseTo(rate ?? -1, 3);
    });
    const anyFloors = fc
        .array(fc.tuple(fc.constantFrom(undefined, 'vm0', 'vm1'), fc.double({ min: 0.5, max: 60, noNaN: true })), {
            minLength: 1,
            maxLength: 2,
        })
        .map((list) => list.map(([of, n]): PlanCap => ({ ...cap('vm', n, of), kind: 'floor' })));
    const anyCapacities = fc.record({
        'a/mig': fc.integer({ min: 20, max: 300 }).map(mib),
        'b/mig': fc.integer({ min: 20, max: 300 }).map(mib),
    });
    property.prop([anyMoves, anyCaps, anyFloors, anyCapacities])(
        'moves that may start together have their floors, and no cap or link is passed; else they may not',
        (moves, caps, least, capacities) => {
            const given = shares(moves, [...caps, ...least], capacities);
            for (const b of bounds(moves, caps)) expect(total(given, b.members)).toBeLessThanOrEqual(b.limit * (1 + 1e-9));
            if (tooThin(moves, [...caps, ...least], capacities) !== undefined) return;
            for (const { vm, source, destination } of moves) {
                const floor = Math.max(0, ...least.filter((c) => c.of === undefined || c.of === vm).map((c) => c.rate));
                const links = [source, destination].map((h) => (capacities as Record<string, number>)[`${h}/mig`] ?? Infinity);
                // Nothing is set only where nothing bounds it but links, on which nobody has a floor.
                expect(given.get(vm) ?? Math.min(...links)).toBeGreaterThanOrEqual(floor * (1 - 1e-9));
            }
        },
    );
    property.prop([anyMoves, anyFloors, anyCapacities, fc.integer({ min: 1, max: 100 })])(
        'what a reserve leaves is not passed in either direction of its link, and is used up where somebody could use more',
        (moves, least, capacities, n) => {
            const left: PlanCap = { ...cap('link', n, 'a/mig'), eachWay: true };
            const given = shares(moves, [left, ...least], capacities);
            for (const end of ['source', 'destination'] as const) {
                const onIt = moves.filter((m) => m[end] === 'a').map((m) => m.move);
                if (onIt.length === 0) continue;
                expect(total(given, onIt)).toBeLessThanOrEqual(left.rate * (1 + 1e-9));
                const others = moves
                    .filter((m) => onIt.includes(m.move))
                    .some((m) => (end === 'source' ? m.destination : m.source) === 'b');
                if (!others && n * mebibyte <= capacities['a/mig']) expect(total(given, onIt)).toBeCloseTo(left.rate, 0);
            }
        },
    );
    property.prop([anyMoves, anyCaps])('a share that is too thin to be set is a step, and named', (moves, caps) => {
        const exact = shares(moves, caps, {});
        const { shares: given, thin } = sharesInFlight(moves, caps, {});
        for (const [id, rate] of given) {
            expect(thin.has(id)).toBe((exact.get(id) ?? Infinity) < mebibyte * (1 - 1e-9));
            expect(rate).toBe(thin.has(id) ? mebibyte : exact.get(id));
        }
    });
});
