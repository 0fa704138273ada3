import { test as property, fc } from '@fast-check/vitest';
import { bytesPerSecond } from '@mig/language';
import { describe, expect, test } from 'vitest';
import { fairRates, type Flow } from './links.js';

const flow = (id: string, links: readonly string[], cap?: number): Flow => ({
    id,
    links,
    cap: cap === undefined ? undefined : bytesPerSecond(cap),
});
const capacities = (of: Record<string, number>) => new Map(Object.entries(of).map(([name, rate]) => [name, bytesPerSecond(rate)]));

describe('fair rates', () => {
    test('flows on one link share it evenly', () => {
        const rates = fairRates([flow('x', ['l']), flow('y', ['l'])], capacities({ l: 100 }));
        expect(Object.fromEntries(rates)).toEqual({ x: 50, y: 50 });
    });
    test('what a capped flow leaves goes to the others', () => {
        const rates = fairRates([flow('x', ['l'], 10), flow('y', ['l']), flow('z', ['l'])], capacities({ l: 100 }));
        expect(Object.fromEntries(rates)).toEqual({ x: 10, y: 45, z: 45 });
    });
    test('a flow that is held back on one link leaves room on another', () => {
        const rates = fairRates(
            [flow('x', ['a/out', 'b/in']), flow('y', ['a/out', 'c/in'])],
            capacities({ 'a/out': 100, 'b/in': 20, 'c/in': 100 }),
        );
        expect(Object.fromEntries(rates)).toEqual({ x: 20, y: 80 });
    });
    test('a flow without links or cap is not limited', () => {
        expect(fairRates([flow('x', ['unknown'])], capacities({})).get('x')).toBe(Infinity);
    });
    test('two flows with one cap each below the share both get their cap', () => {
        expect(Object.fromEntries(fairRates([flow('x', ['l'], 5), flow('y', ['l'], 5)], capacities({ l: 100 })))).toEqual({ x: 5, y: 5 });
    });
});

const names = ['a', 'b', 'c', 'd'];
const flows = fc.array(
    fc.record({ links: fc.uniqueArray(fc.constantFrom(...names), { maxLength: 3 }), cap: fc.option(fc.integer({ min: 1, max: 200 })) }),
    { minLength: 1, maxLength: 12 },
);
const linkCapacities = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 4, maxLength: 4 });

property.prop([flows, linkCapacities])('no link and no cap is exceeded, and every flow is held by one that is full', (drawn, rates) => {
    const all = drawn.map((f, i) => flow(String(i), f.links, f.cap ?? undefined));
    const limits = capacities(Object.fromEntries(names.map((name, i) => [name, rates[i] ?? 0])));
    const got = fairRates(all, limits);
    const used = (name: string) => all.filter((f) => f.links.includes(name)).reduce((sum, f) => sum + (got.get(f.id) ?? 0), 0);
    for (const [name, limit] of limits) expect(used(name)).toBeLessThanOrEqual(limit * (1 + 1e-9));
    for (const f of all) {
        const rate = got.get(f.id) ?? 0;
        if (f.cap !== undefined) expect(rate).toBeLessThanOrEqual(f.cap * (1 + 1e-9));
        const atCap = f.cap !== undefined && rate >= f.cap * (1 - 1e-9);
        const bottleneck = f.links.some((name) => {
            const limit = limits.get(name) ?? Infinity;
            const most = Math.max(...all.filter((o) => o.links.includes(name)).map((o) => got.get(o.id) ?? 0));
            return used(name) >= limit * (1 - 1e-9) && rate >= most * (1 - 1e-9);
        });
        expect(atCap || bottleneck || (f.links.length === 0 && f.cap === undefined)).toBe(true);
    }
});
