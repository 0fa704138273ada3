import { test as property, fc } from '@fast-check/vitest';
import { bytes, bytesPerSecond, mebibyte, milliseconds } from '@mig/language';
import { describe, expect, test } from 'vitest';
import { readyLead } from '../decide/queue.js';
import type { MigrationEvent, MoveEvent } from '../model/events.js';
import type { Plan } from '../model/plan.js';
import type { Snapshot } from '../model/snapshot.js';
import { gib, host, noon, snapshot, vm } from '../testing/builders.js';
import { cap, instance, move, at, planOf, rung, unlimited } from './plan-builders.js';
import { simulate } from './run.js';

const quiet = { dirtyRate: bytesPerSecond(mebibyte), workingSet: bytes(16 * mebibyte) };
const play = (plan: Plan, from: Snapshot, seed = 1) => simulate(plan, from, { now: noon, seed, progressEvery: milliseconds(2000) });
const ofMove = (events: readonly MigrationEvent[], id: string) =>
    events.filter((e): e is MoveEvent => 'move' in e && e.type !== 'note' && e.move === id);
/** A limit counts a move from its start until its guest runs at its destination, or it has ended otherwise. */
const leavesWire = (e: MigrationEvent) => e.type === 'move-ended' || (e.type === 'phase-ended' && e.phase === 'finish');
const timeOf = (events: readonly MigrationEvent[]) => (events.at(-1)?.at ?? 0) - (events[0]?.at ?? 0);

function drain(vms: number, facts: Partial<Plan> = {}, memory = gib(1)): { readonly plan: Plan; readonly from: Snapshot } {
    const all = Array.from({ length: vms }, (_, i) => vm(`v${String(i).padStart(4, '0')}`, 'a', { ...quiet, memory }));
    const from = snapshot([host('a'), host('b'), host('c')], all);
    return {
        from,
        plan: planOf(
            from,
            all.map((v, i) => move(v, i % 2 === 0 ? 'b' : 'c')),
            facts,
        ),
    };
}

describe('one move', () => {
    const { plan, from } = drain(1);
    const events = play(plan, from);
    test('its events come in the order of an execution', () => {
        expect(
            events
                .filter((e) => e.type !== 'progress' && e.type !== 'iteration')
                .map((e) => ('phase' in e ? `${e.type} ${e.phase}` : e.type)),
        ).toEqual([
            'run-started',
            'move-started',
            'phase-entered begin',
            'phase-ended begin',
            'phase-entered prepare',
            'phase-ended prepare',
            'phase-entered perform',
            'setting-applied',
            'guest-stopped',
            'job-completed',
            'phase-ended perform',
            'phase-entered finish',
            'guest-resumed',
            'phase-ended finish',
            'phase-entered confirm',
            'phase-ended confirm',
            'arrived',
            'move-ended',
            'run-ended',
        ]);
    });
    test('a quiet 1 GiB guest takes its time on the wire and about a second more', () => {
        const wire = (gib(1) * 8) / (1e9 * (1448 / 1538));
        expect(timeOf(events) / 1000).toBeGreaterThan(wire + 0.3);
        expect(timeOf(events) / 1000).toBeLessThan(wire + 1.3);
    });
    test('its downtime is what lies between stop and resume', () => {
        const when = (type: string) => events.find((e) => e.type === type)?.at ?? 0;
        const done = events.find((e) => e.type === 'job-completed');
        expect(done?.type === 'job-completed' && done.downtimeMs).toBeCloseTo(when('guest-resumed') - when('guest-stopped'), 2);
    });
    test('it passes through JSON unchanged', () => {
        expect(JSON.parse(JSON.stringify(events.filter((e) => e.type === 'job-completed')))).toEqual(
            events.filter((e) => e.type === 'job-completed'),
        );
    });
});

describe('what is not known', () => {
    test('a dirty rate that was not measured is assumed, and a note says so', () => {
        const guest = vm('web', 'a');
        const from = snapshot([host('a'), host('b')], [guest]);
        const notes = play(planOf(from, [move(guest, 'b')]), from).flatMap((e) => (e.type === 'note' ? [e.text] : []));
        expect(notes).toEqual(['the dirty rate of web is not known: 83.9 Mbit/s assumed']);
    });
    test('so is a link without a known capacity', () => {
        const guest = vm('web', 'a', quiet);
        const from = snapshot([host('a', { links: [] }), host('b')], [guest]);
        const notes = play(planOf(from, [move(guest, 'b')]), from).flatMap((e) => (e.type === 'note' ? [e.text] : []));
        expect(notes).toEqual(['the capacity of a/mig is not known: 1 Gbit/s assumed']);
    });
});

describe('limits and shares', () => {
    test('never more moves run at once than a limit allows', () => {
        const { plan, from } = drain(6, { limits: { ...unlimited, perHost: 2 } });
        const running = new Set<string>();
        let most = 0;
        for (const e of play(plan, from)) {
            if (e.type === 'move-started') running.add(e.move);
            if (leavesWire(e) && 'move' in e) running.delete(e.move ?? '');
            most = Math.max(most, running.size);
        }
        expect(most).toBe(2);
    });
    test('a move that has to wait for room starts after the one that makes it', () => {
        const x = vm('x', 'a', quiet);
        const y = vm('y', 'b', quiet);
        const from = snapshot([host('a'), host('b'), host('c')], [x, y]);
        const events = play(planOf(from, [move(x, 'b', { after: ['y-move'] }), move(y, 'c')]), from);
        const order = events.flatMap((e) => (e.type === 'move-started' || e.type === 'move-ended' ? [`${e.type} ${e.move}`] : []));
        expect(order).toEqual(['move-started y-move', 'move-ended y-move', 'move-started x-move', 'move-ended x-move']);
        expect(events.find((e) => e.type === 'move-queued')).toMatchObject({ move: 'x-move', because: 'waits for y-move to end' });
    });
    test('a total cap is shared out again as moves start and end', () => {
        const { plan, from } = drain(2, { caps: [cap('total', 400)] });
        const events = play({ ...plan, moves: plan.moves.map((m, i) => ({ ...m, memory: gib(i + 1) })) }, from);
        const caps = ofMove(events, 'v0001-move').flatMap((e) =>
            e.type === 'setting-applied' && e.setting === 'bandwidth' ? [e.asked / mebibyte] : [],
        );
        expect(caps.at(-1)).toBeCloseTo(400e6 / 8 / mebibyte, 6);
        expect(caps.some((c) => Math.abs(c - 400e6 / 16 / mebibyte) < 1e-6)).toBe(true);
    });
});

describe('a move that is made ready before its turn', () => {
    const one = { limits: { ...unlimited, inAll: 1 } };
    const milestones = (events: readonly MigrationEvent[], id: string) =>
        ofMove(events, id).flatMap((e) => {
            if (e.type === 'phase-entered' || e.type === 'phase-ended') return [`${e.type} ${e.phase}`];
            return ['move-queued', 'move-started', 'move-ended'].includes(e.type) ? [e.type] : [];
        });
    test('has begin and prepare behind it when it starts, and sends at once', () => {
        const { plan, from } = drain(2, one, gib(3));
        const events = play(plan, from);
        expect(milestones(events, 'v0001-move').slice(0, 7)).toEqual([
            'move-queued',
            'phase-entered begin',
            'phase-ended begin',
            'phase-entered prepare',
            'phase-ended prepare',
            'move-started',
            'phase-entered perform',
        ]);
        const sends = ofMove(events, 'v0001-move').find((e) => e.type === 'phase-entered' && e.phase === 'perform');
        expect(sends?.at).toBe(ofMove(events, 'v0001-move').find((e) => e.type === 'move-started')?.at);
    });
    test('has its cap before it sends', () => {
        const { plan, from } = drain(2, { ...one, caps: [cap('total', 400)] }, gib(1));
        const own = ofMove(play(plan, from), 'v0001-move').map((e) => e.type);
        const started = own.indexOf('move-started');
        expect(own.slice(started, started + 3)).toEqual(['move-started', 'setting-applied', 'phase-entered']);
    });
    test('starts in the middle of prepare when its turn comes so soon', () => {
        const { plan, from } = drain(2, one, bytes(8 * mebibyte));
        const own = milestones(play(plan, from), 'v0001-move');
        expect(own.indexOf('move-started')).toBeGreaterThan(own.indexOf('phase-entered prepare'));
        expect(own.indexOf('move-started')).toBeLessThan(own.indexOf('phase-ended prepare'));
        expect(own.indexOf('phase-entered perform')).toBe(own.indexOf('phase-ended prepare') + 1);
    });
    test('is not made ready long before', () => {
        const { plan, from } = drain(3, one, gib(8));
        const events = play(plan, from);
        const begins = (id: string) => ofMove(events, id).find((e) => e.type === 'phase-entered')?.at ?? 0;
        const ends = (id: string) => ofMove(events, id).find((e) => e.type === 'move-ended')?.at ?? 0;
        expect(ends('v0000-move') - begins('v0001-move')).toBeLessThan(readyLead + 1000);
        expect(begins('v0002-move')).toBeGreaterThan(ends('v0000-move'));
    });
    test('is undone when the plan is halted, and counts as not started', () => {
        const busy = vm('busy', 'a', { dirtyRate: bytesPerSecond(110e6), workingSet: gib(1) });
        const other = vm('other', 'a', quiet);
        const here = snapshot([host('a'), host('b')], [busy, other]);
        const ladder = [rung({ kind: 'after', ms: 60_000 }, { kind: 'abort' })];
        const technique = { kind: 'precopy', name: 'patient', options: { downtimeMs: 300 }, ladder } as const;
        const onFailure = { retry: undefined, then: ['halt-plan' as const], budget: undefined, range: at(27) };
        const halting = planOf(here, [move(busy, 'b', { technique }), move(other, 'b')], { ...one, instances: [instance({ onFailure })] });
        const events = play(halting, here);
        expect(milestones(events, 'other-move').slice(-6)).toEqual([
            'phase-ended prepare',
            'phase-entered finish',
            'phase-ended finish',
            'phase-entered confirm',
            'phase-ended confirm',
            'move-ended',
        ]);
        expect(ofMove(events, 'other-move').at(-1)).toMatchObject({ outcome: 'skipped', vmOn: 'a', error: { code: 'stopped' } });
        expect(milestones(events, 'other-move')).not.toContain('move-started');
        expect(events.at(-1)).toMatchObject({ type: 'run-ended', outcome: 'stopped' });
    });
    property.prop([fc.integer({ min: 2, max: 6 }), fc.integer({ min: 512, max: 8192 }), fc.integer()])(
        'the wire does not idle while work waits',
        (vms, size, seed) => {
            const { plan, from } = drain(vms, one, bytes(size * mebibyte));
            const events = play(plan, from, seed);
            const sending = (type: 'phase-entered' | 'phase-ended') =>
                events.flatMap((e) => (e.type === type && e.phase === 'perform' ? [e.at] : []));
            const ends = sending('phase-ended');
            for (const [i, began] of sending('phase-entered').slice(1).entries()) expect(began - (ends[i] ?? -Infinity)).toBeLessThan(100);
        },
    );
});

describe('a move that does not converge', () => {
    const busy = vm('busy', 'a', { dirtyRate: bytesPerSecond(200e6), workingSet: gib(1) });
    const from = snapshot([host('a'), host('b')], [busy]);
    const abort = rung({ kind: 'after', ms: 60_000 }, { kind: 'abort' });
    const technique = { kind: 'precopy', name: 'patient', options: { downtimeMs: 300 }, ladder: [abort] } as const;
    test('is aborted by its ladder and stays where it was', () => {
        const events = play(planOf(from, [move(busy, 'b', { technique })]), from);
        expect(events.find((e) => e.type === 'rung-fired')).toMatchObject({ action: 'abort', because: '1 min have passed' });
        expect(events.find((e) => e.type === 'move-ended')).toMatchObject({
            outcome: 'aborted',
            vmOn: 'a',
            error: { code: 'aborted-by-policy' },
        });
        expect(events.at(-1)).toMatchObject({ type: 'run-ended', outcome: 'incomplete' });
    });
    test('is tried again as often as the policy says', () => {
        const onFailure = { retry: { times: 2, everyMs: 30_000 }, then: ['leave' as const], budget: undefined, range: at(27) };
        const events = play(planOf(from, [move(busy, 'b', { technique })], { instances: [instance({ onFailure })] }), from);
        expect(events.flatMap((e) => (e.type === 'move-started' ? [e.attempt] : []))).toEqual([1, 2, 3]);
        expect(events.filter((e) => e.type === 'move-ended')).toHaveLength(1);
    });
    test('converges when a rung allows a longer downtime', () => {
        const ladder = [rung({ kind: 'stalled', iterations: 2 }, { kind: 'downtime', ms: 10_000 }), abort];
        const events = play(planOf(from, [move(busy, 'b', { technique: { ...technique, ladder } })]), from);
        expect(events.find((e) => e.type === 'move-ended')).toMatchObject({ outcome: 'moved', vmOn: 'b' });
        const done = events.find((e) => e.type === 'job-completed');
        expect(done?.type === 'job-completed' && done.downtimeMs).toBeGreaterThan(8000);
    });
    test('keeps those that waited for its room from starting, and nobody else', () => {
        const other = vm('other', 'b', quiet);
        const free = vm('free', 'b', quiet);
        const here = snapshot([host('a'), host('b')], [busy, other, free]);
        const moves = [move(busy, 'b', { technique }), move(other, 'a', { after: ['busy-move'] }), move(free, 'a')];
        const ended = play(planOf(here, moves), here).flatMap((e) => (e.type === 'move-ended' ? [`${e.move} ${e.outcome}`] : []));
        expect(ended).toEqual(['free-move moved', 'busy-move aborted', 'other-move skipped']);
    });
    test('halts the plan where the policy says so', () => {
        const onFailure = { retry: undefined, then: ['halt-plan' as const], budget: undefined, range: at(27) };
        const other = vm('other', 'a', quiet);
        const here = snapshot([host('a'), host('b')], [busy, other]);
        const limits = { ...unlimited, perHost: 1 };
        const events = play(
            planOf(here, [move(busy, 'b', { technique }), move(other, 'b')], { instances: [instance({ onFailure })], limits }),
            here,
        );
        expect(events.map((e) => e.type)).toContain('run-stopping');
        expect(events.at(-1)).toMatchObject({ outcome: 'stopped' });
        expect(ofMove(events, 'other-move').at(-1)).toMatchObject({ type: 'move-ended', outcome: 'skipped' });
    });
});

const drains = fc.record({
    memories: fc.array(fc.integer({ min: 64, max: 4096 }), { minLength: 1, maxLength: 8 }),
    dirty: fc.integer({ min: 0, max: 300 }),
    total: fc.integer({ min: 50, max: 2000 }),
    atOnce: fc.integer({ min: 1, max: 4 }),
    seed: fc.integer(),
});

describe('of any drain', () => {
    property.prop([drains])(
        'caps and limits hold, every move ends once, and all memory crosses the wire',
        ({ memories, dirty, total, atOnce, seed }) => {
            const vms = memories.map((size, i) =>
                vm(`v${i}`, 'a', {
                    memory: bytes(size * mebibyte),
                    dirtyRate: bytesPerSecond(dirty * 1e6),
                    workingSet: bytes((size * mebibyte) / 4),
                }),
            );
            const from = snapshot([host('a'), host('b'), host('c')], vms);
            const ladder = [rung({ kind: 'after', ms: 300_000 }, { kind: 'abort' })];
            const technique = { kind: 'precopy', name: undefined, options: { downtimeMs: 300 }, ladder } as const;
            const plan = planOf(
                from,
                vms.map((v, i) => move(v, i % 2 ? 'b' : 'c', { technique })),
                {
                    caps: [cap('total', total), cap('vm', 800)],
                    limits: { ...unlimited, perHost: atOnce },
                },
            );
            const events = play(plan, from, seed);
            const caps = new Map<string, number>();
            const stopped = new Set<string>();
            let before = -Infinity;
            for (const e of events) {
                if (e.at < before) expect(e.at).toBeGreaterThanOrEqual(before);
                before = e.at;
                if (e.type === 'guest-stopped') stopped.add(e.move);
                if (e.type === 'setting-applied' && e.setting === 'bandwidth') {
                    caps.set(e.move, e.asked);
                    expect(e.asked).toBeLessThanOrEqual(100e6);
                }
                if (leavesWire(e) && 'move' in e) caps.delete(e.move ?? '');
                expect(caps.size).toBeLessThanOrEqual(atOnce);
                if (e.type === 'progress' && !stopped.has(e.move)) expect(e.rate).toBeLessThanOrEqual((caps.get(e.move) ?? Infinity) + 1);
            }
            for (const m of plan.moves) {
                const own = ofMove(events, m.id);
                expect(own.filter((e) => e.type === 'move-ended')).toHaveLength(1);
                const done = own.find((e) => e.type === 'job-completed');
                if (done?.type === 'job-completed')
                    expect(((done.normalPages ?? 0) + (done.zeroPages ?? 0)) * 4096).toBeGreaterThanOrEqual(m.memory - 4096);
            }
        },
    );
    property.prop([drains])('the same seed gives the same events', ({ memories, seed }) => {
        const { plan, from } = drain(memories.length);
        expect(play(plan, from, seed)).toEqual(play(plan, from, seed));
    });
    property.prop([fc.integer({ min: 64, max: 4096 }), fc.integer({ min: 20, max: 900 }), fc.integer({ min: 1, max: 500 })])(
        'more bandwidth never makes a single move slower',
        (size, rate, more) => {
            const { plan, from } = drain(1, {}, bytes(size * mebibyte));
            const lasts = (mbits: number) => timeOf(play({ ...plan, caps: [cap('total', mbits)] }, from));
            expect(lasts(rate + more)).toBeLessThanOrEqual(lasts(rate) + milliseconds(50));
        },
    );
});
