import { fc, test as property } from '@fast-check/vitest';
import { bytes, bytesPerSecond, mebibyte, milliseconds } from '@mig/language';
import { describe, expect, test } from 'vitest';
import type { PlannedTechnique } from '../model/plan.js';
import { firstStopLimit, shortStop, stopLimitAt, type StopLimit } from './stop-limit.js';

const planned = (kind: PlannedTechnique['kind'], downtimeMs?: number): PlannedTechnique => ({
    kind,
    name: undefined,
    options: downtimeMs === undefined ? {} : { downtimeMs },
    ladder: [],
});

describe('the limit by which a guest is stopped', () => {
    test('is held at a tenth of a second under a cap, and what the policy allows is kept for later', () => {
        expect(firstStopLimit(planned('precopy', 500), true)).toEqual({ now: shortStop, full: 500, iteration: 1 });
        expect(firstStopLimit(planned('precopy'), true)).toEqual({ now: shortStop, full: 300, iteration: 1 });
    });
    test('is left as it is without a cap, where less is allowed anyway, and where the technique switches by itself', () => {
        expect(firstStopLimit(planned('precopy', 500), false)).toBeUndefined();
        expect(firstStopLimit(planned('precopy', 80), true)).toBeUndefined();
        expect(firstStopLimit(planned('hybrid'), true)).toBeUndefined();
    });

    const held: StopLimit = { now: shortStop, full: milliseconds(300), iteration: 1 };
    const look = (iteration: number, mib: number, rate = 10) => ({
        iteration,
        remaining: bytes(mib * mebibyte),
        rate: bytesPerSecond(rate * mebibyte),
    });
    test('is raised where a pass leaves what the policy allows, and not while the first one lasts', () => {
        expect(stopLimitAt(held, look(1, 0.5)).now).toBe(shortStop);
        expect(stopLimitAt(held, look(2, 3)).now).toBe(300);
        expect(stopLimitAt(held, look(2, 3.1)).now).toBe(shortStop);
    });
    test('is judged at the beginning of each pass alone: what is left later is sent under the cap', () => {
        const judged = stopLimitAt(held, look(2, 20));
        expect(stopLimitAt(judged, look(2, 1)).now).toBe(shortStop);
        expect(stopLimitAt(judged, look(3, 1)).now).toBe(300);
    });
    test('waits for figures that are not known yet', () => {
        expect(stopLimitAt(held, { ...look(2, 1), remaining: undefined })).toBe(held);
        expect(stopLimitAt(held, { ...look(2, 1), rate: undefined })).toBe(held);
    });

    // QEMU stops a guest when what is left at the end of a pass goes out within its limit.
    property.prop([
        fc.record({
            memory: fc.integer({ min: 16, max: 4096 }),
            rate: fc.integer({ min: 4, max: 1000 }),
            written: fc.double({ min: 0, max: 0.95, noNaN: true }),
            full: fc.integer({ min: 101, max: 2000 }),
        }),
    ])('ends every move that ends under the full limit, in as many passes', ({ memory, rate, written, full }) => {
        const passes = (limited: (pass: number, left: number) => number): number => {
            let left = memory;
            for (let pass = 1; pass < 500; pass++) {
                // What is written while this is sent is left for the next pass.
                left *= written;
                if (left <= (rate * limited(pass + 1, left)) / 1000) return pass;
            }
            return Infinity;
        };
        let limit = firstStopLimit(planned('precopy', full), true);
        const ours = passes((pass, left) => {
            if (limit) limit = stopLimitAt(limit, look(pass, left, rate));
            return limit?.now ?? full;
        });
        expect(ours).toBe(passes(() => full));
    });
});
