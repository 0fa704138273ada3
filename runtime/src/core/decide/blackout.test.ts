import { fc, test as property } from '@fast-check/vitest';
import { epochMs, milliseconds } from '@mig/language';
import { describe, expect, test } from 'vitest';
import { AnswerLog, isTheGuests, StandStill } from './blackout.js';

/** Asked every 10 ms, answered at once but for the times between. */
function watched(until: number, silent: (at: number) => boolean, asks: (at: number) => boolean = () => true): AnswerLog {
    const log = new AnswerLog();
    for (let at = 0; at <= until; at += 10) {
        if (!asks(at)) continue;
        log.ask(epochMs(at));
        if (!silent(at)) log.answer(epochMs(at));
    }
    return log;
}

describe('the longest silence', () => {
    test('is the time between the answers around it', () => {
        const log = watched(1000, (at) => (at > 200 && at < 320) || (at > 500 && at < 540));
        expect(log.longest).toEqual({ ms: 120, pauseMs: 10 });
    });

    test('is never nothing: it is as long as the probe waits between its questions', () => {
        expect(watched(100, () => false).longest).toEqual({ ms: 10, pauseMs: 10 });
    });

    test('is not known before the second answer', () => {
        expect(watched(1000, () => true).longest).toBeUndefined();
        expect(watched(1000, (at) => at > 0).longest).toBeUndefined();
    });

    test('that goes on is told by how long it has gone on', () => {
        const log = watched(1000, (at) => at > 300);
        expect(log.silence(epochMs(1000))).toEqual({ ms: 700, pauseMs: 10 });
    });

    test('in which the probe itself did not ask is not the guest’s', () => {
        const paused = watched(
            1000,
            () => false,
            (at) => at <= 200 || at >= 400,
        ).longest;
        expect(paused).toEqual({ ms: 200, pauseMs: 200 });
        expect(paused && isTheGuests(paused)).toBe(false);
        expect(isTheGuests({ ms: milliseconds(200), pauseMs: milliseconds(60) })).toBe(true);
    });
});

property.prop([fc.array(fc.boolean(), { minLength: 2, maxLength: 100 })])(
    'answers and silences of any pattern: the longest run between two answers',
    (answers) => {
        const log = watched((answers.length - 1) * 10, (at) => answers[at / 10] !== true);
        const times = answers.flatMap((answered, i) => (answered ? [i * 10] : []));
        const gaps = times.slice(1).map((at, i) => at - (times[i] ?? 0));
        expect(log.longest?.ms).toBe(gaps.length === 0 ? undefined : Math.max(...gaps));
    },
);

test('a guest stands still from each stop to the next resume, wherever', () => {
    const stood = new StandStill();
    for (const [type, at] of [
        ['guest-stopped', 100],
        ['guest-stopped', 110],
        ['guest-resumed', 150],
        ['guest-resumed', 160],
        ['guest-stopped', 300],
        ['guest-resumed', 320],
    ] as const)
        stood.hear(type, epochMs(at));
    expect(stood.total).toBe(70);
    expect(stood.began).toBe(100);
});
