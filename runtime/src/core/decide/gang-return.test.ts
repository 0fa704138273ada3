import type { OnFailure } from '@mig/language';
import { expect, test } from 'vitest';
import { move } from '../simulate/plan-builders.js';
import { vm } from '../testing/builders.js';
import { mateReturns, whyGangReturns, type GangMate } from './gang-return.js';

const route = { network: 'mig', address: 'a.mig', listen: '0.0.0.0' };
const step = { ...move(vm('db', 'a'), 'b'), home: route };
const gang = { name: 'app', moves: ['web-move', 'db-move'], allOrNone: true };
const range = { source: 0, start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
const sendsHome: OnFailure = { range, retry: undefined, then: ['return-home'], budget: undefined };
const because = 'web did not move';
const what = (facts: Partial<GangMate>, againInMs?: number) =>
    mateReturns({ step, status: 'moved', gang, policy: sendsHome, stopped: false, ...facts }, { because, againInMs }).what;

test('a gang comes back only where it is all or none, and says whose fault it is', () => {
    const failed = move(vm('web', 'a'), 'b');
    const error = { code: 'refused', message: 'b refused', hint: undefined };
    expect(whyGangReturns(failed, gang, error)).toBe('web of app did not move (b refused), and it is all or none');
    expect(whyGangReturns(failed, { ...gang, allOrNone: false }, error)).toBeUndefined();
    expect(whyGangReturns(failed, undefined, error)).toBeUndefined();
});

test('who sends is called back, and whose guest runs at its destination goes on to its end', () => {
    for (const again of [undefined, 5000]) {
        expect(what({ status: 'running' }, again)).toBe('called-back');
        expect(what({ status: 'settling' }, again)).toBe('goes-on');
    }
});

test('who waits is skipped when the gang fails for good, and waits on when it tries again', () => {
    for (const status of ['waiting', 'delayed'] as const) {
        expect(what({ status })).toBe('skipped');
        expect(what({ status }, 5000)).toBe('nothing');
    }
});

test('who has arrived goes home where the policy says so, there is a way, and moves are still started', () => {
    expect(
        mateReturns({ step, status: 'moved', gang, policy: sendsHome, stopped: false }, { because, againInMs: undefined }),
    ).toMatchObject({
        what: 'home',
        step: { source: 'b', destination: 'a', homeward: because },
    });
    expect(what({}, 5000)).toBe('nothing');
    expect(what({ policy: undefined })).toBe('nothing');
    expect(what({ stopped: true })).toBe('nothing');
    expect(what({ step: move(vm('db', 'a'), 'b') })).toBe('nothing');
});

test('who is on its way home already is left alone, whatever it does', () => {
    for (const status of ['running', 'waiting', 'moved'] as const)
        expect(what({ step: { ...step, homeward: because }, status })).toBe('nothing');
});
