import { bytes, bytesPerSecond } from '@mig/language';
import { describe, expect, test } from 'vitest';
import type { PlannedTechnique } from '../model/plan.js';
import { moveTechnique, ownSwitch, switchesNow } from './move-technique.js';

const planned = (kind: PlannedTechnique['kind'], ladder: PlannedTechnique['ladder'] = []): PlannedTechnique => ({
    kind,
    name: undefined,
    options: { streams: 2 },
    ladder,
});
const range = { source: 0, start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };

describe('a technique as the phases are asked for it', () => {
    test.each([
        ['precopy', true, false, undefined],
        ['postcopy', true, true, { atIteration: 1 }],
        ['hybrid', true, true, { atIteration: 2 }],
        ['stop-and-copy', false, false, undefined],
    ] as const)('%s', (kind, live, postcopy, own) => {
        expect(moveTechnique(planned(kind))).toEqual({ live, postcopy, options: { streams: 2 } });
        expect(ownSwitch(planned(kind))).toEqual(own);
    });

    test('pre-copy with a rung that switches prepares for it', () => {
        const rung = { on: { kind: 'after', ms: 1000 }, and: undefined, action: { kind: 'switch-to-postcopy' }, range } as const;
        expect(moveTechnique(planned('precopy', [rung])).postcopy).toBe(true);
        expect(ownSwitch(planned('precopy', [rung]))).toBeUndefined();
    });
});

describe('the switch that a technique makes by itself', () => {
    const kind = (name: 'precopy' | 'postcopy' | 'hybrid') => ({ kind: name, name: undefined, options: {}, ladder: [] });
    const at = (iteration: number, remaining?: number, rate?: number) => ({
        iteration,
        ...(remaining === undefined ? {} : { remaining: bytes(remaining) }),
        ...(rate === undefined ? {} : { rate: bytesPerSecond(rate) }),
    });
    test('hybrid makes just before its first pass ends', () => {
        expect(switchesNow(kind('hybrid'), at(1, 100, 100))).toBe(false);
        expect(switchesNow(kind('hybrid'), at(1, 70, 100))).toBe(true);
        expect(switchesNow(kind('hybrid'), at(0, 70, 100))).toBe(true);
        expect(switchesNow(kind('hybrid'), at(2, 100, 100))).toBe(true);
    });
    test('nothing is expected of a rate that is not known yet', () => {
        expect(switchesNow(kind('hybrid'), at(1, 0))).toBe(false);
        expect(switchesNow(kind('hybrid'), at(1, 0, 0))).toBe(false);
    });
    test('post-copy makes at once, and pre-copy never', () => {
        expect(switchesNow(kind('postcopy'), at(0))).toBe(true);
        expect(switchesNow(kind('precopy'), at(7, 0, 100))).toBe(false);
    });
});
