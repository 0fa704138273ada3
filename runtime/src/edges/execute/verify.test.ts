import { milliseconds, type OnFailure } from '@mig/language';
import { describe, expect, test } from 'vitest';
import {
    reportOf,
    type MigrationEvent,
    type PlannedCheck,
    type PlannedHook,
    type PlannedMove,
    type PolicyInstance,
} from '../../core/index.js';
import { execute } from './execute.js';
import type { Command, CommandEnd, Places } from './places.js';
import { all, bench, eventsOf, guest, inventoryOf, moveOf, planOf } from './testing.js';

/** Places in memory: what is run there, and what comes of it. */
class Desk implements Places {
    readonly ran: { readonly place: string | undefined; readonly command: Command }[] = [];
    readonly #ends: (argv: readonly string[]) => Partial<CommandEnd>;
    /** Connections that fail before one is answered. */
    #silent: number;

    constructor(ends: (argv: readonly string[]) => Partial<CommandEnd> = () => ({}), silent = 0) {
        this.#ends = ends;
        this.#silent = silent;
    }
    run(place: string | undefined, command: Command): Promise<CommandEnd> {
        this.ran.push({ place, command });
        return Promise.resolve({ code: 0, timedOut: false, output: '', ...this.#ends(command.argv) });
    }
    connect(): Promise<void> {
        this.#silent -= 1;
        return this.#silent < 0 ? Promise.resolve() : Promise.reject(new Error('connection refused'));
    }
    ask(): Promise<'refused'> {
        return Promise.resolve('refused');
    }
    [Symbol.asyncDispose](): Promise<void> {
        return Promise.resolve();
    }
}

const hook = (when: PlannedHook['when'], command: readonly string[], on?: string): PlannedHook => ({
    when,
    on,
    command,
    withinMs: milliseconds(1000),
});
const tcp = (otherwise: PlannedCheck['otherwise'] = 'report'): PlannedCheck => ({
    check: { kind: 'tcp', address: 'db.example', port: 22 },
    from: 'probe',
    withinMs: milliseconds(5000),
    otherwise,
});
const range = { source: 0, start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
const [db, web] = [guest('db'), guest('web')];
const rack = () => bench(inventoryOf({ a: [db, web], b: [] }));

describe('a hook', () => {
    test('before a move runs where the plan says, with what the move is, and its output is told', async () => {
        const desk = new Desk(() => ({ output: 'checkpoint written' }));
        const step = moveOf(db, 'a', 'b', { hooks: [hook('before', ['ledger', 'check point'], 'a'), hook('after', ['announce'], 'b')] });
        const { ports } = rack();
        const events = await all(execute(planOf([step]), { ...ports, places: desk }));
        expect(desk.ran.map(({ place, command }) => [place, command.argv])).toEqual([
            ['a', ['ledger', 'check point']],
            ['b', ['announce']],
        ]);
        expect(desk.ran[0]?.command.environment).toMatchObject({ MIG_VM: 'db', MIG_SOURCE: 'a', MIG_DESTINATION: 'b', MIG_ATTEMPT: '1' });
        const told = events.map((e) => (e.type === 'phase-entered' ? e.phase : e.type));
        expect(told.indexOf('hook-ended')).toBeLessThan(told.indexOf('begin'));
        expect(told.lastIndexOf('hook-started')).toBeGreaterThan(told.indexOf('arrived'));
        expect(eventsOf(events, 'hook-ended')[0]).toMatchObject({ outcome: 'ok', output: 'checkpoint written' });
        expect(eventsOf(events, 'move-ended')).toMatchObject([{ outcome: 'moved' }]);
    });

    test('that fails before a move keeps it from starting, and the VM and its lock are as they were', async () => {
        const desk = new Desk(() => ({ code: 3, output: 'disk is full' }));
        const step = moveOf(db, 'a', 'b', { hooks: [hook('before', ['ledger'], 'a'), hook('before', ['never'], 'a')] });
        const { ports, hypervisors } = rack();
        const events = await all(execute(planOf([step]), { ...ports, places: desk }));
        expect(desk.ran).toHaveLength(1);
        expect(eventsOf(events, 'phase-entered')).toEqual([]);
        expect(eventsOf(events, 'move-ended')).toMatchObject([
            { outcome: 'failed', vmOn: 'a', error: { code: 'hook-failed', hint: 'it said: disk is full' } },
        ]);
        expect(hypervisors.cluster.machine('a').locks.size).toBe(0);
    });

    test('that fails after a move is told, and the VM has moved', async () => {
        const desk = new Desk(() => ({ timedOut: true, code: 124 }));
        const { ports } = rack();
        const events = await all(
            execute(planOf([moveOf(db, 'a', 'b', { hooks: [hook('after', ['announce'])] })]), { ...ports, places: desk }),
        );
        expect(eventsOf(events, 'move-ended')).toMatchObject([{ outcome: 'moved' }]);
        expect(eventsOf(events, 'note').map((n) => n.text)).toEqual([
            'db has moved; its hook announce on the machine of mig-run did not end within 1 s',
        ]);
    });

    test('and a check are not run where hosts are simulated', async () => {
        const { ports } = rack();
        const step = moveOf(db, 'a', 'b', { hooks: [hook('before', ['ledger'])], checks: [tcp()] });
        const events = await all(execute(planOf([step]), ports));
        expect(eventsOf(events, 'hook-started')).toEqual([]);
        expect(eventsOf(events, 'verified')).toEqual([]);
        expect(eventsOf(events, 'move-ended')).toMatchObject([{ outcome: 'moved' }]);
    });
});

describe('a check', () => {
    test('is asked again until the VM answers', async () => {
        const { ports } = rack();
        const events = await all(
            execute(planOf([moveOf(db, 'a', 'b', { checks: [tcp()] })]), { ...ports, places: new Desk(undefined, 3) }),
        );
        expect(eventsOf(events, 'verified')).toMatchObject([{ outcome: 'ok' }]);
        // Three waits; the virtual clock adds fractions of a millisecond, whose sum is right to some 1e-13 only.
        expect(Math.round(eventsOf(events, 'verified')[0]?.tookMs ?? 0)).toBeGreaterThanOrEqual(750);
        expect(eventsOf(events, 'note')).toEqual([]);
    });

    test('that gets no answer in its time is told, and the VM stays where it is', async () => {
        const { ports, hypervisors } = rack();
        const step = moveOf(db, 'a', 'b', { checks: [tcp()] });
        const events = await all(execute(planOf([step]), { ...ports, places: new Desk(undefined, Infinity) }));
        expect(eventsOf(events, 'verified')).toMatchObject([{ outcome: 'failed', detail: 'connection refused' }]);
        expect(eventsOf(events, 'note')).toMatchObject([{ level: 'warning' }]);
        expect(eventsOf(events, 'move-ended')).toMatchObject([{ outcome: 'moved', vmOn: 'b' }]);
        expect(hypervisors.cluster.runningOn(step.vm.uuid)).toEqual(['b']);
    });

    const returning = (facts: Partial<PlannedMove> = {}) =>
        moveOf(db, 'a', 'b', {
            home: { network: 'migration', address: 'a.migration', listen: '0.0.0.0' },
            checks: [{ ...tcp('return-home'), withinMs: milliseconds(1) }],
            ...facts,
        });

    test('whose answer is to return home moves the VM back, and what follows a move follows that', async () => {
        const { ports, hypervisors, journal } = rack();
        const desk = new Desk(undefined, Infinity);
        const step = returning({ hooks: [hook('before', ['leave']), hook('after', ['join'])] });
        const events = await all(execute(planOf([step]), { ...ports, places: desk }));
        expect(hypervisors.cluster.runningOn(step.vm.uuid)).toEqual(['a']);
        expect(hypervisors.cluster.machine('b').copies.size).toBe(0);
        expect(eventsOf(events, 'move-returning')).toMatchObject([{ from: 'b', home: 'a' }]);
        expect(eventsOf(events, 'move-ended')).toMatchObject([
            {
                outcome: 'failed',
                vmOn: 'a',
                error: { code: 'returned-home', message: expect.stringMatching(/^db was returned to a: /) as string },
            },
        ]);
        expect(desk.ran.map(({ command }) => [command.argv[0], command.environment['MIG_DESTINATION']])).toEqual([
            ['leave', 'b'],
            ['join', 'a'],
        ]);
        expect(eventsOf(events, 'run-ended')[0]?.outcome).toBe('incomplete');
        expect(journal.run(ports.run).moves).toMatchObject([{ outcome: 'failed', vmOn: 'a', attempt: 2 }]);
        const report = reportOf(events);
        expect(report.moves[0]).toMatchObject({ source: 'a', destination: 'b', outcome: 'failed', vmOn: 'a', attempts: 2 });
        expect(report.allHeld).toBe(false);
    });

    test('that sends a VM home which cannot go there leaves it where it is, and says so', async () => {
        const { ports, hypervisors } = bench(inventoryOf({ a: [db, web], b: [] }), {
            faults: [{ call: 'prepare', host: 'a', when: 'before', does: { kind: 'refuse' } }],
        });
        const events = await all(execute(planOf([returning()]), { ...ports, places: new Desk(undefined, Infinity) }));
        expect(hypervisors.cluster.runningOn(returning().vm.uuid)).toEqual(['b']);
        expect(eventsOf(events, 'move-ended')).toMatchObject([{ outcome: 'failed', vmOn: 'b' }]);
        expect(eventsOf(events, 'move-ended')[0]?.error?.message).toMatch(/^db was to be returned to a \(.*\), and was not: /);
    });

    test('sends nobody home once the run is being stopped', async () => {
        const { ports, hypervisors } = rack();
        const stop = new AbortController();
        const desk = new Desk(undefined, Infinity);
        const events: MigrationEvent[] = [];
        for await (const event of execute(planOf([returning()]), { ...ports, places: desk }, { stop: stop.signal })) {
            events.push(event);
            if (event.type === 'arrived') stop.abort();
        }
        expect(hypervisors.cluster.runningOn(returning().vm.uuid)).toEqual(['b']);
        expect(eventsOf(events, 'move-ended')).toMatchObject([{ outcome: 'failed', vmOn: 'b', error: { code: 'not-returned' } }]);
    });

    test('that fails for one of a gang that is all or none brings those home that have arrived, where the policy says so', async () => {
        const { ports, hypervisors } = rack();
        const onFailure: OnFailure = { range, retry: undefined, then: ['return-home'], budget: undefined };
        const instances: PolicyInstance[] = [
            { policy: 'evacuate', bound: undefined, priority: 0, because: [], requires: [], onFailure, passedOver: [] },
        ];
        const home = { network: 'migration', address: 'a.migration', listen: '0.0.0.0' };
        const moves = [returning({ checks: [tcp('return-home')] }), moveOf(web, 'a', 'b', { home })];
        const gangs = [{ name: 'app', moves: ['db', 'web'], allOrNone: true }];
        const events = await all(execute(planOf(moves, { gangs, instances }), { ...ports, places: new Desk(undefined, Infinity) }));
        for (const { vm } of moves) expect(hypervisors.cluster.runningOn(vm.uuid)).toEqual(['a']);
        const last = new Map(eventsOf(events, 'move-ended').map((e) => [e.move, e]));
        expect(last.get('web')).toMatchObject({ outcome: 'failed', vmOn: 'a', error: { code: 'returned-home' } });
        expect(last.get('web')?.error?.message).toMatch(/db of app did not move .* all or none/);
    });

    test('whose answer is to halt the plan starts no further move', async () => {
        const { ports } = rack();
        const limits = { perHost: undefined, intoHost: undefined, outOfHost: undefined, perLink: undefined, inAll: 1, workers: {} };
        const moves = [
            moveOf(db, 'a', 'b', { checks: [{ ...tcp('halt-plan'), withinMs: milliseconds(1) }] }),
            moveOf(web, 'a', 'b', { after: ['db'] }),
        ];
        const events = await all(execute(planOf(moves, { limits }), { ...ports, places: new Desk(undefined, Infinity) }));
        expect(eventsOf(events, 'run-stopping')).toMatchObject([{ why: 'plan-halted' }]);
        expect(Object.fromEntries(eventsOf(events, 'move-ended').map((e) => [e.move, e.outcome]))).toEqual({ db: 'moved', web: 'skipped' });
    });

    test('by a command takes its exit code, and says what it wrote', async () => {
        const { ports } = rack();
        const check: PlannedCheck = { ...tcp(), check: { kind: 'command', command: ['is-up', 'db'] }, withinMs: milliseconds(1) };
        const desk = new Desk(() => ({ code: 1, output: 'no route' }));
        const events = await all(execute(planOf([moveOf(db, 'a', 'b', { checks: [check] })]), { ...ports, places: desk }));
        expect(eventsOf(events, 'verified')).toMatchObject([{ outcome: 'failed', detail: 'ended with 1; it said: no route' }]);
    });
});
