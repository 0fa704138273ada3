import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { countSteps, firstPace, tenthMs, type Pace, type SinceLook } from './tenths.js';
import { qemuPortion as portion } from './trim.js';

const step = 6 * portion;
const inMiddle: Pace = { ...firstPace, isAway: true };
const look = (ms: number, portions: number, more: Partial<SinceLook> = {}): SinceLook => ({
    ms,
    sent: portions * portion,
    step,
    ahead: 0,
    pace: inMiddle,
    portion,
    ...more,
});

test('what was sent tells how many steps began, whatever the time between looks', () => {
    expect(countSteps(look(203, 12))).toMatchObject({ steps: 2, beyond: 0 });
    expect(countSteps(look(203, 18))).toMatchObject({ steps: 3, beyond: 0 });
    expect(countSteps(look(203, 6))).toMatchObject({ steps: 1, beyond: 0 });
});

test('and what came beyond them, to a portion', () => {
    const { steps, beyond } = countSteps(look(203, 13));
    expect(steps).toBe(2);
    expect(beyond / portion).toBeCloseTo(1, 9);
});

test('what was ordered is expected: only what is missing of it, or too much, is beyond', () => {
    expect(countSteps(look(203, 14, { ahead: 2 * portion })).beyond / portion).toBeCloseTo(0, 9);
    expect(countSteps(look(203, 15, { ahead: 2 * portion })).beyond / portion).toBeCloseTo(1, 9);
});

test('looks that met the start of a tenth go into the middle of one', () => {
    expect(countSteps(look(200, 12)).pace.lookIn).toBe(2 * tenthMs);
    for (const portions of [6, 13, 18]) expect(countSteps(look(200, portions)).pace.lookIn).toBe(2.5 * tenthMs);
});

test('at first looks go on until the start of a tenth has passed', () => {
    const pace = firstPace;
    const first = countSteps(look(230, 12, { pace }));
    expect(first.pace).toMatchObject({ isAway: false, lookIn: 2.3 * tenthMs });
    const second = countSteps(look(230, 18, { pace: first.pace }));
    expect(second.pace).toMatchObject({ isAway: true, lookIn: 2.35 * tenthMs });
    expect(countSteps(look(235, 12, { pace: second.pace })).pace).toMatchObject({ isAway: true, lookIn: 2 * tenthMs });
});

describe('a step that is under way', () => {
    test('is counted by the time, and settled by the next look', () => {
        const first = countSteps(look(200, 12 + 3));
        expect(first).toMatchObject({ beyond: 0, pace: { lookIn: 2.5 * tenthMs } });
        expect(first.steps).toBeCloseTo(200 / tenthMs, 9);
        const second = countSteps(look(250, 3 + 12, { pace: first.pace }));
        expect(first.steps + second.steps).toBeCloseTo(5, 9);
        expect(second.beyond / portion).toBeCloseTo(0, 9);
    });

    test('was none where the next look finds as much: that came beyond the steps', () => {
        const first = countSteps(look(200, 12 + 3));
        const second = countSteps(look(230, 12, { pace: first.pace }));
        expect((second.beyond + (first.steps + second.steps - 4) * step) / portion).toBeCloseTo(3, 9);
    });
});

test('where a link has smoothed the steps it is the time that tells, until there are steps again', () => {
    const smooth = countSteps(look(230, (230 / tenthMs) * 6));
    expect(smooth).toMatchObject({ beyond: 0, pace: { inSteps: false } });
    expect(smooth.steps).toBeCloseTo(230 / tenthMs, 9);
    const slower = countSteps(look(230, (230 / tenthMs) * 4, { pace: smooth.pace }));
    expect(slower).toMatchObject({ beyond: 0, pace: { inSteps: false } });
    expect(countSteps(look(230, 12, { pace: smooth.pace })).pace.inSteps).toBe(true);
});

/** Steps at the starts of tenths, and looks that are late by so many ms: what was counted, beside what began. */
property.prop([
    fc.double({ min: 0, max: tenthMs, noNaN: true }),
    fc.integer({ min: 4, max: 60 }),
    fc.array(fc.double({ min: 0, max: 12, noNaN: true }), { minLength: 60, maxLength: 60 }),
])('from the middle of a tenth on no step is missed and none counted twice, however late looks are', (first, portions, lateness) => {
    const size = portions * portion;
    let pace = firstPace;
    let [planned, at, seen, counted, began] = [0, 0, 0, 0, 0];
    const begunBy = (ms: number): number => Math.max(0, Math.floor((ms - first) / tenthMs) + 1);
    for (const late of lateness) {
        planned += pace.lookIn;
        const now = planned + late;
        const steps = begunBy(now);
        const known = pace.isAway && pace.lookIn === 2 * tenthMs;
        const result = countSteps({ ms: now - at, sent: (steps - seen) * size, step: size, ahead: 0, pace, portion });
        if (known) {
            counted += result.steps;
            began += steps - seen;
            expect(result.beyond).toBeCloseTo(0, 3);
        }
        [pace, at, seen] = [result.pace, now, steps];
    }
    expect(counted).toBeCloseTo(began, 6);
    expect(began).toBeGreaterThan(20);
});
