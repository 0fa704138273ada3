import { bytes, bytesPerSecond, mebibyte, milliseconds } from '@mig/language';
import { describe, expect, test } from 'vitest';
import type { MigrationEvent } from '../model/events.js';
import { instance, move, planOf, promise, rung, unlimited } from '../simulate/plan-builders.js';
import { simulate } from '../simulate/run.js';
import { host, noon, snapshot, vm } from '../testing/builders.js';
import { reportOf } from './report.js';

const guest = vm('web', 'a', { memory: bytes(256 * mebibyte), dirtyRate: bytesPerSecond(mebibyte), workingSet: bytes(16 * mebibyte) });
const from = snapshot([host('a'), host('b')], [guest]);
const promises = [promise('downtime', 500), promise('duration', 60_000), promise('traffic', 512 * mebibyte)];
const run = (requires = promises, ladder: ReturnType<typeof rung>[] = []) => {
    const technique = { kind: 'precopy', name: undefined, options: { downtimeMs: 300 }, ladder } as const;
    return simulate(planOf(from, [move(guest, 'b', { technique })], { instances: [instance({ requires })] }), from, { now: noon, seed: 1 });
};
const verdicts = (events: readonly MigrationEvent[]) => reportOf(events).moves[0]?.promises.map((p) => `${p.metric} ${p.verdict}`);
const without = (events: readonly MigrationEvent[], type: MigrationEvent['type']) => events.filter((e) => e.type !== type);

describe('promises', () => {
    test('downtime, duration and traffic are held against what was measured', () => {
        expect(verdicts(run())).toEqual(['downtime held', 'duration held', 'traffic held']);
        expect(reportOf(run()).allHeld).toBe(true);
    });
    test('a figure over its bound is a broken promise, and the run is not all held', () => {
        const events = run([promise('duration', 100)]);
        expect(verdicts(events)).toEqual(['duration broken']);
        expect(reportOf(events).allHeld).toBe(false);
    });
    test('what was not measured is unknown, and does not count as held', () => {
        const events = run([promise('energy', 1e9)]);
        expect(verdicts(events)).toEqual(['energy unknown']);
        expect(reportOf(events).allHeld).toBe(false);
        expect(reportOf(events).totals.promises).toEqual({ held: 0, broken: 0, unknown: 1 });
    });
    test('a VM that was not moved has kept no promise', () => {
        const events = run([promise('downtime', 500)], [rung({ kind: 'after', ms: 800 }, { kind: 'abort' })]);
        expect(verdicts(events)).toEqual(['downtime unknown']);
        expect(reportOf(events)).toMatchObject({ allHeld: false, outcome: 'incomplete', moves: [{ outcome: 'aborted', vmOn: 'a' }] });
    });
    test('`below` is not met by the bound itself', () => {
        const downtime = reportOf(run()).moves[0]?.downtimeMs ?? 0;
        expect(verdicts(run([{ ...promise('downtime', downtime), operator: '<' }]))).toEqual(['downtime broken']);
        expect(verdicts(run([promise('downtime', downtime)]))).toEqual(['downtime held']);
    });
});

describe('downtime', () => {
    test('is what the hypervisors say', () => {
        const events = run().map((e) => (e.type === 'job-completed' ? { ...e, downtimeMs: milliseconds(77) } : e));
        expect(reportOf(events).moves[0]?.downtimeMs).toBe(77);
    });
    test('is taken from stop to resume where they say nothing, or 0', () => {
        const events = run();
        const expected = reportOf(events).moves[0]?.downtime.stopToResume;
        expect(expected).toBeGreaterThan(0);
        const zero = events.map((e) => (e.type === 'job-completed' ? { ...e, downtimeMs: milliseconds(0) } : e));
        expect(reportOf(zero).moves[0]?.downtimeMs).toBe(expected);
        expect(reportOf(without(events, 'job-completed')).moves[0]?.downtimeMs).toBe(expected);
    });
    test('is taken from stop to resume after a switch to post-copy, of which hypervisors tell a part only', () => {
        const events = run().flatMap((e): readonly MigrationEvent[] => {
            if (e.type === 'job-completed') return [{ ...e, downtimeMs: milliseconds(3) }];
            return e.type === 'guest-stopped' ? [e, { type: 'postcopy-started', move: e.move, at: e.at }] : [e];
        });
        expect(reportOf(events).moves[0]?.downtimeMs).toBe(reportOf(events).moves[0]?.downtime.stopToResume);
    });
    test('is unknown where neither was seen', () => {
        const events = without(without(run(), 'job-completed'), 'guest-resumed');
        expect(reportOf(events).moves[0]?.downtimeMs).toBeUndefined();
        expect(verdicts(events)?.[0]).toBe('downtime unknown');
    });
});

describe('a report', () => {
    test('counts the traffic of every attempt', () => {
        const twice = instance({
            onFailure: { retry: { times: 1, everyMs: 1000 }, then: ['leave'], budget: undefined, range: promise('downtime', 1).range },
        });
        const technique = {
            kind: 'precopy',
            name: undefined,
            options: { downtimeMs: 300 },
            ladder: [rung({ kind: 'after', ms: 2000 }, { kind: 'abort' })],
        } as const;
        const once = planOf(from, [move(guest, 'b', { technique })]);
        const sent = (plan: typeof once) => reportOf(simulate(plan, from, { now: noon, seed: 1 })).moves[0];
        expect(sent({ ...once, instances: [twice] })?.attempts).toBe(2);
        expect(sent({ ...once, instances: [twice] })?.transferred).toBeGreaterThan(1.5 * (sent(once)?.transferred ?? Infinity));
    });
    test('counts the duration of a move that was made ready before its turn from its start', () => {
        const other = vm('db', 'a', { memory: bytes(1024 * mebibyte), dirtyRate: bytesPerSecond(0), workingSet: bytes(0) });
        const here = snapshot([host('a'), host('b')], [other, guest]);
        const limits = { ...unlimited, inAll: 1 };
        const events = simulate(planOf(here, [move(other, 'b'), move(guest, 'b')], { limits }), here, { now: noon, seed: 1 });
        const own = events.filter((e) => 'move' in e && e.move === 'web-move');
        const at = (type: MigrationEvent['type']) => own.find((e) => e.type === type)?.at ?? 0;
        expect(at('phase-entered')).toBeLessThan(at('move-started'));
        const web = reportOf(events).moves[1];
        expect(web?.durationMs).toBe((own.findLast((e) => e.type === 'phase-ended')?.at ?? 0) - at('move-started'));
        expect(web).toMatchObject({ attempts: 1, outcome: 'moved' });
        expect(web?.phases.map((p) => `${p.attempt} ${p.phase}`)).toEqual(['1 begin', '1 prepare', '1 perform', '1 finish', '1 confirm']);
    });
    test('gives the phases of a second attempt to it, though they come before its start', () => {
        const ofWeb = (e: object) => ({ at: noon, move: 'web-move', ...e });
        const ended = (phase: string, error?: string) => ofWeb({ type: 'phase-ended', phase, tookMs: milliseconds(1), error });
        const events = [
            { type: 'run-started', version: 1, at: noon, run: 'r1', plan: planOf(from, [move(guest, 'b')]), simulated: false },
            ofWeb({ type: 'move-started', attempt: 1 }),
            ofWeb({ type: 'move-queued', because: 'attempt 1 failed (its lock could not be had)' }),
            ofWeb({ type: 'phase-entered', phase: 'begin' }),
            ended('begin'),
            ofWeb({ type: 'move-queued', because: 'attempt 2 failed' }),
            ofWeb({ type: 'phase-entered', phase: 'begin' }),
            ended('begin'),
            ended('prepare'),
            ofWeb({ type: 'move-started', attempt: 3 }),
            ended('perform', 'refused'),
        ] as MigrationEvent[];
        const web = reportOf(events).moves[0];
        expect(web?.attempts).toBe(3);
        expect(web?.phases.map((p) => `${p.attempt} ${p.phase}`)).toEqual(['2 begin', '3 begin', '3 prepare', '3 perform']);
    });
    test('of a run that was cut off says which moves are unfinished', () => {
        const events = run();
        expect(reportOf(events.slice(0, 8))).toMatchObject({ outcome: undefined, allHeld: false, moves: [{ outcome: 'unfinished' }] });
    });
    test('of no events at all is empty and claims nothing was moved', () => {
        expect(reportOf([])).toMatchObject({ moves: [], totals: { moved: 0 }, outcome: undefined });
    });
    test('passes through JSON unchanged', () => {
        const report = reportOf(run());
        expect(reportOf(JSON.parse(JSON.stringify(run())) as MigrationEvent[])).toEqual(report);
        expect((JSON.parse(JSON.stringify(report)) as typeof report).allHeld).toBe(true);
    });
});
