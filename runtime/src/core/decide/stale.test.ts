import { expect, test } from 'vitest';
import type { HostState, Snapshot, VmState } from '../model/snapshot.js';
import { digest, gib, host, inventoryOf, noon, snapshot, vm } from '../testing/builders.js';
import { nowhere, policy, program } from '../testing/program.js';
import { makePlan } from './plan.js';
import { whyStale } from './stale.js';

const keep = policy({ destination: { keepFree: [{ resource: 'memory', amount: { kind: 'size', bytes: gib(2) }, range: nowhere }] } });
const [a, b, c] = [host('a', { maintenance: true }), host('b', { memoryFree: gib(20) }), host('c', { memoryFree: gib(10) })];
const [web, db] = [vm('web', 'a'), vm('db', 'a', { memory: gib(8) })];
const then = snapshot([a, b, c], [web, db]);

/** Why the plan that was made then no longer holds. */
function stale(now: Snapshot): readonly string[] {
    const { plan } = makePlan(program([keep]), inventoryOf(then), then, { now: noon, digest });
    if (!plan) throw new Error('no plan');
    return whyStale(plan, now).map((reason) => reason.text);
}
const withVm = (facts: Partial<VmState>) => snapshot([a, b, c], [{ ...web, ...facts }, db]);
const withB = (facts: Partial<HostState>) => snapshot([a, { ...b, ...facts }, c], [web, db]);

test('a plan holds while nothing that it rests on has changed', () => {
    expect(stale({ ...then, takenAt: noon })).toEqual([]);
    expect(stale(withVm({ state: 'blocked' }))).toEqual([]);
    expect(stale(withB({ memoryFree: gib(14) }))).toEqual([]);
});

test.each<[string, Snapshot, string]>([
    ['gone', snapshot([a, b, c], [db]), 'web is gone from a'],
    ['elsewhere', withVm({ host: 'c' }), 'web is on c, and was on a'],
    ['resized', withVm({ memory: gib(6) }), 'web has 6 GiB of memory, and had 4 GiB'],
    ['paused', withVm({ state: 'paused' }), 'web is paused, and was running'],
])('a VM that is %s makes it stale', (_, now, because) => {
    expect(stale(now)).toEqual([because]);
});

test.each<[string, Snapshot, string]>([
    ['rebooted', withB({ bootId: 'another' }), 'b has been rebooted'],
    ['in maintenance now', withB({ maintenance: true }), 'b is in maintenance now'],
    ['fuller than before', withB({ memoryFree: gib(13) }), 'b has 13 GiB of memory free, and the plan needs 14 GiB'],
    ['silent', withB({ unreachable: 'no route' }), 'b does not answer: no route'],
    ['gone', snapshot([a, c], [web, db]), 'b is no longer in the inventory'],
])('a host that is %s makes it stale', (_, now, because) => {
    expect(stale(now)).toContain(because);
});
