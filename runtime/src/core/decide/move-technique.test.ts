import { fc, test as property } from '@fast-check/vitest';
import { bytes, bytesPerSecond, mebibyte } from '@mig/language';
import { describe, expect, test } from 'vitest';
import type { PlannedTechnique } from '../model/plan.js';
import { moveTechnique, ownSwitch, switchComesIn, switchesNow } from './move-technique.js';

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
    test('memory that was never touched passes at once: the end of the pass is seen coming by the rest', () => {
        const mib = (n: number): number => n * mebibyte;
        /** Of 1000 MiB 400 are held for the guest, and 40 for its hypervisor. */
        const pass = (sent: number, held?: number) => ({
            ...at(1, mib(1000 - sent), mib(100)),
            transferred: bytes(mib(sent)),
            ...(held === undefined ? {} : { held: bytes(mib(held)) }),
        });
        expect(switchesNow(kind('hybrid'), pass(360))).toBe(false);
        expect(switchesNow(kind('hybrid'), pass(200, 440))).toBe(false);
        expect(switchesNow(kind('hybrid'), pass(310, 440))).toBe(true);
        expect(switchesNow(kind('hybrid'), pass(400, 440))).toBe(true);
        // More than is held has gone out: what is held says nothing of this guest.
        expect(switchesNow(kind('hybrid'), pass(460, 440))).toBe(false);
        // What is held never lets it think that the pass is longer than it is.
        expect(switchesNow(kind('hybrid'), pass(940, 2000))).toBe(true);
    });
    test('nothing is expected of a rate that is not known yet', () => {
        expect(switchesNow(kind('hybrid'), at(1, 0))).toBe(false);
        expect(switchesNow(kind('hybrid'), at(1, 0, 0))).toBe(false);
    });
    const figures = {
        size: fc.integer({ min: 64, max: 4000 }),
        held: fc.double({ min: 0.1, max: 1.2, noNaN: true }),
        rate: fc.integer({ min: 1, max: 2000 }),
    };
    property.prop([fc.record(figures)])('is foreseen for the moment at which it is made, and no earlier', ({ size, held, rate }) => {
        // Full pages alone, so that what is sent and what is left are one.
        const [memory, speed] = [size * mebibyte, bytesPerSecond(rate * mebibyte)];
        const after = (ms: number) => ({
            iteration: 1,
            remaining: bytes(memory - (speed * ms) / 1000),
            transferred: bytes((speed * ms) / 1000),
            rate: speed,
            held: bytes(memory * held),
        });
        const ms = switchComesIn(kind('hybrid'), after(0), speed);
        const isOver = (at: number): boolean => after(at).transferred > after(at).held;
        if (!isOver(ms + 1)) expect(switchesNow(kind('hybrid'), after(ms + 1e-3))).toBe(true);
        if (ms > 1) expect(switchesNow(kind('hybrid'), after(ms - 1))).toBe(false);
        expect(switchComesIn(kind('precopy'), after(0), speed)).toBe(Infinity);
        expect(switchComesIn(kind('hybrid'), { ...after(0), iteration: 2 }, speed)).toBe(Infinity);
    });
    test('post-copy makes at once, and pre-copy never', () => {
        expect(switchesNow(kind('postcopy'), at(0))).toBe(true);
        expect(switchesNow(kind('precopy'), at(7, 0, 100))).toBe(false);
    });
});
