import { test as property, fc } from '@fast-check/vitest';
import { expect, test } from 'vitest';
import { startable, toReady } from '../decide/queue.js';
import type { QueuedMove } from '../decide/queued.js';
import type { PlanLimits } from '../model/plan.js';
import { Agenda } from './agenda.js';
import { nextInLine, portions } from './candidates.js';
import { Load } from './load.js';

const hosts = ['a', 'b', 'c', 'd'];
const limit = fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined });
const limits: fc.Arbitrary<PlanLimits> = fc.record({
    perHost: limit,
    intoHost: limit,
    outOfHost: limit,
    perLink: limit,
    inAll: limit,
    workers: fc.constant({ a: 3, b: 5 }),
});
const queues: fc.Arbitrary<readonly QueuedMove[]> = fc
    .array(
        fc.record({
            source: fc.constantFrom(...hosts),
            destination: fc.constantFrom(...hosts),
            status: fc.constantFrom<QueuedMove['status']>(
                'waiting',
                'waiting',
                'waiting',
                'running',
                'settling',
                'moved',
                'failed',
                'delayed',
            ),
            after: fc.array(fc.nat(30), { maxLength: 2 }),
        }),
        { maxLength: 60 },
    )
    .map((all) => all.map((m, i) => ({ ...m, id: `m${i}`, network: 'mig', after: m.after.filter((n) => n < i).map((n) => `m${n}`) })));

/** Starts in portions, as the simulator does. */
function inPortions(all: readonly QueuedMove[], within: PlanLimits): readonly string[] {
    const byId = new Map(all.map((m) => [m.id, m]));
    const waiting = new Map(all.filter((m) => m.status === 'waiting').map((m) => [m.id, m]));
    const running = new Set(all.filter((m) => m.status === 'running').map((m) => m.id));
    const started: string[] = [];
    const load = new Load(
        within,
        all.filter((m) => m.status === 'running'),
    );
    for (const portion of portions({ byId, waiting, running, load })) {
        for (const id of startable(portion, within).start) {
            const move = byId.get(id);
            if (move) byId.set(id, { ...move, status: 'running' });
            if (move) load.add(move);
            waiting.delete(id);
            running.add(id);
            started.push(id);
        }
    }
    return started;
}

property.prop([queues, limits])('asking in portions starts exactly the moves that asking about all would', (all, within) => {
    expect(inPortions(all, within)).toEqual(startable({ moves: all }, within).start);
});

property.prop([queues, limits, fc.array(fc.nat(60)), fc.array(fc.nat(60), { maxLength: 3 })])(
    'those next in line are the ones that asking about all would make ready',
    (all, within, ends, prepared) => {
        const { start } = startable({ moves: all }, within);
        const now = all.map((m): QueuedMove => (start.includes(m.id) ? { ...m, status: 'running' } : m));
        const of = (status: QueuedMove['status']) => now.filter((m) => m.status === status);
        const live = {
            byId: new Map(now.map((m) => [m.id, m])),
            waiting: new Map(of('waiting').map((m) => [m.id, m])),
            running: new Set(of('running').map((m) => m.id)),
            load: new Load(within, of('running')),
        };
        const among = (some: readonly number[], status: QueuedMove['status']) =>
            new Set(some.flatMap((n) => of(status)[n % Math.max(1, of(status).length)]?.id ?? []));
        const [ending, ready] = [among(ends, 'running'), among(prepared, 'waiting')];
        const asked = nextInLine(live, ending, ready, (portion) => startable(portion, within).start);
        expect(ending.size === 0 ? [] : asked).toEqual(toReady({ moves: now }, within, ending, ready));
    },
);

property.prop([fc.array(fc.record({ key: fc.nat(8), at: fc.nat(50) }), { maxLength: 40 })])(
    'an agenda gives every key once, at its last time, earliest first',
    (sets) => {
        const agenda = new Agenda<number>();
        const last = new Map<number, number>();
        for (const { key, at } of sets) {
            agenda.set(key, at);
            last.set(key, at);
        }
        const given: { readonly at: number; readonly key: number }[] = [];
        for (let next = agenda.next(); next; next = agenda.next()) given.push({ at: next.at, key: next.key });
        expect(given.map((g) => g.at)).toEqual([...last.values()].sort((a, b) => a - b));
        expect(new Map(given.map((g) => [g.key, g.at]))).toEqual(last);
    },
);

test('an agenda forgets a key whose time is never', () => {
    const agenda = new Agenda<string>();
    agenda.set('x', 1);
    agenda.set('x', Infinity);
    expect(agenda.next()).toBeUndefined();
});
