import { bytes, mebibyte, milliseconds, type Rung } from '@mig/language';
import { describe, expect, test } from 'vitest';
import type { PlannedTechnique } from '../model/plan.js';
import { decide, isStalled, nextClockTime, startLadder, timeBound, type LadderSample, type LadderState } from './ladder.js';

const range = { source: 0, start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
const rung = (on: Rung['on'], action: Rung['action'], and?: Rung['and']): Rung => ({ range, on, action, and });
const technique = (...ladder: Rung[]): PlannedTechnique => ({ kind: 'precopy', name: 'patient', options: {}, ladder });
const mebibytes = (...n: number[]) => n.map((x) => bytes(x * mebibyte));
const sample = (at: LadderSample['at'], elapsed: number, iteration: number, remaining?: number): LadderSample => ({
    at,
    elapsed: milliseconds(elapsed),
    iteration,
    remaining: remaining === undefined ? undefined : bytes(remaining * mebibyte),
    rate: undefined,
    dirtyRate: undefined,
    throttle: undefined,
});
const patient = technique(
    rung({ kind: 'stalled', iterations: 2 }, { kind: 'downtime', ms: 450 }),
    rung({ kind: 'stalled', iterations: 3 }, { kind: 'downtime', ms: 900 }),
    rung({ kind: 'after', ms: 60_000 }, { kind: 'report' }),
    rung({ kind: 'after', ms: 120_000 }, { kind: 'abort' }),
);
const judged = (state: LadderState, ...remaining: number[]) =>
    remaining.reduce(
        ({ state: s, actions }, r, i) => {
            const next = decide(s, sample('iteration', i * 1000, i + 1, r));
            return { state: next.state, actions: [...actions, ...next.actions] };
        },
        { state, actions: [] as ReturnType<typeof decide>['actions'][number][] },
    );

describe('a stall', () => {
    test('a saw-tooth that keeps falling is progress', () => {
        expect(isStalled(mebibytes(900, 400, 700, 300, 600, 200), 3)).toBe(false);
    });
    test('a saw-tooth that has stopped falling is a stall', () => {
        expect(isStalled(mebibytes(900, 400, 700, 395, 690, 398), 3)).toBe(true);
    });
    test('a gain of exactly four percent is progress', () => {
        expect(isStalled(mebibytes(100, 96), 1)).toBe(false);
        expect(isStalled(mebibytes(100, 97), 1)).toBe(true);
    });
    test('too short a history is never a stall', () => {
        expect(isStalled(mebibytes(100, 100, 100), 3)).toBe(false);
    });
});

describe('a ladder', () => {
    test('rungs fire one after the other as the stall goes on, each once', () => {
        expect(judged(startLadder(patient), 256, 60, 60, 60, 60, 60).actions).toEqual([
            { rung: 0, kind: 'downtime', limit: 450 },
            { rung: 1, kind: 'downtime', limit: 900 },
        ]);
    });
    test('the clock judges what boundaries do not reach', () => {
        const start = startLadder(patient);
        expect(nextClockTime(start, milliseconds(0))).toBe(60_000);
        const first = decide(start, sample('clock', 60_000, 1, 200));
        expect(first.actions).toEqual([{ rung: 2, kind: 'report' }]);
        expect(first.reasons[0]?.text).toBe('1 min have passed');
        expect(nextClockTime(first.state, milliseconds(60_000))).toBe(120_000);
    });
    test('nothing follows an abort', () => {
        const ladder = technique(rung({ kind: 'after', ms: 1 }, { kind: 'abort' }), rung({ kind: 'after', ms: 1 }, { kind: 'report' }));
        expect(decide(startLadder(ladder), sample('clock', 5, 1)).actions).toEqual([{ rung: 0, kind: 'abort' }]);
    });
    test('the clock adds no boundary to the history', () => {
        expect(decide(startLadder(patient), sample('clock', 5, 1, 100)).state.remaining).toEqual([]);
    });
    test('a further condition keeps a rung back until it holds', () => {
        const and = (n: number): Rung['and'] => ({
            range,
            kind: 'binary',
            type: 'boolean',
            operator: '>=',
            left: { range, kind: 'attribute', type: 'number', entity: 'move', attribute: 'iteration', key: undefined },
            right: { range, kind: 'literal', type: 'number', value: n },
        });
        const start = startLadder(technique(rung({ kind: 'after', ms: 1000 }, { kind: 'abort' }, and(2))));
        expect(decide(start, sample('clock', 1000, 1)).actions).toEqual([]);
        expect(decide(start, sample('iteration', 1500, 2, 9)).actions).toEqual([{ rung: 0, kind: 'abort' }]);
    });
    test('what is not built yet is refused with its id', () => {
        expect(() => startLadder(technique(rung({ kind: 'after', ms: 1 }, { kind: 'switch-to-postcopy' })))).toThrow('rung.postcopy');
    });
    test('the time bound is the first unconditional abort by the clock', () => {
        expect(timeBound(patient)).toBe(120_000);
        expect(timeBound(technique())).toBeUndefined();
    });
});
