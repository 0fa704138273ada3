import { milliseconds } from '@mig/language';
import { expect, test } from 'vitest';
import type { MoveSetting } from '../hypervisor/port.js';
import type { Untimed } from './ports.js';
import { ReadBack } from './read-back.js';
import { bench, guest, inventoryOf, moveOf, all, eventsOf, planOf } from './testing.js';
import { execute } from './execute.js';

const never = new AbortController().signal;

/** What is told of a source that says this of its settings. */
async function told(settings: readonly MoveSetting[], limit?: number): Promise<readonly Untimed[]> {
    const events: Untimed[] = [];
    const step = moveOf(guest('web1'), 'a', 'b', {
        technique: { kind: 'precopy', name: undefined, options: { downtimeMs: 300 }, ladder: [] },
    });
    const departure = {
        settings: () => Promise.resolve(settings),
        setDowntimeLimit: () => Promise.resolve({ got: limit === undefined ? undefined : milliseconds(limit) }),
    };
    const readBack = new ReadBack(step, { emit: (event) => void events.push(event) }, departure);
    await readBack.options(never);
    await readBack.options(never);
    await readBack.downtimeLimit(never);
    await readBack.downtimeLimit(never);
    return events;
}

test('each setting is told of once; caps and the limit are told of where they are set', async () => {
    const events = await told(
        [
            { setting: 'bandwidth', asked: 10, got: 10 },
            { setting: 'downtime-limit', asked: 300, got: 300 },
            { setting: 'compression', asked: 'zstd', got: 'zstd' },
        ],
        300,
    );
    expect(events).toEqual([
        { type: 'setting-applied', move: 'web1', on: 'a', agrees: true, setting: 'compression', asked: 'zstd', got: 'zstd' },
        { type: 'setting-applied', move: 'web1', on: 'a', agrees: true, setting: 'downtime-limit', asked: 300, got: 300 },
    ]);
});

test('a difference is an event, and a warning or an alarm by what it means', async () => {
    const events = await told([
        { setting: 'compression-level', asked: 9, got: 1 },
        { setting: 'throttle-most', asked: 0.5, got: 0.99 },
        { setting: 'streams', asked: 4, got: undefined, unread: 'it is denied' },
    ]);
    const words = events.map((event) => (event.type === 'note' ? event.level : event.type === 'setting-applied' ? event.agrees : ''));
    expect(words).toEqual([false, 'warning', false, 'alarm', false, 'info', false, 'warning']);
});

test('in a run the options of a technique are read once it sends', async () => {
    const vm = guest('web1');
    const { ports } = bench(inventoryOf({ a: [vm], b: [] }));
    const options = { streams: 2, compression: { method: 'zstd' } } as const;
    const technique = { kind: 'precopy', name: undefined, options, ladder: [] } as const;
    const events = await all(execute(planOf([moveOf(vm, 'a', 'b', { technique })]), ports));
    expect(eventsOf(events, 'setting-applied').map(({ setting, got }) => [setting, got])).toEqual([
        ['streams', 2],
        ['compression', 'zstd'],
    ]);
    expect(eventsOf(events, 'move-ended').map(({ outcome }) => outcome)).toEqual(['moved']);
});
