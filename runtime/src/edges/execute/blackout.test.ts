import { milliseconds } from '@mig/language';
import { expect, test } from 'vitest';
import { closedPort } from '../../core/decide/blackout.js';
import { reportOf, type MigrationEvent, type PlannedProbe } from '../../core/index.js';
import { execute } from './execute.js';
import type { CommandEnd, Places } from './places.js';
import { all, bench, eventsOf, guest, inventoryOf, moveOf, planOf } from './testing.js';

const probe: PlannedProbe = { from: 'watch', address: '10.0.0.7', port: closedPort };
const db = guest('db');
const rack = () => bench(inventoryOf({ a: [db], b: [] }));

/** A place that asks; `answers` says whether the VM does. */
class Desk implements Places {
    readonly asked: string[] = [];
    readonly #answers: () => boolean;

    constructor(answers: () => boolean) {
        this.#answers = answers;
    }
    ask(place: string | undefined, address: string, port: number): Promise<'refused'> {
        this.asked.push(`${place ?? 'here'} ${address}:${port}`);
        return this.#answers() ? Promise.resolve('refused') : Promise.reject(new Error('no route to it'));
    }
    run(): Promise<CommandEnd> {
        return Promise.reject(new Error('nothing is run'));
    }
    connect(): Promise<void> {
        return Promise.reject(new Error('nothing is connected to'));
    }
    [Symbol.asyncDispose](): Promise<void> {
        return Promise.resolve();
    }
}

test('the longest time without an answer is told, and the questions end with the move', async () => {
    const { ports } = rack();
    let silent = false;
    let stoppedAt = 0;
    // It falls silent when it is stopped, and for 200 ms longer than that.
    const desk = new Desk(() => !silent && ports.clock.now() > stoppedAt + 200);
    const events: MigrationEvent[] = [];
    for await (const event of execute(planOf([moveOf(db, 'a', 'b', { probe })]), { ...ports, places: desk })) {
        events.push(event);
        if (event.type === 'guest-stopped') silent = true;
        if (event.type === 'guest-resumed') {
            silent = false;
            stoppedAt = event.at;
        }
    }
    const [told] = eventsOf(events, 'blackout');
    expect(told).toMatchObject({ from: 'watch', detail: undefined });
    const downtime = (eventsOf(events, 'guest-resumed')[0]?.at ?? 0) - (eventsOf(events, 'guest-stopped')[0]?.at ?? 0);
    expect(told?.blackoutMs).toBeGreaterThanOrEqual(downtime + 190);
    expect(told?.blackoutMs).toBeLessThanOrEqual(downtime + 240);
    expect(new Set(desk.asked)).toEqual(new Set(['watch 10.0.0.7:1']));
    expect(events.findIndex(({ type }) => type === 'blackout')).toBeLessThan(events.findIndex(({ type }) => type === 'move-ended'));
    const asked = desk.asked.length;
    await new Promise((later) => setTimeout(later, 50));
    expect(desk.asked).toHaveLength(asked);
});

test('a VM that never answers has a blackout that is not known, and never one of nothing', async () => {
    const { ports } = rack();
    const events = await all(execute(planOf([moveOf(db, 'a', 'b', { probe })]), { ...ports, places: new Desk(() => false) }));
    const [told] = eventsOf(events, 'blackout');
    expect(told?.blackoutMs).toBeUndefined();
    expect(told?.detail).toBe('did not answer at 10.0.0.7, TCP port 1, before it was moved (no route to it)');
    expect(eventsOf(events, 'note').map(({ text }) => text)).toContain(`db: its blackout is not known: ${told?.detail ?? ''}`);
    expect(reportOf(events).moves[0]?.outcome).toBe('moved');
});

test('a VM that does not answer once it has arrived has been silent since, and the run says so', async () => {
    const { ports } = rack();
    let gone = false;
    const events: MigrationEvent[] = [];
    for await (const event of execute(planOf([moveOf(db, 'a', 'b', { probe })]), { ...ports, places: new Desk(() => !gone) })) {
        events.push(event);
        if (event.type === 'guest-stopped') gone = true;
    }
    const [told] = eventsOf(events, 'blackout');
    expect(told).toMatchObject({ goesOn: true });
    expect(told?.blackoutMs).toBeGreaterThan(milliseconds(10_000));
    expect(eventsOf(events, 'note').map(({ text }) => text)).toContain('db has moved, and does not answer since, as seen from watch');
});

test('nobody asks where the plan does not say so, and on simulated hosts the model is told as what it is', async () => {
    const { ports } = rack();
    const desk = new Desk(() => true);
    expect(eventsOf(await all(execute(planOf([moveOf(db, 'a', 'b')]), { ...ports, places: desk })), 'blackout')).toEqual([]);
    expect(desk.asked).toEqual([]);
    const events = await all(execute(planOf([moveOf(db, 'a', 'b', { probe })]), rack().ports));
    const stood = (eventsOf(events, 'guest-resumed')[0]?.at ?? 0) - (eventsOf(events, 'guest-stopped')[0]?.at ?? 0);
    expect(eventsOf(events, 'blackout')).toMatchObject([{ modelled: true, blackoutMs: stood + 20 }]);
});
