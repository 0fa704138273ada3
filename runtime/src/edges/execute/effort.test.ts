import { milliseconds } from '@mig/language';
import { expect, test } from 'vitest';
import type { MovePhase } from '../../core/index.js';
import type { RunContext } from './context.js';
import { Effort } from './effort.js';
import type { Untimed } from './ports.js';
import { guest, inventoryOf, moveOf } from './testing.js';

const vm = guest('db1');
const move = moveOf(vm, 'a', 'b');

/** What is told where each host counts so much CPU time while these things happen. */
async function told(happens: readonly (Untimed | Readonly<Record<string, number>>)[]) {
    const cpu: Record<string, number> = { a: 0, b: 0, c: 0 };
    const events: Untimed[] = [];
    const hypervisors = {
        session: (host: { readonly name: string }) =>
            Promise.resolve({ emulatorCpu: () => Promise.resolve(milliseconds(cpu[host.name] ?? 0)) }),
    };
    const ports = { hypervisors, inventory: inventoryOf({ a: [vm], b: [], c: [] }) };
    const effort = new Effort([move], { emit: (event: Untimed) => events.push(event), ports } as unknown as RunContext);
    for (const one of happens) {
        if ('type' in one) effort.hear(one as Untimed);
        else for (const [host, ms] of Object.entries(one)) cpu[host] = (cpu[host] ?? 0) + ms;
        await new Promise(setImmediate);
    }
    await effort.settled();
    return events.map((event) => event.type === 'effort' && [event.side, event.on, event.cpuMs]);
}

const entered = (phase: MovePhase): Untimed => ({ type: 'phase-entered', move: move.id, phase });
const ended = (phase: MovePhase): Untimed => ({ type: 'phase-ended', move: move.id, phase, tookMs: milliseconds(1), error: undefined });

test('in pre-copy the work of the source ends with perform, that of the destination with finish', async () => {
    const happens = [
        entered('perform'),
        { a: 500, b: 300 },
        ended('perform'),
        entered('finish'),
        { b: 20 },
        ended('finish'),
        { b: 9 },
        ended('confirm'),
    ];
    expect(await told(happens)).toEqual([
        ['source', 'a', 500],
        ['destination', 'b', 320],
    ]);
});

test('in post-copy that of the destination ends when the last page has come', async () => {
    const happens = [
        entered('perform'),
        entered('finish'),
        { b: 20 },
        ended('finish'),
        { a: 500, b: 300 },
        ended('perform'),
        { b: 9 },
        ended('confirm'),
    ];
    expect(await told(happens)).toEqual([
        ['source', 'a', 500],
        ['destination', 'b', 320],
    ]);
});

test('where a move goes elsewhere, it is the work of that host', async () => {
    const failed: Untimed = { type: 'phase-ended', move: move.id, phase: 'perform', tookMs: milliseconds(1), error: 'no' };
    const redirected: Untimed = { type: 'move-redirected', move: move.id, destination: 'c', because: 'no' };
    const happens = [entered('perform'), { b: 50 }, failed, redirected, entered('perform'), { c: 300 }, ended('perform'), ended('finish')];
    expect(await told(happens)).toContainEqual(['destination', 'c', 300]);
});
