import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { countBursts, firstPace, tenthMs, type Pace, type SinceLook } from './tenths.js';
import { qemuPortion as portion } from './trim.js';

const burst = 6 * portion;
const inMiddle: Pace = { ...firstPace, isAway: true };
const look = (ms: number, portions: number, more: Partial<SinceLook> = {}): SinceLook => ({
    ms,
    sent: portions * portion,
    burst,
    ahead: 0,
    pace: inMiddle,
    portion,
    ...more,
});

test('what was sent tells how many bursts began, whatever the time between looks', () => {
    expect(countBursts(look(203, 12))).toMatchObject({ bursts: 2, beyond: 0 });
    expect(countBursts(look(203, 18))).toMatchObject({ bursts: 3, beyond: 0 });
    expect(countBursts(look(203, 6))).toMatchObject({ bursts: 1, beyond: 0 });
});

test('and what came beyond them, to a portion', () => {
    const { bursts, beyond } = countBursts(look(203, 13));
    expect(bursts).toBe(2);
    expect(beyond / portion).toBeCloseTo(1, 9);
});

test('what was ordered is expected: only what is missing of it, or too much, is beyond', () => {
    expect(countBursts(look(203, 14, { ahead: 2 * portion })).beyond / portion).toBeCloseTo(0, 9);
    expect(countBursts(look(203, 15, { ahead: 2 * portion })).beyond / portion).toBeCloseTo(1, 9);
});

test('looks that met the start of a tenth go into the middle of one', () => {
    expect(countBursts(look(200, 12)).pace.lookIn).toBe(2 * tenthMs);
    for (const portions of [6, 13, 18]) expect(countBursts(look(200, portions)).pace.lookIn).toBe(2.5 * tenthMs);
});

test('at first looks go on until the start of a tenth has passed', () => {
    const pace = firstPace;
    const first = countBursts(look(230, 12, { pace }));
    expect(first.pace).toMatchObject({ isAway: false, lookIn: 2.3 * tenthMs });
    const second = countBursts(look(230, 18, { pace: first.pace }));
    expect(second.pace).toMatchObject({ isAway: true, lookIn: 2.35 * tenthMs });
    expect(countBursts(look(235, 12, { pace: second.pace })).pace).toMatchObject({ isAway: true, lookIn: 2 * tenthMs });
});

describe('a burst that is under way', () => {
    test('is counted by the time, and settled by the next look', () => {
        const first = countBursts(look(200, 12 + 3));
        expect(first).toMatchObject({ beyond: 0, pace: { lookIn: 2.5 * tenthMs } });
        expect(first.bursts).toBeCloseTo(200 / tenthMs, 9);
        const second = countBursts(look(250, 3 + 12, { pace: first.pace }));
        expect(first.bursts + second.bursts).toBeCloseTo(5, 9);
        expect(second.beyond / portion).toBeCloseTo(0, 9);
    });

    test('was none where the next look finds as much: that came beyond the bursts', () => {
        const first = countBursts(look(200, 12 + 3));
        const second = countBursts(look(230, 12, { pace: first.pace }));
        expect((second.beyond + (first.bursts + second.bursts - 4) * burst) / portion).toBeCloseTo(3, 9);
    });
});

test('where a link has smoothed the bursts it is the time that tells, until there are bursts again', () => {
    const smooth = countBursts(look(230, (230 / tenthMs) * 6));
    expect(smooth).toMatchObject({ beyond: 0, pace: { inBursts: false } });
    expect(smooth.bursts).toBeCloseTo(230 / tenthMs, 9);
    const slower = countBursts(look(230, (230 / tenthMs) * 4, { pace: smooth.pace }));
    expect(slower).toMatchObject({ beyond: 0, pace: { inBursts: false } });
    expect(countBursts(look(230, 12, { pace: smooth.pace })).pace.inBursts).toBe(true);
});

/** Steps at the starts of tenths, and looks that are late by so many ms: what was counted, beside what began. */
property.prop([
    fc.double({ min: 0, max: tenthMs, noNaN: true }),
    fc.integer({ min: 4, max: 60 }),
    fc.array(fc.double({ min: 0, max: 12, noNaN: true }), { minLength: 60, maxLength: 60 }),
])('from the middle of a tenth on no burst is missed and none counted twice, however late looks are', (first, portions, lateness) => {
    const size = portions * portion;
    let pace = firstPace;
    let [planned, at, seen, counted, began] = [0, 0, 0, 0, 0];
    const begunBy = (ms: number): number => Math.max(0, Math.floor((ms - first) / tenthMs) + 1);
    for (const late of lateness) {
        planned += pace.lookIn;
        const now = planned + late;
        const bursts = begunBy(now);
        const known = pace.isAway && pace.lookIn === 2 * tenthMs;
        const result = countBursts({ ms: now - at, sent: (bursts - seen) * size, burst: size, ahead: 0, pace, portion });
        if (known) {
            counted += result.bursts;
            began += bursts - seen;
            expect(result.beyond).toBeCloseTo(0, 3);
        }
        [pace, at, seen] = [result.pace, now, bursts];
    }
    expect(counted).toBeCloseTo(began, 6);
    expect(began).toBeGreaterThan(20);
});
