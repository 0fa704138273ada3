/** What the report tells beside the moves themselves: checks, hooks, settings, slowed guests, cost; and very many moves. */
import { bytes, bytesPerSecond, epochMs, mebibyte, milliseconds, ratio } from '@mig/language';
import { describe, expect, test } from 'vitest';
import type { MigrationEvent, MoveEvent } from '../model/events.js';
import type { PlannedCheck, PlannedMove } from '../model/plan.js';
import { instance, move, planOf, rung, unlimited } from '../simulate/plan-builders.js';
import { simulate } from '../simulate/run.js';
import { host, noon, snapshot, vm } from '../testing/builders.js';
import { commandText } from './around.js';
import { brownoutOf } from './brownout.js';
import { progressLines } from './progress-lines.js';
import { nothingYet, progressOf } from './progress.js';
import { reportOf } from './report.js';
import { reportText } from './report-text.js';
import { fitName, widthOf } from './text.js';

const guest = (name: string) =>
    vm(name, 'a', { memory: bytes(64 * mebibyte), dirtyRate: bytesPerSecond(mebibyte), workingSet: bytes(4 * mebibyte) });
const play = (names: readonly string[], facts: Partial<PlannedMove> = {}): readonly MigrationEvent[] => {
    const guests = names.map(guest);
    const from = snapshot([host('a'), host('b')], guests);
    const technique = { kind: 'precopy', name: undefined, options: { downtimeMs: 300 }, ladder: [] } as const;
    const moves = guests.map((each) => move(each, 'b', { technique, ...facts }));
    return simulate(planOf(from, moves, { instances: [instance({ requires: [] })], limits: { ...unlimited, inAll: 8 } }), from, {
        now: noon,
        seed: 1,
    });
};
const idOf = (events: readonly MigrationEvent[]): string => events.flatMap((e) => (e.type === 'move-started' ? [e.move] : []))[0] ?? '';
const check: PlannedCheck = {
    check: { kind: 'tcp', address: '10.0.0.7', port: 22 },
    from: 'probe',
    withinMs: milliseconds(5000),
    otherwise: 'report',
};
const told = (events: readonly MigrationEvent[], ...more: readonly MigrationEvent[]): readonly MigrationEvent[] => [
    ...events.slice(0, -1),
    ...more,
    ...events.slice(-1),
];

describe('a check', () => {
    const events = play(['db'], { checks: [check] });
    const answer = { at: noon, type: 'verified', move: idOf(events), check, tookMs: milliseconds(900), output: undefined } as const;

    test('that was not run is told as that, and breaks nothing', () => {
        const report = reportOf(events);
        expect(report.totals.checks).toEqual({ ok: 0, failed: 0, notRun: 1 });
        expect(report.allHeld).toBe(true);
        expect(reportText(report, { width: 80 })).toContain('checks: 1 not run');
    });
    test('by a command is told as it would be typed in a shell, with nothing that a shell would take for more than text', () => {
        expect(commandText(['/bin/echo', 'a b', '$(id)', '*', "it's", '', '--to=x:1'])).toBe(
            `/bin/echo 'a b' '$(id)' '*' 'it'\\''s' '' --to=x:1`,
        );
    });
    test('that was answered is counted', () => {
        const report = reportOf(told(events, { ...answer, outcome: 'ok', detail: undefined }));
        expect(report.totals.checks).toEqual({ ok: 1, failed: 0, notRun: 0 });
        expect(report.allHeld).toBe(true);
    });
    test('that failed is named with its place, and not all is held', () => {
        const report = reportOf(told(events, { ...answer, outcome: 'failed', detail: 'connection refused' }));
        expect(report.allHeld).toBe(false);
        expect(reportText(report, { width: 80 })).toContain('  db: tcp 10.0.0.7:22 from probe: connection refused');
    });
});

test('a hook that failed after a move is shown with the last lines that it wrote, and not all is held', () => {
    const events = play(['db']);
    const hook = { when: 'after', on: 'b', command: ['announce'], withinMs: milliseconds(1000) } as const;
    const ran = {
        outcome: 'failed',
        tookMs: milliseconds(3),
        detail: 'ended with 1',
        output: 'one\ntwo\nthree\nno \u001b[31mroute',
    } as const;
    const report = reportOf(told(events, { at: noon, type: 'hook-ended', move: idOf(events), hook, ...ran }));
    expect(report.allHeld).toBe(false);
    const text = reportText(report, { width: 80 });
    expect(text).toContain('  db: announce on b ended with 1\n    | two\n    | three\n    | no [31mroute\n');
});

test('CPU time is told for each GiB that was sent, of the sides that are known', () => {
    const events = play(['db']);
    const sent = events.flatMap((e) => (e.type === 'job-completed' ? [e.transferred] : []))[0] ?? 0;
    const report = reportOf(
        told(events, { at: noon, type: 'effort', move: idOf(events), on: 'a', side: 'source', cpuMs: milliseconds(500) }),
    );
    expect(report.moves[0]?.cpuSecondsPerGib.source).toBeCloseTo(0.5 / (sent / 2 ** 30));
    expect(report.moves[0]?.cpuSecondsPerGib.destination).toBeUndefined();
    expect(reportText(report, { width: 80 })).toMatch(/CPU for each GiB sent: [\d.]+ s at the source\n/);
});

test('what a link counted stands beside what moves sent over it, and a link that nobody could read is not named', () => {
    const events = play(['db']);
    const counted = { at: noon, type: 'link-counted', network: 'mig', since: noon } as const;
    const report = reportOf(told(events, { ...counted, host: 'a', sent: bytes(300 * 2 ** 20), received: bytes(2 ** 20) }));
    expect(report.links).toMatchObject([{ host: 'a', sent: 300 * 2 ** 20, movedOut: report.moves[0]?.transferred, movedIn: 0 }]);
    expect(reportText(report, { width: 80 })).toMatch(
        /on the wire, by the counters of the links\n  a\/mig: 300 MiB out \(its moves [\d.]+ MiB\), 1 MiB in\n/,
    );
    expect(reportText(reportOf(events), { width: 80 })).not.toContain('on the wire');
});

describe('a guest ran slowed', () => {
    const of = { move: 'm1' } as const;
    const figures = { total: bytes(1), remaining: bytes(1), transferred: bytes(1), rate: undefined, dirtyRate: undefined };
    const look = (at: number, throttle: number | undefined): MoveEvent => ({
        ...of,
        ...figures,
        at: epochMs(at),
        type: 'progress',
        iteration: 1,
        cap: undefined,
        eta: undefined,
        throttle: throttle === undefined ? undefined : ratio(throttle),
    });
    const stop: MoveEvent = { ...of, at: epochMs(400), type: 'guest-stopped', on: 'a' };
    const performed: MoveEvent = {
        ...of,
        at: epochMs(900),
        type: 'phase-ended',
        phase: 'perform',
        tookMs: milliseconds(900),
        error: undefined,
    };
    const switched: MoveEvent = { ...of, at: epochMs(300), type: 'postcopy-started' };
    const precopy = { kind: 'precopy', name: undefined, options: {}, ladder: [] } as const;
    const throttling = { ...precopy, options: { throttle: { initial: 0.2, step: 0.1, max: 0.8 } } };

    test('while it was throttled, until it was stopped', () => {
        expect(brownoutOf([look(100, 0), look(200, 0.2), look(300, 0.3), stop, performed], throttling)).toEqual({
            throttledMs: 200,
            postcopyMs: 0,
            totalMs: 200,
        });
    });
    test('not at all in a simulation where no rung came to throttle it', () => {
        const ladder = [rung({ kind: 'after', ms: 600_000 }, { kind: 'throttle', throttle: { initial: 0.2, step: 0.1, max: 0.8 } })];
        const [report] = reportOf(play(['db'], { technique: { ...precopy, ladder } })).moves;
        expect(report?.brownout).toEqual({ throttledMs: 0, postcopyMs: 0, totalMs: 0 });
    });
    test('from the switch to post-copy until all its pages had come', () => {
        const finished: MoveEvent = { ...performed, phase: 'finish' };
        expect(brownoutOf([look(100, undefined), switched, { ...performed, at: epochMs(320) }, finished], precopy)).toEqual({
            throttledMs: 0,
            postcopyMs: 600,
            totalMs: 600,
        });
    });
    test('until its source had sent all of them, where finish only lets it run', () => {
        const finished: MoveEvent = { ...performed, at: epochMs(340), phase: 'finish' };
        const completed = {
            ...of,
            at: epochMs(20_300),
            type: 'job-completed',
            totalMs: milliseconds(20_300),
            downtimeMs: undefined,
        } as const;
        const summary: MoveEvent = { ...completed, transferred: bytes(1), iterations: 2, normalPages: undefined, zeroPages: undefined };
        expect(brownoutOf([switched, finished, summary], precopy).postcopyMs).toBe(20_000);
    });
    test('for nobody knows how long, where nothing tells of the throttling that was asked for or of the end', () => {
        expect(brownoutOf([look(100, undefined), performed], throttling).totalMs).toBeUndefined();
        expect(brownoutOf([switched], precopy).totalMs).toBeUndefined();
    });
});

test('a hook that failed in each attempt is told once, and why a VM did not move is no warning besides', () => {
    const events = play(['db']);
    const hook = { when: 'before', on: 'a', command: ['checkpoint'], withinMs: milliseconds(2000) } as const;
    const move = idOf(events);
    const failed: MigrationEvent = {
        ...{ at: noon, type: 'hook-ended', move, hook, outcome: 'failed', detail: 'ended with 1' },
        ...{ tookMs: milliseconds(9), output: 'no space' },
    } as const;
    const error = { code: 'hook-failed', message: 'db was not moved: its hook checkpoint on a ended with 1', hint: undefined };
    const end: MigrationEvent = { at: noon, type: 'move-ended', move, outcome: 'failed', vmOn: 'a', error };
    const note: MigrationEvent = { at: noon, type: 'note', level: 'warning', move, text: `db did not move: ${error.message}` };
    const text = reportText(reportOf(told(events, failed, { ...failed, output: 'still none' }, end, note)), { width: 100 });
    expect(text).toContain('  db: checkpoint on a ended with 1 (2 times)\n    | still none\n');
    expect(text).toContain('not moved\n  db was not moved: its hook checkpoint on a ended with 1 (hook-failed); it is on a');
    expect(text).not.toContain('warnings');
});

test('a guest that dirties as much as is sent has no end in sight, also when a pass is nearly over', () => {
    const started = play(['db']).find((e) => e.type === 'run-started');
    if (started?.type !== 'run-started') throw new Error('no run');
    const [{ id: move } = { id: '' }] = started.plan.moves;
    const look = (at: number, iteration: number, dirtyRate: number): MigrationEvent => ({
        ...{ at: epochMs(noon + at), type: 'progress', move, iteration, cap: undefined, throttle: undefined },
        ...{ total: bytes(64 * mebibyte), remaining: bytes(mebibyte), transferred: bytes(1), eta: milliseconds(40) },
        ...{ rate: bytesPerSecond(25 * mebibyte), dirtyRate: bytesPerSecond(dirtyRate * mebibyte) },
    });
    const etaAfter = (...events: readonly MigrationEvent[]) => [started, ...events].reduce(progressOf, nothingYet).moves.get(move)?.eta;
    expect(etaAfter(look(1000, 1, 0))).toBe(40);
    expect(etaAfter(look(1000, 2, 26))).toBeUndefined();
    // 1 MiB is left of this pass, and 40 MiB were dirtied in it.
    expect(etaAfter(look(1000, 2, 20), look(3000, 2, 20))).toBeCloseTo((41 / 5) * 1000);
});

test('a move of which nothing goes out any more has no rate and no end in sight, whatever its hypervisor tells', () => {
    const started = play(['db']).find((e) => e.type === 'run-started');
    if (started?.type !== 'run-started') throw new Error('no run');
    const [{ id: move } = { id: '' }] = started.plan.moves;
    const look = (at: number, transferred: number): MigrationEvent => ({
        ...{ at: epochMs(noon + at), type: 'progress', move, iteration: 1, cap: undefined, throttle: undefined },
        ...{ total: bytes(64 * mebibyte), remaining: bytes(mebibyte), transferred: bytes(transferred), eta: milliseconds(40) },
        ...{ rate: bytesPerSecond(25 * mebibyte), dirtyRate: undefined },
    });
    const after = (...events: readonly MigrationEvent[]) => [started, ...events].reduce(progressOf, nothingYet).moves.get(move);
    expect(after(look(0, 5), look(2900, 5))).toMatchObject({ rate: 25 * mebibyte, eta: 40 });
    expect(after(look(0, 5), look(1500, 5), look(3000, 5))).toMatchObject({ rate: 0, eta: undefined });
    expect(after(look(0, 5), look(3000, 5), look(3100, 6))).toMatchObject({ rate: 25 * mebibyte, eta: 40 });
});

test('names that begin alike are cut so that they can be told apart', () => {
    expect(['web-frontend-prod-01', 'web-frontend-prod-02'].map((name) => fitName(name, 12))).toEqual(['web-fr…od-01', 'web-fr…od-02']);
    expect(fitName('web-frontend', 12)).toBe('web-frontend');
    expect(widthOf(fitName('データベース-データベース-1', 13))).toBeLessThanOrEqual(13);
    expect(fitName('web-frontend', 4)).toBe('web…');
});

describe('with five hundred moves', () => {
    const names = Array.from({ length: 500 }, (_, i) => `w${i + 1}`);
    const events = play(names);
    let view = nothingYet;
    const views = events.flatMap((event, i) => {
        view = progressOf(view, event);
        return i % 400 === 0 ? [view] : [];
    });

    test.each([60, 80, 200])('%s columns are enough for the display at every moment, and what is under way is in sight', (width) => {
        for (const view of views) {
            const lines = progressLines(view, { width, height: 23 });
            expect(lines.length).toBeLessThanOrEqual(23);
            expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(width);
            const running = [...view.moves.values()].filter((m) => m.status === 'running');
            const shown = running.filter((m) => lines.some((line) => line.startsWith(`${m.vm} `) && !line.includes('waiting'))).length;
            expect(shown).toBeGreaterThanOrEqual(Math.min(running.length, 18));
        }
    });
    test('the report is short, and names the move that went wrong', () => {
        const [, , wrong] = events.flatMap((e) => (e.type === 'move-started' ? [e.move] : []));
        const failed = events.map((e) =>
            e.type === 'move-ended' && e.move === wrong
                ? { ...e, outcome: 'failed' as const, error: { code: 'timed-out', message: 'nobody answered', hint: undefined } }
                : e,
        );
        const report = reportOf(failed);
        const name = report.moves.find((m) => m.outcome === 'failed')?.vm ?? '';
        const text = reportText(report, { width: 80 });
        expect(text.split('\n').length).toBeLessThan(50);
        expect(text).toMatch(new RegExp(`^ {2}${name} +failed`, 'm'));
        expect(text).toContain('and 480 more that moved as asked');
    });
});
