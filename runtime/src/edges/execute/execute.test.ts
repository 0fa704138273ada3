import { milliseconds, type OnFailure, type Rung } from '@mig/language';
import { describe, expect, test } from 'vitest';
import { tenthMs, type MigrationEvent, type PlanCap, type PlannedMove } from '../../core/index.js';
import { execute } from './execute.js';
import { all, bench, eventsOf, guest, inventoryOf, mib, mibPerSecond, moveOf, planOf } from './testing.js';

const range = { source: 0, start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
const rung = (on: Rung['on'], action: Rung['action']): Rung => ({ range, on, action, and: undefined });
const free = { perHost: undefined, intoHost: undefined, outOfHost: undefined, perLink: undefined, inAll: undefined, workers: {} };
const cap = (scope: PlanCap['scope'], n: number, of?: string): PlanCap => ({
    scope,
    of,
    rate: mibPerSecond(n),
    kind: 'cap',
    because: { text: 'test' },
});
const policy = (onFailure: OnFailure) => [
    { policy: 'evacuate', bound: undefined, priority: 0, because: [], requires: [], onFailure, passedOver: [] },
];
const six = Array.from({ length: 6 }, (_, i) => guest(`vm${i}`));
/** Half to b, half to c. */
const drain = (facts: Partial<PlannedMove> = {}) => six.map((vm, i) => moveOf(vm, 'a', i % 2 === 0 ? 'b' : 'c', facts));
const rack = () => inventoryOf({ a: six, b: [], c: [] });

const ended = (event: MigrationEvent): boolean => event.type === 'move-ended';
/** What a limit counts: the guest runs at its destination, or the move has ended otherwise. */
const sent = (event: MigrationEvent): boolean => ended(event) || (event.type === 'phase-ended' && event.phase === 'finish');

/** The most moves that were between their start and such an event at once, by host. */
function mostAtOnce(
    events: readonly MigrationEvent[],
    moves: readonly PlannedMove[],
    until: (event: MigrationEvent) => boolean,
): Record<string, number> {
    const most: Record<string, number> = {};
    const now = new Set<string>();
    for (const event of events) {
        if (event.type === 'move-started') now.add(event.move);
        if (until(event) && 'move' in event && event.move !== undefined) now.delete(event.move);
        for (const host of ['a', 'b', 'c']) {
            const here = moves.filter((m) => now.has(m.id) && (m.source === host || m.destination === host)).length;
            most[host] = Math.max(most[host] ?? 0, here);
        }
        most['all'] = Math.max(most['all'] ?? 0, now.size);
    }
    return most;
}

describe('a run', () => {
    test('moves a VM through every phase, and it runs at its destination alone', async () => {
        const vm = guest('db', { autostart: true });
        const step = moveOf(vm, 'a', 'b');
        const { ports, hypervisors } = bench(inventoryOf({ a: [vm], b: [] }));
        const events = await all(execute(planOf([step]), ports));
        expect(eventsOf(events, 'phase-entered').map((e) => e.phase)).toEqual(['begin', 'prepare', 'perform', 'finish', 'confirm']);
        expect(eventsOf(events, 'arrived')).toMatchObject([{ carried: ['tags and metadata', 'definition', 'autostart'] }]);
        expect(eventsOf(events, 'move-ended')).toMatchObject([{ outcome: 'moved', vmOn: 'b', error: undefined }]);
        expect(eventsOf(events, 'run-ended')).toMatchObject([{ outcome: 'complete' }]);
        expect([...hypervisors.cluster.machine('a').copies]).toEqual([]);
        expect(hypervisors.cluster.machine('b').copies.get(step.vm.uuid)).toMatchObject({
            state: 'running',
            persistent: true,
            autostart: true,
            mover: undefined,
        });
        expect(hypervisors.cluster.machine('a').locks.size).toBe(0);
    });

    test('is looked at every other of the tenths of a second in which QEMU counts, without falling behind', async () => {
        const vm = guest('db');
        const { ports } = bench(inventoryOf({ a: [vm], b: [] }));
        const events = await all(execute(planOf([moveOf(vm, 'a', 'b')], { caps: [cap('total', 20)] }), ports));
        const looks = eventsOf(events, 'progress').map(({ at }) => at);
        expect(looks.length).toBeGreaterThan(20);
        const [first = NaN, last = NaN] = [looks[0], looks.at(-1)];
        expect((last - first) / (looks.length - 1)).toBeCloseTo(2 * tenthMs, 3);
    });

    test('tells the downtime, from the stop at the source to the first instruction at the destination', async () => {
        const vm = guest('db');
        const { ports } = bench(inventoryOf({ a: [vm], b: [] }));
        const events = await all(execute(planOf([moveOf(vm, 'a', 'b')]), ports));
        const [stopped, resumed] = [eventsOf(events, 'guest-stopped')[0]?.at ?? 0, eventsOf(events, 'guest-resumed')[0]?.at ?? 0];
        expect(resumed - stopped).toBeGreaterThan(0);
        expect(resumed - stopped).toBeLessThan(300 + 50);
        expect(eventsOf(events, 'job-completed')).toHaveLength(1);
    });

    test('never has more moves under way than the limits allow, and ends every one of them once', async () => {
        const { ports, hypervisors } = bench(rack());
        const moves = drain();
        const events = await all(execute(planOf(moves, { limits: { ...free, perHost: 2 } }), ports));
        expect(mostAtOnce(events, moves, sent)).toMatchObject({ a: 2, all: 2 });
        const ends = eventsOf(events, 'move-ended');
        expect(new Set(ends.map((e) => e.move)).size).toBe(6);
        expect(ends.map((e) => e.outcome)).toEqual(Array(6).fill('moved'));
        expect(moves.every((m) => hypervisors.cluster.runningOn(m.vm.uuid).join() === m.destination)).toBe(true);
        expect(eventsOf(events, 'move-queued').length).toBeGreaterThan(0);
    });

    test('makes the next one ready while another comes to its end, and starts it when that one runs at its destination', async () => {
        const { ports } = bench(rack());
        const events = await all(execute(planOf(drain(), { limits: { ...free, inAll: 1 } }), ports));
        const at = (type: MigrationEvent['type'], move: string, phase?: string) =>
            events.findIndex(
                (e) => e.type === type && 'move' in e && e.move === move && (phase === undefined || ('phase' in e && e.phase === phase)),
            );
        const [first = '', second = ''] = eventsOf(events, 'move-started').map((e) => e.move);
        expect(at('phase-ended', second, 'prepare')).toBeLessThan(at('phase-ended', first, 'finish'));
        // A short one is known to be short before it tells of progress.
        expect(at('phase-entered', second, 'begin')).toBeLessThan(at('progress', first));
        expect(at('move-started', second)).toBeGreaterThan(at('phase-ended', first, 'finish'));
        expect(at('move-started', second)).toBeLessThan(at('move-ended', first));
        expect(at('phase-entered', second, 'perform')).toBeGreaterThan(at('move-started', second));
    });

    test('what was made ready when the run is stopped is undone, and runs on at its source', async () => {
        const { ports, hypervisors } = bench(rack());
        const stop = new AbortController();
        const events: MigrationEvent[] = [];
        for await (const event of execute(planOf(drain(), { limits: { ...free, inAll: 1 } }), ports, { stop: stop.signal })) {
            events.push(event);
            const ready = event.type === 'phase-ended' && event.phase === 'prepare' && events.some((e) => e.type === 'iteration');
            if (ready) stop.abort();
        }
        const ends = eventsOf(events, 'move-ended');
        expect(ends.map((e) => e.outcome).sort()).toEqual(['moved', 'skipped', 'skipped', 'skipped', 'skipped', 'skipped']);
        for (const { vm } of drain()) expect(hypervisors.cluster.runningOn(vm.uuid)).toHaveLength(1);
        expect(eventsOf(events, 'run-ended')).toMatchObject([{ outcome: 'stopped' }]);
    });

    test('one slow VM holds nobody else up', async () => {
        const slow = guest('slow', { memory: mib(4096), zeroShare: 0 });
        const { ports } = bench(inventoryOf({ a: [slow, ...six], b: [], c: [] }));
        const events = await all(execute(planOf([moveOf(slow, 'a', 'b'), ...drain()], { limits: { ...free, inAll: 2 } }), ports));
        expect(eventsOf(events, 'move-ended').at(-1)?.move).toBe('slow');
        expect(eventsOf(events, 'move-ended')).toHaveLength(7);
    });

    test('a move that depends on another waits for it, and is skipped when that one fails', async () => {
        const { ports } = bench(rack(), { faults: [{ call: 'prepare', vm: 'vm0', when: 'before', does: { kind: 'refuse' } }] });
        const [first, second] = drain();
        const events = await all(execute(planOf([first!, { ...second!, after: ['vm0'] }]), ports));
        expect(eventsOf(events, 'move-ended')).toMatchObject([
            { move: 'vm0', outcome: 'failed', vmOn: 'a' },
            { move: 'vm1', outcome: 'skipped', vmOn: 'a', error: { code: 'never-possible' } },
        ]);
    });

    test('a plan whose caps leave nothing to send with ends with the reason', async () => {
        const { ports } = bench(rack());
        const events = await all(execute(planOf(drain().slice(0, 1), { caps: [cap('total', 0.5)] }), ports));
        expect(eventsOf(events, 'move-ended')).toMatchObject([{ outcome: 'skipped', error: { code: 'no-room' } }]);
    });

    test('a second run does not touch a VM that the first one holds', async () => {
        const [vm] = six;
        const { ports, hypervisors } = bench(rack());
        await using _held = await (await hypervisors.session(ports.inventory.hosts[0]!, AbortSignal.timeout(1000))).lock(
            moveOf(vm!, 'a', 'b').vm.uuid,
            { run: 'other', controller: 'you@there' },
            AbortSignal.timeout(1000),
        );
        const events = await all(execute(planOf([moveOf(vm!, 'a', 'b')]), ports));
        expect(eventsOf(events, 'phase-entered')).toEqual([]);
        expect(eventsOf(events, 'move-ended')).toMatchObject([{ outcome: 'failed', error: { code: 'vm-locked' } }]);
    });
});

describe('bandwidth', () => {
    test('the caps in force of those that send never pass the total, and are shared out again as moves end', async () => {
        const { ports } = bench(rack());
        const moves = drain();
        const events = await all(execute(planOf(moves, { limits: { ...free, inAll: 3 }, caps: [cap('total', 60), cap('vm', 45)] }), ports));
        const set = new Map<string, number>();
        const sending = new Set<string>();
        const totals: number[] = [];
        for (const event of events) {
            if (event.type === 'setting-applied' && event.setting === 'bandwidth') set.set(event.move, event.got ?? Infinity);
            if (event.type === 'phase-entered' && event.phase === 'perform') sending.add(event.move);
            if (event.type === 'phase-ended' && event.phase === 'perform') sending.delete(event.move);
            totals.push([...sending].reduce((sum, m) => sum + (set.get(m) ?? Infinity), 0));
        }
        expect(Math.max(...totals)).toBe(mibPerSecond(60));
        expect(eventsOf(events, 'setting-applied').some((e) => e.setting === 'bandwidth' && e.asked === mibPerSecond(45))).toBe(true);
        expect(eventsOf(events, 'setting-applied').every((e) => e.agrees)).toBe(true);
    });

    test('a move whose cap cannot be set does not send', async () => {
        const { ports, hypervisors } = bench(rack(), {
            faults: [{ call: 'bandwidth', vm: 'vm0', when: 'before', does: { kind: 'refuse' }, times: 9 }],
        });
        const [step] = drain();
        const events = await all(execute(planOf([step as PlannedMove], { caps: [cap('total', 60)] }), ports));
        expect(eventsOf(events, 'phase-entered').map((e) => e.phase)).not.toContain('perform');
        expect(eventsOf(events, 'move-ended')).toMatchObject([{ outcome: 'failed', vmOn: 'a', error: { code: 'cap-not-set' } }]);
        expect(hypervisors.cluster.machine('b').copies.size).toBe(0);
    });

    test('a cap is set again once the move sends, since a host may have begun with an earlier one', async () => {
        const { ports } = bench(rack());
        const [step] = drain();
        const events = await all(execute(planOf([step as PlannedMove], { caps: [cap('total', 60)] }), ports));
        const told = events.flatMap((e) =>
            e.type === 'phase-entered' && e.phase === 'perform' ? ['perform'] : e.type === 'setting-applied' ? [e.setting] : [],
        );
        expect(told).toEqual(['bandwidth', 'perform', 'downtime-limit', 'bandwidth', 'downtime-limit']);
    });
});

describe('a ladder', () => {
    /** Writes faster than the wire carries, so that 30 ms are never enough. */
    const busy = guest('busy', { dirtyRate: mibPerSecond(400), hotSet: mib(128), zeroShare: 0 });
    const stubborn = (ladder: Rung[]) =>
        moveOf(busy, 'a', 'b', { technique: { kind: 'precopy', name: 'patient', options: { downtimeMs: 30 }, ladder } });

    test('its abort leaves the VM running at its source, with nothing at the destination', async () => {
        const { ports, hypervisors } = bench(inventoryOf({ a: [busy], b: [] }));
        const step = stubborn([rung({ kind: 'after', ms: 20_000 }, { kind: 'abort' })]);
        const events = await all(execute(planOf([step]), ports));
        expect(eventsOf(events, 'rung-fired')).toMatchObject([{ action: 'abort', because: '20 s have passed' }]);
        expect(eventsOf(events, 'move-ended')).toMatchObject([{ outcome: 'aborted', vmOn: 'a', error: { code: 'aborted-by-policy' } }]);
        expect(hypervisors.cluster.runningOn(step.vm.uuid)).toEqual(['a']);
        expect(hypervisors.cluster.machine('b').copies.size).toBe(0);
        expect(hypervisors.cluster.machine('a').copies.get(step.vm.uuid)?.mover).toBeUndefined();
    });

    test('its longer downtime lets a busy VM arrive', async () => {
        const { ports } = bench(inventoryOf({ a: [busy], b: [] }));
        const step = stubborn([
            rung({ kind: 'stalled', iterations: 3 }, { kind: 'downtime', ms: 2000 }),
            rung({ kind: 'after', ms: 300_000 }, { kind: 'abort' }),
        ]);
        const events = await all(execute(planOf([step]), ports));
        expect(eventsOf(events, 'rung-fired').map((e) => e.action)).toEqual(['downtime limit 2 s']);
        expect(eventsOf(events, 'setting-applied').map((e) => e.got)).toEqual([30, 2000]);
        expect(eventsOf(events, 'move-ended')).toMatchObject([{ outcome: 'moved' }]);
    });
});

describe('a failure', () => {
    const retry: OnFailure = { range, retry: { times: 2, everyMs: 5000 }, then: ['leave', 'report'], budget: undefined };

    test('is tried again as often as the policy says, and ends once', async () => {
        const { ports } = bench(rack(), { faults: [{ call: 'prepare', vm: 'vm0', when: 'before', does: { kind: 'refuse' }, times: 2 }] });
        const events = await all(execute(planOf(drain().slice(0, 1), { instances: policy(retry) }), ports));
        expect(eventsOf(events, 'move-started').map((e) => e.attempt)).toEqual([1, 2, 3]);
        expect(eventsOf(events, 'move-ended')).toMatchObject([{ outcome: 'moved', vmOn: 'b' }]);
        const starts = eventsOf(events, 'move-started').map((e) => e.at);
        expect(starts[1]! - starts[0]!).toBeGreaterThanOrEqual(5000);
    });

    test('is reported when no try is left, and the VM runs at its source', async () => {
        const { ports, hypervisors } = bench(rack(), {
            faults: [{ call: 'perform', vm: 'vm0', when: 'before', does: { kind: 'refuse' }, times: 9 }],
        });
        const events = await all(execute(planOf(drain().slice(0, 1), { instances: policy(retry) }), ports));
        expect(eventsOf(events, 'move-ended')).toMatchObject([{ outcome: 'failed', vmOn: 'a', error: { code: 'refused' } }]);
        expect(eventsOf(events, 'note').some((n) => n.text.includes('did not move'))).toBe(true);
        expect(hypervisors.cluster.runningOn(drain()[0]!.vm.uuid)).toEqual(['a']);
        expect(hypervisors.cluster.machine('b').copies.size).toBe(0);
    });

    test('halts the plan where the policy says so: what is under way ends, the rest is skipped', async () => {
        const { ports } = bench(rack(), { faults: [{ call: 'prepare', vm: 'vm0', when: 'before', does: { kind: 'refuse' } }] });
        const halt: OnFailure = { range, retry: undefined, then: ['halt-plan'], budget: undefined };
        const events = await all(execute(planOf(drain(), { instances: policy(halt), limits: { ...free, inAll: 2 } }), ports));
        expect(eventsOf(events, 'run-stopping')).toMatchObject([{ why: 'plan-halted' }]);
        expect(
            eventsOf(events, 'move-ended')
                .map((e) => e.outcome)
                .sort(),
        ).toEqual(['failed', 'moved', 'skipped', 'skipped', 'skipped', 'skipped']);
        expect(eventsOf(events, 'run-ended')).toMatchObject([{ outcome: 'stopped' }]);
    });

    test('of the answer to finish is no failure of the move: the VM runs there, and the source is cleaned up', async () => {
        const { ports, hypervisors } = bench(rack(), { faults: [{ call: 'finish', when: 'after', does: { kind: 'lose-connection' } }] });
        const events = await all(execute(planOf(drain().slice(0, 1)), ports));
        expect(eventsOf(events, 'move-ended')).toMatchObject([{ outcome: 'moved', vmOn: 'b' }]);
        expect(hypervisors.cluster.machine('a').copies.has(drain()[0]!.vm.uuid)).toBe(false);
    });

    test('to start the guest lets the source go on', async () => {
        const { ports, hypervisors } = bench(rack(), {
            faults: [{ call: 'finish', when: 'before', does: { kind: 'refuse', code: 'not-started' } }],
        });
        const events = await all(execute(planOf(drain().slice(0, 1)), ports));
        expect(eventsOf(events, 'move-ended')).toMatchObject([{ outcome: 'failed', vmOn: 'a', error: { code: 'not-started' } }]);
        expect(hypervisors.cluster.runningOn(drain()[0]!.vm.uuid)).toEqual(['a']);
    });

    test('of a destination that reboots while memory is sent leaves the VM running at its source', async () => {
        const { ports, hypervisors, clock } = bench(rack());
        void clock.sleep(milliseconds(1000)).then(() => hypervisors.cluster.reboot('b'));
        const events = await all(execute(planOf(drain().slice(0, 1)), ports));
        expect(eventsOf(events, 'move-ended')).toMatchObject([{ outcome: 'failed', vmOn: 'a' }]);
        expect(hypervisors.cluster.runningOn(drain()[0]!.vm.uuid)).toEqual(['a']);
    });

    test('to reach the destination after finish was sent touches nothing, and is mended when it answers again', async () => {
        const { ports, hypervisors, clock } = bench(rack(), {
            faults: [{ call: 'finish', when: 'after', does: { kind: 'partition', host: 'b' } }],
        });
        void clock.sleep(milliseconds(20_000)).then(() => hypervisors.cluster.partition('b', false));
        const events = await all(execute(planOf(drain().slice(0, 1)), ports));
        expect(eventsOf(events, 'note').some((n) => n.level === 'alarm')).toBe(true);
        expect([...eventsOf(events, 'host-lost'), ...eventsOf(events, 'host-back')].map((e) => `${e.type} ${e.host}`)).toEqual([
            'host-lost b',
            'host-back b',
        ]);
        expect(eventsOf(events, 'move-ended')).toMatchObject([{ outcome: 'moved', vmOn: 'b' }]);
        expect(hypervisors.cluster.runningOn(drain()[0]!.vm.uuid)).toEqual(['b']);
    });

    test('to reach the destination for too long leaves the move on hold, untouched', async () => {
        const { ports, hypervisors } = bench(rack(), {
            faults: [{ call: 'finish', when: 'before', does: { kind: 'partition', host: 'b' } }],
        });
        const events = await all(execute(planOf(drain().slice(0, 1)), ports));
        expect(eventsOf(events, 'move-ended')).toMatchObject([{ outcome: 'held', vmOn: undefined }]);
        expect(hypervisors.cluster.machine('a').copies.get(drain()[0]!.vm.uuid)?.state).toBe('paused');
    });

    test('of a phase to answer in time ends the move', async () => {
        const { ports, hypervisors } = bench(rack(), { faults: [{ call: 'prepare', when: 'after', does: { kind: 'silence' } }] });
        const events = await all(execute(planOf(drain().slice(0, 1)), ports));
        expect(eventsOf(events, 'move-ended')).toMatchObject([{ outcome: 'failed', vmOn: 'a', error: { code: 'timed-out' } }]);
        expect(hypervisors.cluster.machine('b').copies.size).toBe(0);
    });
});

describe('stopping', () => {
    const limits = { ...free, inAll: 2 };

    test('the first interrupt starts nothing more and lets moves end', async () => {
        const { ports, clock } = bench(rack());
        const stop = new AbortController();
        void clock.sleep(milliseconds(1000)).then(() => stop.abort());
        const events = await all(execute(planOf(drain(), { limits }), ports, { stop: stop.signal }));
        expect(eventsOf(events, 'run-stopping')).toMatchObject([{ why: 'interrupted' }]);
        expect(
            eventsOf(events, 'move-ended')
                .map((e) => e.outcome)
                .sort(),
        ).toEqual(['moved', 'moved', 'skipped', 'skipped', 'skipped', 'skipped']);
    });

    test('the second interrupt cancels what is still safe: those VMs run at their source', async () => {
        const { ports, clock, hypervisors } = bench(rack());
        const cancel = new AbortController();
        void clock.sleep(milliseconds(1000)).then(() => cancel.abort());
        const events = await all(execute(planOf(drain(), { limits }), ports, { cancel: cancel.signal }));
        expect(
            eventsOf(events, 'move-ended')
                .map((e) => e.outcome)
                .sort(),
        ).toEqual(['aborted', 'aborted', 'skipped', 'skipped', 'skipped', 'skipped']);
        expect(drain().every((m) => hypervisors.cluster.runningOn(m.vm.uuid).join() === 'a')).toBe(true);
        expect([...hypervisors.cluster.machine('b').copies, ...hypervisors.cluster.machine('c').copies]).toEqual([]);
    });

    test('whenever the cancel comes, every VM runs on exactly one host', { timeout: 60_000 }, async () => {
        for (let at = 0; at < 2200; at += 100) {
            const { ports, clock, hypervisors } = bench(rack());
            const cancel = new AbortController();
            void clock.sleep(milliseconds(at)).then(() => cancel.abort());
            const moves = drain().slice(0, 2);
            const events = await all(execute(planOf(moves), ports, { cancel: cancel.signal }));
            for (const end of eventsOf(events, 'move-ended')) {
                const step = moves.find((m) => m.id === end.move)!;
                expect(hypervisors.cluster.runningOn(step.vm.uuid), `cancelled after ${at} ms`).toEqual([end.vmOn]);
            }
            expect(eventsOf(events, 'move-ended')).toHaveLength(2);
        }
    });

    test('a request in the journal stops the run as a signal does', async () => {
        const { ports, clock, journal } = bench(rack());
        void clock.sleep(milliseconds(1000)).then(() => journal.requestAbort('r1', 'cancel', 'you@there', clock.now()));
        const events = await all(execute(planOf(drain(), { limits }), ports));
        expect(eventsOf(events, 'run-stopping')).toMatchObject([{ why: 'aborted', detail: 'you@there asked to cancel the run' }]);
        expect(eventsOf(events, 'move-ended').map((e) => e.outcome)).toContain('aborted');
    });
});
