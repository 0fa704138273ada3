import { bytes, bytesPerSecond, mebibyte, milliseconds, type Rung } from '@mig/language';
import { describe, expect, test } from 'vitest';
import type { MigrationEvent } from '../model/events.js';
import type { PlannedTechnique } from '../model/plan.js';
import { gib, host, noon, snapshot, vm } from '../testing/builders.js';
import { move, planOf } from './plan-builders.js';
import { simulate } from './run.js';

const range = { source: 0, start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
const after = (ms: number, action: Rung['action']): Rung => ({ range, on: { kind: 'after', ms }, and: undefined, action });
const technique = (kind: PlannedTechnique['kind'], facts: Partial<PlannedTechnique> = {}): PlannedTechnique => ({
    kind,
    name: undefined,
    options: {},
    ladder: [],
    ...facts,
});
/** Writes more than 1 Gbit/s carries. */
const wild = vm('wild', 'a', { memory: gib(1), dirtyRate: bytesPerSecond(200 * mebibyte), workingSet: bytes(600 * mebibyte) });
const from = snapshot([host('a'), host('b')], [wild]);

function play(technique: PlannedTechnique) {
    const events = simulate(planOf(from, [{ ...move(wild, 'b'), technique }]), from, {
        now: noon,
        seed: 1,
        progressEvery: milliseconds(2000),
    });
    const of = <T extends MigrationEvent['type']>(type: T) =>
        events.filter((e): e is Extract<MigrationEvent, { type: T }> => e.type === type);
    return {
        of,
        order: events
            .filter((e) => !['progress', 'iteration', 'note', 'setting-applied'].includes(e.type))
            .map((e) => ('phase' in e ? `${e.type} ${e.phase}` : e.type)),
        outcome: of('move-ended')[0]?.outcome,
        downtime: (of('guest-resumed')[0]?.at ?? NaN) - (of('guest-stopped')[0]?.at ?? NaN),
        passes: (of('job-completed')[0]?.transferred ?? NaN) / wild.memory,
    };
}

describe('a guest that writes faster than its link', () => {
    test('is moved by post-copy, with the phases in the order of an execution', () => {
        const { order, downtime, passes } = play(technique('postcopy'));
        expect(order.slice(5, -1)).toEqual([
            'phase-ended prepare',
            'phase-entered perform',
            'guest-stopped',
            'postcopy-started',
            'phase-ended perform',
            'phase-entered finish',
            'guest-resumed',
            'job-completed',
            'phase-ended finish',
            'phase-entered confirm',
            'phase-ended confirm',
            'arrived',
            'move-ended',
        ]);
        expect(downtime).toBeLessThan(60);
        expect(passes).toBeLessThan(1.01);
    });
    test('is moved by hybrid, no page more than twice', () => {
        const { outcome, downtime, passes } = play(technique('hybrid'));
        expect(outcome).toBe('moved');
        expect(downtime).toBeLessThan(60);
        expect(passes).toBeLessThan(2.01);
    });
    test('stands still for stop-and-copy as long as its memory takes', () => {
        const { downtime, passes } = play(technique('stop-and-copy'));
        expect(downtime).toBeGreaterThan((gib(1) * 8) / 1e6);
        expect(passes).toBeLessThan(1.01);
    });
    test('never ends by pre-copy alone, and does with a throttle, a pause or a switch', () => {
        const ends = (...ladder: Rung[]) => play(technique('precopy', { ladder })).outcome;
        expect(ends(after(60_000, { kind: 'abort' }))).toBe('aborted');
        expect(ends(after(5_000, { kind: 'throttle', throttle: { initial: 0.5, step: 0.2, max: undefined } }))).toBe('moved');
        expect(ends(after(5_000, { kind: 'pause' }))).toBe('moved');
        expect(ends(after(5_000, { kind: 'switch-to-postcopy' }))).toBe('moved');
    });
    test('is not aborted after a switch, and the void rungs are told once', () => {
        const { outcome, of } = play(
            technique('precopy', {
                ladder: [after(1_000, { kind: 'switch-to-postcopy' }), after(2_000, { kind: 'abort' }), after(3_000, { kind: 'report' })],
            }),
        );
        expect(outcome).toBe('moved');
        expect(of('rung-fired').map((e) => e.action)).toEqual(['switch to post-copy', 'report']);
        expect(of('note').map((n) => n.text)).toContain('wild: abort: void after the switch to post-copy');
    });
    test('goes no faster after the switch than the cap of that', () => {
        const slow = play(technique('postcopy', { options: { postcopyBandwidth: 20e6 } }));
        expect(slow.of('job-completed')[0]?.totalMs ?? 0).toBeGreaterThan((gib(1) / 20e6) * 1000);
    });
    test('is moved in a third of the bytes by streams that compress', () => {
        const calm = play(technique('precopy', { options: { throttle: { initial: 0.9, step: undefined, max: undefined } } }));
        const small = play(technique('precopy', { options: { streams: 4, compression: { method: 'zstd' } } }));
        expect([calm.outcome, small.outcome]).toEqual(['moved', 'moved']);
        expect(small.passes).toBeLessThan(1.5);
    });
});
