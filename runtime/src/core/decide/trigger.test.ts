import { epochMs, ratio, type Trigger } from '@mig/language';
import { expect, test } from 'vitest';
import { host, minute, noon, snapshot, vm } from '../testing/builders.js';
import { attr, lit, nowhere, op, policy, program, when } from '../testing/program.js';
import type { PolicyState, Snapshot } from '../model/snapshot.js';
import { triggered } from './trigger.js';
import { worldOf } from './world.js';

const loads = (facts: Partial<Snapshot> = {}) =>
    worldOf(
        snapshot(
            [host('a', { cpuUsed: ratio(0.95) }), host('b', { cpuUsed: ratio(0.5) }), host('c', { maintenance: true })],
            [vm('web', 'a')],
            facts,
        ),
    );
const hot = op(attr('host.cpu'), '>', lit(0.9, 'ratio'));
const cooled = op(attr('host.cpu'), '<', lit(0.4, 'ratio'));
const run = (
    trigger: Trigger | undefined,
    facts: Partial<Snapshot> = {},
    demand: { policy?: string; host?: string } = {},
    cooldownMs?: number,
) => triggered(program([policy({ name: 'p', trigger, cooldownMs })]), loads(facts), { now: noon, ...demand });
const fired = (...args: Parameters<typeof run>) => run(...args).fired.map(({ host, vm }) => vm?.name ?? host ?? 'unbound');
const state = (facts: Partial<PolicyState>): Partial<Snapshot> => ({
    policies: [{ policy: 'p', bound: 'b', lastFired: undefined, holding: false, ...facts }],
});

test('a trigger that names host has one instance for each host for which it holds', () => {
    expect(fired(when(hot, 'host'))).toEqual(['a']);
    expect(run(when(hot, 'host')).fired[0]?.because[0]?.text).toBe('a: host.cpu > 90% (host.cpu is 95%)');
});

test('a trigger that names vm binds it, and its host', () => {
    expect(run(when(op(attr('vm.name'), '==', lit('web')), 'vm')).fired).toMatchObject([{ host: 'a', vm: { name: 'web' } }]);
});

test('a trigger over the cluster binds nothing', () => {
    const wide = when(op(attr('cluster.hosts'), '==', lit(3)), undefined);
    const all = policy({ name: 'p', trigger: wide, selection: { from: { kind: 'all', range: nowhere } } });
    expect(triggered(program([all]), loads(), { now: noon }).fired).toMatchObject([{ host: undefined, vm: undefined }]);
});

test('a policy that moves the VMs of a host does not run for all hosts because its trigger names none', () => {
    const outcome = run(when(op(attr('cluster.hosts'), '==', lit(3)), undefined));
    expect(outcome.fired).toEqual([]);
    expect(outcome.heldBack[0]?.because.text).toBe('it moves the VMs of a host that its trigger names, and the trigger names none');
});

test('what is unknown does not fire, and is named', () => {
    const outcome = run(when(hot, 'host'));
    expect(outcome.heldBack.find((one) => one.bound === 'c')).toMatchObject({
        unknown: true,
        because: { text: expect.stringContaining('host.cpu of c is not known') },
    });
    expect(outcome.heldBack.find((one) => one.bound === 'b')).toMatchObject({ unknown: false });
});

test('once fired it holds until its release condition is true', () => {
    expect(fired(when(hot, 'host', cooled), state({ holding: true }))).toEqual(['a', 'b']);
    expect(fired(when(hot, 'host', cooled), state({ holding: false }))).toEqual(['a']);
    expect(fired(when(hot, 'host', op(attr('host.cpu'), '<', lit(0.6, 'ratio'))), state({ holding: true }))).toEqual(['a']);
});

test('what is remembered: who fired and when, and who was released', () => {
    expect(run(when(hot, 'host', cooled)).states).toEqual([{ policy: 'p', bound: 'a', lastFired: noon, holding: true }]);
    const mild = op(attr('host.cpu'), '<', lit(0.6, 'ratio'));
    const before = { policy: 'p', bound: 'b', lastFired: epochMs(noon - minute), holding: true };
    expect(run(when(hot, 'host', mild), { policies: [before] }).states).toContainEqual({ ...before, holding: false });
    expect(run(when(hot, 'host'), {}, { policy: 'p' }).states).toEqual([{ policy: 'p', bound: 'c', lastFired: noon, holding: false }]);
});

test('a policy that cools down does not fire, whatever holds', () => {
    const held = state({ bound: 'a', lastFired: epochMs(noon - 4 * minute) });
    expect(fired(when(hot, 'host'), held, {}, 10 * minute)).toEqual([]);
    expect(run(when(hot, 'host'), held, {}, 10 * minute).heldBack.find((one) => one.bound === 'a')?.because.text).toBe(
        'p cools down for another 6 min',
    );
    expect(fired(when(hot, 'host'), held, {}, 4 * minute)).toEqual(['a']);
});

test('triggers combine with or, and and not', () => {
    const nightly: Trigger = { kind: 'schedule', cron: '0 2 * * *', timeZone: undefined, windowMs: 60 * minute, range: nowhere };
    const daily: Trigger = { ...nightly, cron: '0 12 * * *' };
    expect(fired({ kind: 'any', of: [nightly, when(hot, 'host')], range: nowhere })).toEqual(['a']);
    expect(fired({ kind: 'all', of: [nightly, when(hot, 'host')], range: nowhere })).toEqual([]);
    expect(fired({ kind: 'all', of: [daily, { kind: 'not', of: when(hot, 'host'), range: nowhere }], range: nowhere })).toEqual(['b']);
});

test('a policy without a trigger runs on demand only', () => {
    expect(fired(undefined)).toEqual([]);
    expect(run(undefined).heldBack[0]?.because.text).toBe('p has no trigger: it runs on demand only');
});

test('on demand a policy is bound to each host in maintenance, or to the one that is named', () => {
    expect(fired(when(hot, 'host'), {}, { policy: 'p' })).toEqual(['c']);
    expect(fired(when(hot, 'host'), {}, { policy: 'p', host: 'b' })).toEqual(['b']);
    expect(fired(when(hot, 'host'), {}, { policy: 'other' })).toEqual([]);
    expect(run(when(hot, 'host'), {}, { policy: 'p', host: 'z' }).heldBack[0]?.because.text).toBe(
        'p needs a host, and none is in maintenance or named',
    );
});
