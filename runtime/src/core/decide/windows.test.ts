import { fc, test as property } from '@fast-check/vitest';
import { bytesPerSecond, epochMs } from '@mig/language';
import { describe, expect, test } from 'vitest';
import { host, minute, snapshot, vm } from '../testing/builders.js';
import { compiled, planOf } from '../testing/compiled.js';
import type { PlanCap, PlanWindow } from '../model/plan.js';
import { windowText } from '../show/words.js';
import { scheduleOf } from './schedule.js';
import { capsWhile, closedBetween, nextLook, openWindows } from './windows.js';

const policyWith = (bandwidth: string): string =>
    `policy drain {\n  when host is in maintenance\n  move vms on host\n  to hosts\n  using precopy\n  bandwidth { ${bandwidth} }\n}\n`;
const rack = snapshot([host('a', { maintenance: true }), host('b')], [vm('web', 'a'), vm('db', 'a')]);
const planned = async (bandwidth: string, on = rack) => planOf(await compiled(policyWith(bandwidth)), on);
const at = (iso: string) => epochMs(Date.parse(iso));
const rates = (caps: readonly PlanCap[]) => caps.map((c) => `${c.kind} ${c.scope} ${c.of ?? ''} ${(c.rate * 8) / 1e6}`.replace('  ', ' '));

describe('windows of a plan', () => {
    test('while one is open its caps stand in the place of those of the same scope', async () => {
        const plan = await planned(
            'total 8 Gbit/s; per vm 1 Gbit/s; between 08:00 and 18:00 on Mon..Fri in "Europe/Berlin": total 2 Gbit/s',
        );
        const inForce = (iso: string) => rates(capsWhile(plan, openWindows(plan, at(iso))));
        expect(plan.windows?.map(windowText)).toEqual([
            'between 08:00 and 18:00 on Mon, Tue, Wed, Thu, Fri (Europe/Berlin) 2 Gbit/s in all',
        ]);
        expect(inForce('2026-11-23T06:59:00Z')).toEqual(['cap total 8000', 'cap vm 1000']);
        expect(inForce('2026-11-23T07:00:00Z')).toEqual(['cap vm 1000', 'cap total 2000']);
        expect(inForce('2026-11-23T16:59:59Z')).toEqual(['cap vm 1000', 'cap total 2000']);
        expect(inForce('2026-11-23T17:00:00Z')).toEqual(['cap total 8000', 'cap vm 1000']);
        expect(inForce('2026-11-28T12:00:00Z')).toEqual(['cap total 8000', 'cap vm 1000']); // a Saturday
    });

    test('a window without a time zone goes by that of the inventory, and unlimited takes a cap away', async () => {
        const plan = await planned('total 1 Gbit/s; between 22:00 and 05:00: total unlimited', { ...rack, timeZone: 'Asia/Tokyo' });
        expect(plan.windows).toMatchObject([
            { policy: 'drain', schedule: { timeZone: 'Asia/Tokyo' }, caps: [], atEnd: { kind: 'finish' } },
        ]);
        const inForce = (iso: string) => rates(capsWhile(plan, openWindows(plan, at(iso))));
        expect(inForce('2026-11-23T13:00:00Z')).toEqual([]);
        expect(inForce('2026-11-23T20:00:00Z')).toEqual(['cap total 1000']);
    });

    test('the call that sets a cap names the most that any window allows', async () => {
        const plan = await planned('total 100 Mbit/s; between 22:00 and 05:00: total 800 Mbit/s');
        const set = plan.moves[0]?.actions.find((a) => a.call === 'virDomainMigrateSetMaxSpeed');
        expect(set?.with['bandwidth']).toContain('800 Mbit/s');
    });

    test('a plan without windows is never looked at again; one with some at every whole minute', async () => {
        expect(nextLook(await planned('total 1 Gbit/s'), at('2026-11-23T06:59:30Z'))).toBeUndefined();
        const plan = await planned('between 08:00 and 18:00: total 2 Gbit/s');
        expect(nextLook(plan, at('2026-11-23T06:59:30Z'))).toBe(at('2026-11-23T07:00:00Z'));
        expect(nextLook(plan, at('2026-11-23T07:00:00Z'))).toBe(at('2026-11-23T07:01:00Z'));
    });

    const one = fc.record({
        from: fc.integer({ min: 0, max: 1439 }),
        length: fc.integer({ min: 1, max: 1439 }),
        days: fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { maxLength: 4 }),
        mbit: fc.integer({ min: 10, max: 500 }),
    });
    property.prop([fc.array(one, { minLength: 1, maxLength: 3 }), fc.integer({ min: 0, max: 7 * 1440 })], { numRuns: 40 })(
        'every minute the total in force is the least of the windows that a count of minutes has open, else that of no window',
        (drawn, start) => {
            const total = (mbit: number, replacedIn?: readonly number[]): PlanCap => ({
                scope: 'total',
                of: undefined,
                rate: bytesPerSecond((mbit * 1e6) / 8),
                kind: 'cap',
                ...(replacedIn && { replacedIn }),
                because: { text: '' },
            });
            const windows = drawn.map(({ from, length, days, mbit }): PlanWindow => {
                const { cron, windowMs } = scheduleOf({ from, to: (from + length) % 1440, days, timeZone: undefined });
                return {
                    policy: 'p',
                    schedule: { cron, windowMs, timeZone: 'UTC' },
                    caps: [total(mbit)],
                    atEnd: { kind: 'finish' },
                    because: { text: '' },
                };
            });
            const plan = {
                caps: [
                    total(
                        1000,
                        windows.map((_, i) => i),
                    ),
                ],
                windows,
            };
            const monday = Date.parse('2026-11-23T00:00:00Z');
            /** Opened today, or yesterday and reaching past midnight. */
            const open = ({ from, length, days }: (typeof drawn)[number], n: number): boolean =>
                [0, 1].some((ago) => {
                    const day = Math.floor(n / 1440) - ago;
                    const since = n - day * 1440 - from;
                    const weekday = (((day + 1) % 7) + 7) % 7;
                    return since >= 0 && since < length && (days.length === 0 || days.includes(weekday));
                });
            for (let n = start; n < start + 60; n++) {
                const caps = capsWhile(plan, openWindows(plan, epochMs(monday + n * minute)));
                const expected = drawn.filter((w) => open(w, n)).map((w) => w.mbit);
                expect((Math.min(...caps.map((c) => c.rate)) * 8) / 1e6).toBeCloseTo(
                    expected.length === 0 ? 1000 : Math.min(...expected),
                    6,
                );
                expect(caps).toHaveLength(Math.max(1, expected.length));
            }
        },
    );
});

describe('at the end of a window', () => {
    const ended = async (atEnd: string, sending: readonly string[] = ['m1']) => {
        const plan = await planned(`total 1 Gbit/s; between 08:00 and 18:00${atEnd}: total 200 Mbit/s`);
        return closedBetween(plan, new Set([0]), new Set(), new Set(sending));
    };
    test('moves in flight follow the caps that hold then, unless told otherwise', async () => {
        expect(await ended('')).toMatchObject([{ moves: ['m1'], abort: false, caps: [] }]);
        expect(await ended(' at end finish')).toMatchObject([{ abort: false, caps: [] }]);
    });
    test('they end with abort, and keep to the caps of the window with cap', async () => {
        expect(await ended(' at end abort')).toMatchObject([{ moves: ['m1'], abort: true }]);
        expect(await ended(' at end cap')).toMatchObject([{ abort: false, caps: [{ scope: 'total', rate: 25e6, only: new Set(['m1']) }] }]);
    });
    test('nobody is concerned where nothing is sent, or the window stays open', async () => {
        expect(await ended(' at end abort', [])).toEqual([]);
        const plan = await planned('between 08:00 and 18:00 at end abort: total 200 Mbit/s');
        expect(closedBetween(plan, new Set([0]), new Set([0]), new Set(['m1']))).toEqual([]);
    });
    test('the window of a trigger may leave a cap of its own to what it has begun', async () => {
        const text = policyWith('total 1 Gbit/s')
            .replace('when host is in maintenance', 'between 22:00 and 05:00 at end cap 100 Mbit/s')
            .replace('vms on host', 'vms on hosts where host.maintenance');
        const night = { ...rack, takenAt: at('2026-11-23T23:00:00Z') };
        const plan = planOf(await compiled(text), night);
        expect(openWindows(plan, at('2026-11-24T04:59:00Z')).size).toBe(1);
        expect(closedBetween(plan, new Set([0]), openWindows(plan, at('2026-11-24T05:00:00Z')), new Set(['m1', 'm2']))).toMatchObject([
            { moves: ['m1', 'm2'], caps: [{ scope: 'total', rate: 12.5e6 }] },
        ]);
    });
});

describe('a reserve', () => {
    test('leaves migrations the rest of each link, in each direction', async () => {
        const plan = await planned('reserve 20%');
        expect(plan.caps).toMatchObject([
            {
                scope: 'link',
                of: 'a/mig',
                rate: 1e8,
                eachWay: true,
                because: { text: '200 Mbit/s of a/mig kept for guests, in each direction' },
            },
            { scope: 'link', of: 'b/mig', rate: 1e8, eachWay: true },
        ]);
    });
    test('is what guests on that network were seen to use, where that is more', async () => {
        const busy = { networks: ['mig'], netTx: bytesPerSecond(50e6), netRx: bytesPerSecond(5e6) };
        const plan = await planned('reserve 200 Mbit/s', { ...rack, vms: [vm('web', 'a', busy), vm('db', 'a')] });
        expect(plan.caps.map((c) => c.rate)).toEqual([75e6, 1e8]);
        expect(plan.caps[0]?.because.text).toContain('which they were seen to use');
    });
    test('per VM is kept for each guest that stands there', async () => {
        expect((await planned('reserve per vm 100 Mbit/s')).caps.map((c) => c.rate)).toEqual([1e8, 125e6]);
    });
});
