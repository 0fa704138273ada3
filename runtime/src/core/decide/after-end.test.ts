import type { OnFailure } from '@mig/language';
import { expect, test } from 'vitest';
import { host, snapshot, vm } from '../testing/builders.js';
import { move } from '../simulate/plan-builders.js';
import { afterEnd, afterFailure, homewardOf, type EndedAttempt, type EndingMove } from './after-end.js';

const range = { source: 0, start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
const route = (name: string) => ({ network: 'mig', address: `${name}.mig`, listen: '0.0.0.0' });
const from = snapshot([host('a'), host('b'), host('c')], [vm('db', 'a')]);
const step = { ...move(from.vms[0]!, 'b'), home: route('a') };
const policy = (facts: Partial<OnFailure>): OnFailure => ({ range, retry: undefined, then: [], budget: undefined, ...facts });
const ending = (facts: Partial<EndingMove> = {}): EndingMove => ({
    step,
    gang: undefined,
    attempts: 1,
    before: 0,
    stopped: false,
    late: false,
    returned: undefined,
    ...facts,
});
const error = { code: 'refused', message: 'b refused', hint: undefined };
const failed: EndedAttempt = { outcome: 'failed', vmOn: 'a', error, retryable: true };
const arrived: EndedAttempt = { outcome: 'moved', vmOn: 'b', error: undefined, retryable: false };
const twice = policy({ retry: { times: 2, everyMs: 5000 }, then: ['other-destination', 'leave'] });
const gang = { name: 'app', moves: ['x', 'y'], allOrNone: true };

test('a failed attempt is made again as often as the policy says, and no more', () => {
    expect(afterEnd(failed, ending(), twice)).toMatchObject({
        what: 'again',
        inMs: 5000,
        because: expect.stringContaining('retry 1 of 2') as string,
    });
    expect(afterEnd(failed, ending({ attempts: 2 }), twice).what).toBe('again');
    expect(afterEnd(failed, ending({ attempts: 3 }), twice)).toMatchObject({
        what: 'over',
        moved: false,
        fails: true,
        end: { outcome: 'failed', vmOn: 'a', error },
    });
});

test('nothing is tried again once the run stops, the deadline has passed, or trying again is in vain', () => {
    for (const facts of [{ stopped: true }, { late: true }]) expect(afterEnd(failed, ending(facts), twice).what).toBe('over');
    expect(afterEnd({ ...failed, retryable: false }, ending(), twice).what).toBe('over');
});

test('then it goes to its other destination and its gang starts again with it, unless the VM is not at its source', () => {
    const other = { ...step, otherDestination: { destination: 'c', route: route('c') } };
    const last = { attempts: 3, step: other };
    expect(afterEnd(failed, ending(last), twice)).toMatchObject({
        what: 'elsewhere',
        step: { destination: 'c', route: route('c') },
        because: 'it could not go to b: b refused',
        gang: true,
        otherwise: { what: 'over', moved: false },
    });
    expect(afterEnd(failed, ending({ ...last, gang }), twice)).toMatchObject({ what: 'elsewhere', gang: true });
    expect(afterEnd({ ...failed, outcome: 'held', vmOn: undefined }, ending(last), twice).what).toBe('over');
});

test('a VM that has arrived stays, and goes home where it is not to', () => {
    expect(afterEnd(arrived, ending(), undefined)).toMatchObject({ what: 'over', moved: true, fails: false });
    const sent = { ...arrived, sentHome: 'it does not answer' };
    expect(afterEnd(sent, ending({ late: true }), undefined)).toMatchObject({
        what: 'home',
        step: { source: 'b', destination: step.source, route: route('a'), homeward: 'it does not answer', after: [] },
    });
    expect(afterEnd(sent, ending({ stopped: true }), undefined)).toMatchObject({
        what: 'over',
        fails: true,
        end: { outcome: 'failed', vmOn: 'b', error: { code: 'not-returned' } },
    });
    const { home: _, ...noWay } = step;
    expect(afterEnd(sent, ending({ step: noWay }), undefined)).toMatchObject({
        what: 'over',
        end: { error: { message: expect.stringContaining('no way to') as string } },
    });
});

test('on its way home it has failed, whether it gets there or not, and is not sent on', () => {
    const homeward = homewardOf(step, 'it does not answer')!;
    expect(afterEnd({ ...arrived, vmOn: 'a' }, ending({ step: homeward }), twice)).toMatchObject({
        what: 'over',
        moved: false,
        fails: true,
        end: { outcome: 'failed', error: { code: 'returned-home' } },
    });
    expect(afterEnd({ ...failed, vmOn: 'b' }, ending({ step: homeward, attempts: 4, before: 1 }), twice)).toMatchObject({
        what: 'over',
        gang: false,
        end: { vmOn: 'b', error: { code: 'refused', message: expect.stringContaining('was to be returned') as string } },
    });
});

test('one that is called back with its gang starts again with it, or is over', () => {
    const aborted: EndedAttempt = {
        outcome: 'aborted',
        vmOn: 'a',
        error: { code: 'cancelled', message: 'stopped', hint: undefined },
        retryable: false,
    };
    const because = 'x of app did not move';
    expect(afterEnd(aborted, ending({ gang, returned: { because, againInMs: 1000 } }), undefined)).toMatchObject({
        what: 'again',
        inMs: 1000,
        because,
    });
    expect(afterEnd(aborted, ending({ gang, returned: { because, againInMs: undefined } }), undefined)).toMatchObject({
        what: 'over',
        gang: false,
        fails: false,
        end: { error: { code: 'gang-failed' } },
    });
    const goesHome = policy({ then: ['return-home'] });
    const too = { gang, returned: { because, againInMs: undefined } };
    expect(afterEnd(arrived, ending(too), goesHome)).toMatchObject({ what: 'home', because });
    expect(afterEnd(arrived, ending(too), policy({ then: ['leave'] }))).toMatchObject({ what: 'over', moved: true });
});

test('the budget of failures and the words of the policy halt the plan, with the reason', () => {
    expect(afterFailure(step, error, policy({ then: ['report'] }), 1)).toEqual({ report: 'db did not move: b refused', halt: undefined });
    expect(afterFailure(step, error, policy({ budget: 1 }), 1).halt).toBeUndefined();
    expect(afterFailure(step, error, policy({ budget: 1 }), 2).halt).toBe(
        'db did not move: b refused; that is more than the budget of 1 failures',
    );
    expect(afterFailure(step, error, policy({ then: ['halt-plan'] }), 1).halt).toBe('db did not move: b refused');
});
