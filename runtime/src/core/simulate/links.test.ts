import { test as property, fc } from '@fast-check/vitest';
import { bytesPerSecond } from '@mig/language';
import { describe, expect, test } from 'vitest';
import { FairLinks, fairRates, type Flow } from './links.js';
import type { LinkFlow } from './link-filling.js';

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

/** Progressive filling as the books have it: all open flows rise together by the least that fills a link or reaches a cap. */
function reference(flows: readonly Flow[], capacities: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
    const rates = new Map(flows.map((f) => [f.id, 0]));
    const open = new Set(flows);
    while (open.size > 0) {
        const rises = [...capacities].flatMap(([name, capacity]) => {
            const on = flows.filter((f) => f.links.includes(name));
            const rising = on.filter((f) => open.has(f)).length;
            return rising === 0 ? [] : [(capacity - on.reduce((sum, f) => sum + (rates.get(f.id) ?? 0), 0)) / rising];
        });
        const toCaps = [...open].map((f) => (f.cap ?? Infinity) - (rates.get(f.id) ?? 0));
        const rise = Math.max(0, Math.min(...rises, ...toCaps));
        for (const f of open) rates.set(f.id, (rates.get(f.id) ?? 0) + rise);
        if (rise === Infinity) break;
        const isFull = (name: string): boolean => {
            const used = flows.filter((f) => f.links.includes(name)).reduce((sum, f) => sum + (rates.get(f.id) ?? 0), 0);
            return used >= (capacities.get(name) ?? Infinity) * (1 - 1e-12);
        };
        const full = new Set([...capacities.keys()].filter(isFull));
        for (const f of open)
            if ((rates.get(f.id) ?? 0) >= (f.cap ?? Infinity) * (1 - 1e-12) || f.links.some((name) => full.has(name))) open.delete(f);
    }
    return rates;
}

const hostNames = ['a', 'b', 'c', 'd', 'e', 'f'];
const clusters = fc.record({
    capacities: fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 12, maxLength: 12 }),
    flows: fc.array(
        fc.record({
            from: fc.constantFrom(...hostNames),
            to: fc.constantFrom(...hostNames),
            cap: fc.option(fc.integer({ min: 1, max: 500 }), { nil: undefined }),
        }),
        { maxLength: 40 },
    ),
});

property.prop([clusters], { numRuns: 500 })('are those of a plain reference, whatever the cluster', (cluster) => {
    const links = capacities(
        Object.fromEntries(
            hostNames.flatMap((h, i) => [
                [`${h}/in`, cluster.capacities[2 * i]!],
                [`${h}/out`, cluster.capacities[2 * i + 1]!],
            ]),
        ),
    );
    const flows = cluster.flows.map(({ from, to, cap }, i) => flow(`f${i}`, [`${from}/out`, `${to}/in`], cap));
    const rates = fairRates(flows, links);
    for (const [id, rate] of reference(flows, links)) expect((rates.get(id) ?? NaN) / rate).toBeCloseTo(1, 9);
});

/** Few different capacities, so that links often give the same. */
const changes = fc.record({
    capacities: fc.array(fc.oneof(fc.constantFrom(100, 10, 7), fc.integer({ min: 1, max: 1000 })), { minLength: 12, maxLength: 12 }),
    steps: fc.array(
        fc.record({
            from: fc.constantFrom(...hostNames),
            to: fc.constantFrom(...hostNames),
            cap: fc.option(fc.oneof(fc.constantFrom(5, 10, 50), fc.integer({ min: 1, max: 500 })), { nil: undefined }),
            what: fc.constantFrom('come', 'come', 'go', 'cap'),
            which: fc.nat(),
            silent: fc.boolean(),
        }),
        { maxLength: 60 },
    ),
});

property.prop([changes], { numRuns: 500 })('after any change are those that sharing out anew gives', ({ capacities: of, steps }) => {
    const limits = capacities(
        Object.fromEntries(
            hostNames.flatMap((h, i) => [
                [`${h}/in`, of[2 * i]!],
                [`${h}/out`, of[2 * i + 1]!],
            ]),
        ),
    );
    const links = new FairLinks(limits);
    const now = new Map<LinkFlow, Flow>();
    const told = new Map<LinkFlow, number>();
    for (const [i, { from, to, cap, what, which, silent }] of steps.entries()) {
        const known = [...now.keys()][which % Math.max(1, now.size)];
        if (what === 'come' || !known) {
            const one = flow(`f${i}`, [`${from}/out`, `${to}/in`], cap);
            const handle = links.flow(one.links);
            now.set(handle, one);
            links.set(handle, cap ?? Infinity);
        } else if (what === 'go') {
            now.delete(known);
            told.delete(known);
            links.take(known);
        } else {
            now.set(known, { ...now.get(known)!, cap: cap === undefined ? undefined : bytesPerSecond(cap) });
            links.set(known, cap ?? Infinity);
        }
        if (silent) continue;
        for (const changed of links.shareOut()) told.set(changed, changed.rate);
        const anew = fairRates([...now.values()], limits);
        for (const [handle, { id }] of now) expect((told.get(handle) ?? NaN) / (anew.get(id) ?? NaN)).toBeCloseTo(1, 12);
    }
});
