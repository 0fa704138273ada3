import { bytes, mebibyte, milliseconds, type Rung } from '@mig/language';
import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import type { PlannedTechnique } from '../model/plan.js';
import {
    actionText,
    decide,
    isStalled,
    nextClockTime,
    startLadder,
    switchRefused,
    timeBound,
    type LadderSample,
    type LadderState,
} from './ladder.js';

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
    property.prop([
        fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 30 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 5 }),
    ])('is judged over the whole history, of which no more is kept than the rungs look back to', (remaining, one, other) => {
        const stalls = [one, other].map((iterations) => rung({ kind: 'stalled', iterations }, { kind: 'report' }));
        const { state, actions } = judged(startLadder(technique(...stalls)), ...remaining);
        const everStalled = (window: number) => remaining.some((_, i) => isStalled(mebibytes(...remaining.slice(0, i + 1)), window));
        expect(actions.map((a) => a.rung).toSorted()).toEqual([one, other].flatMap((window, i) => (everStalled(window) ? [i] : [])));
        expect(state.remaining.length).toBeLessThanOrEqual(Math.max(one, other) + 1);
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
    test('the time bound is the first unconditional abort by the clock', () => {
        expect(timeBound(patient)).toBe(120_000);
        expect(timeBound(technique())).toBeUndefined();
    });
});

const ordered = technique(
    rung({ kind: 'iteration', iteration: 2 }, { kind: 'throttle', throttle: { initial: 0.2, step: 0.1, max: 0.8 } }),
    rung({ kind: 'after', ms: 60_000 }, { kind: 'switch-to-postcopy' }),
    rung({ kind: 'after', ms: 60_000 }, { kind: 'bandwidth', rate: 'unlimited' }),
    rung({ kind: 'after', ms: 90_000 }, { kind: 'switch-to-postcopy' }),
    rung({ kind: 'after', ms: 120_000 }, { kind: 'report' }),
    rung({ kind: 'after', ms: 120_000 }, { kind: 'abort' }),
);

describe('a ladder and post-copy', () => {
    const asked = decide(startLadder(ordered), sample('clock', 60_000, 1));
    test('the rung switches once, and everything that may not follow is void and told', () => {
        expect(asked.actions.map(actionText)).toEqual(['switch to post-copy', 'no cap of its own']);
        expect(asked.voided.map(({ rung: n, because }) => [n, because.text])).toEqual([
            [0, 'throttle 20% step 10% up to 80%: void after the switch to post-copy'],
            [3, 'switch to post-copy: void after the switch to post-copy'],
            [5, 'abort: void after the switch to post-copy'],
        ]);
        expect(asked.state.postcopy).toBe('asked');
    });
    test('caps and reports go on, and the clock does not wait for what is void', () => {
        expect(nextClockTime(asked.state, milliseconds(60_000))).toBe(120_000);
        const late = decide(asked.state, { ...sample('clock', 120_000, 3), switched: true });
        expect([late.actions, late.voided, late.state.postcopy]).toEqual([[{ rung: 4, kind: 'report' }], [], 'made']);
        expect(nextClockTime(late.state, milliseconds(60_000))).toBeUndefined();
    });
    test('a switch that the technique makes by itself counts the same', () => {
        const own = decide(startLadder(ordered), { ...sample('clock', 130_000, 2), switched: true });
        expect(own.actions.map(({ kind }) => kind)).toEqual(['bandwidth', 'report']);
        expect(own.voided.map(({ rung: n }) => n)).toEqual([0, 1, 3, 5]);
    });
    test('a switch that was refused lets the ladder go on', () => {
        const refused = switchRefused(asked.state);
        expect(nextClockTime(refused, milliseconds(60_000))).toBe(90_000);
        expect(decide(refused, sample('clock', 90_000, 1)).actions.map(({ kind }) => kind)).toEqual(['switch-to-postcopy']);
    });
    test('a switch that was made is not taken back', () => {
        const made = decide(asked.state, { ...sample('clock', 61_000, 1), switched: true }).state;
        expect(switchRefused(made)).toBe(made);
    });
    test('what is never to be done is left out', () => {
        const never = startLadder({ ...ordered, options: { never: ['postcopy', 'throttle'] } });
        expect(decide(never, sample('clock', 95_000, 2)).actions.map(({ kind }) => kind)).toEqual(['bandwidth']);
        expect(nextClockTime(never, milliseconds(60_000))).toBe(120_000);
    });
    test('a pause stops nothing else', () => {
        const pause = technique(
            rung({ kind: 'after', ms: 1 }, { kind: 'pause' }),
            rung({ kind: 'after', ms: 1 }, { kind: 'downtime', ms: 5 }),
        );
        expect(decide(startLadder(pause), sample('clock', 5, 1)).actions.map(({ kind }) => kind)).toEqual(['pause', 'downtime']);
    });
});

const anyOn: fc.Arbitrary<Rung['on']> = fc.oneof(
    fc.record({ kind: fc.constant('stalled' as const), iterations: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ kind: fc.constant('iteration' as const), iteration: fc.integer({ min: 1, max: 8 }) }),
    fc.record({ kind: fc.constant('after' as const), ms: fc.integer({ min: 0, max: 20_000 }) }),
);
const anyAction: fc.Arbitrary<Rung['action']> = fc.oneof(
    fc.record({ kind: fc.constant('downtime' as const), ms: fc.integer({ min: 1, max: 5000 }) }),
    fc.constant({ kind: 'throttle' as const, throttle: { initial: 0.2, step: undefined, max: undefined } }),
    fc.constant({ kind: 'bandwidth' as const, rate: 'unlimited' as const }),
    fc.record({ kind: fc.constantFrom('switch-to-postcopy' as const, 'pause' as const, 'report' as const, 'abort' as const) }),
);
const anyLadder = fc.array(fc.tuple(anyOn, anyAction), { maxLength: 8 }).map((rungs) => technique(...rungs.map(([on, a]) => rung(on, a))));
const anyCourse = fc.record({
    boundaries: fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 20 }),
    /** The hypervisor says at this step that it has switched. */
    switchedAt: fc.integer({ min: 0, max: 25 }),
});

describe('any ladder, on any course', () => {
    property.prop([anyLadder, anyCourse])('keeps its promises', (ladder, { boundaries, switchedAt }) => {
        let state = startLadder(ladder);
        const done: string[] = [];
        const fired: number[] = [];
        const voided: number[] = [];
        let over = false;
        for (const [i, remaining] of boundaries.entries()) {
            const before = state;
            const next = decide(before, { ...sample('iteration', i * 1000, i + 1, remaining), switched: i >= switchedAt });
            expect(next.reasons).toHaveLength(next.actions.length);
            for (const action of next.actions) {
                expect(done.at(-1) === 'abort' && over).toBe(false);
                const afterSwitch = i >= switchedAt || before.postcopy !== 'no' || done.includes('switch-to-postcopy');
                if (afterSwitch) expect(['bandwidth', 'report']).toContain(action.kind);
                done.push(action.kind);
                fired.push(action.rung);
            }
            voided.push(...next.voided.map((v) => v.rung));
            state = next.state;
            over = done.at(-1) === 'abort';
            if (over) break; // nobody asks about a move that has been aborted
        }
        expect(new Set([...fired, ...voided]).size).toBe(fired.length + voided.length);
        expect(done.filter((kind) => kind === 'switch-to-postcopy').length).toBeLessThanOrEqual(1);
        expect(done.slice(0, -1)).not.toContain('abort');
    });
});
