import { epochMs, ratio, type Expression } from '@mig/language';
import { fc, test as property } from '@fast-check/vitest';
import { expect, test } from 'vitest';
import { host, minute, noon, snapshot, vm } from '../testing/builders.js';
import { attr, heldFor, lit, not, op } from '../testing/program.js';
import { scopeOf } from './attributes.js';
import { evaluate, holds } from './evaluate.js';
import type { Truth } from './truth.js';
import { worldOf } from './world.js';

const web = vm('web', 'a', { tags: { app: 'shop', gen: '10.1' } });
const world = worldOf(snapshot([host('a', { cpuUsed: ratio(0.95) })], [web]));
const scope = scopeOf(world, { vm: web });
const of = (e: Expression) => evaluate(e, scope);

const unmeasured = op(attr('vm.dirty_rate'), '>', lit(100, 'rate'));
const truths: Readonly<Record<'true' | 'false' | 'unknown', Expression>> = { true: lit(true), false: lit(false), unknown: unmeasured };
const asked = (truth: Truth) => (truth.known ? String(truth.value) : 'unknown');

test.each([
    ['true', 'true', 'true', 'true'],
    ['true', 'false', 'false', 'true'],
    ['true', 'unknown', 'unknown', 'true'],
    ['false', 'false', 'false', 'false'],
    ['false', 'unknown', 'false', 'unknown'],
    ['unknown', 'unknown', 'unknown', 'unknown'],
] as const)('%s and/or %s is %s/%s, either way round', (a, b, and, or) => {
    for (const [x, y] of [
        [a, b],
        [b, a],
    ] as const) {
        expect(asked(holds(op(truths[x], 'and', truths[y]), scope))).toBe(and);
        expect(asked(holds(op(truths[x], 'or', truths[y]), scope))).toBe(or);
    }
});

test('not of unknown is unknown, and what was unknown is named once', () => {
    const outcome = holds(not(op(unmeasured, 'or', unmeasured)), scope);
    expect(outcome).toEqual({ known: false, because: [expect.stringContaining('vm.dirty_rate of web')] });
});

test('what was not measured makes an arithmetic unknown', () => {
    expect(of(op(attr('vm.net.tx'), '*', lit(2))).known).toBe(false);
    expect(of(op(lit(6), '/', lit(0)))).toEqual({ known: false, because: ['a division by zero'] });
    expect(of(op(lit(6), '/', lit(4)))).toEqual({ known: true, value: 1.5 });
});

test('membership goes both ways, and knows name=value', () => {
    expect(of(op(attr('vm.tags'), 'contains', lit('app=shop')))).toEqual({ known: true, value: true });
    expect(of(op(lit('pinned'), 'in', attr('vm.tags')))).toEqual({ known: true, value: false });
});

test('versions are ordered by their numbers', () => {
    expect(of(op(attr('vm.tag.gen'), '>', lit('9.2')))).toEqual({ known: true, value: true });
    expect(of(op(lit('9.2'), '<', lit('9.2.1')))).toEqual({ known: true, value: true });
});

const busy = op(attr('host.cpu'), '>', lit(0.9, 'ratio'));
const samples = (...values: readonly (readonly [minutesAgo: number, value: number])[]) =>
    values.map(([ago, value]) => ({ at: epochMs(noon - ago * minute), value }));
const withHistory = (...values: readonly (readonly [number, number])[]) =>
    scopeOf(worldOf(snapshot([host('a', { cpuUsed: ratio(0.95) })], [], { history: { 'host:a:cpu': samples(...values) } })), { host: 'a' });

test('a condition that was true at every sample has held', () => {
    expect(asked(holds(heldFor(busy, 5 * minute), withHistory([6, 0.99], [4, 0.92], [2, 0.95])))).toBe('true');
});

test('one sample at which it was false breaks it, however long the history is', () => {
    expect(asked(holds(heldFor(busy, 5 * minute), withHistory([6, 0.99], [3, 0.5], [2, 0.95])))).toBe('false');
    expect(asked(holds(heldFor(busy, 5 * minute), withHistory([3, 0.5])))).toBe('false');
});

test('what it was before the window began counts until the next sample', () => {
    expect(asked(holds(heldFor(busy, 5 * minute), withHistory([9, 0.1], [4, 0.99])))).toBe('false');
});

test('a history that is too short makes it unknown, and says how far it goes', () => {
    expect(holds(heldFor(busy, 5 * minute), withHistory([2, 0.95]))).toEqual({
        known: false,
        because: ['the history of host.cpu of a goes back 2 min, and 5 min are needed'],
    });
    expect(asked(holds(heldFor(busy, 5 * minute), withHistory()))).toBe('unknown');
});

test('what never changes needs no history', () => {
    const inZone = op(busy, 'and', op(attr('host.zone'), '==', lit('z1')));
    expect(asked(holds(heldFor(inZone, 5 * minute), withHistory([6, 0.99])))).toBe('true');
});

property.prop([fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.boolean()), { maxLength: 12 }), fc.integer({ min: 1, max: 15 })])(
    'a condition has held exactly when every value that was in force since then made it true',
    (points, forMinutes) => {
        const byTime = [...new Map(points.map(([ago, high]) => [ago, high])).entries()].sort(([a], [b]) => b - a);
        const outcome = holds(
            heldFor(busy, forMinutes * minute),
            withHistory(...byTime.map(([ago, high]) => [ago, high ? 0.95 : 0.5] as const)),
        );
        const first = byTime.find(([ago]) => ago >= forMinutes);
        const inForce = byTime.filter(([ago], i) => ago > 0 && (byTime[i + 1]?.[0] ?? -1) < forMinutes);
        if (inForce.some(([, high]) => !high)) expect(asked(outcome)).toBe('false');
        else expect(asked(outcome)).toBe(first ? 'true' : 'unknown');
    },
);
