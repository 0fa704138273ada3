import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { InventoryHost } from '../../core/index.js';
import type { Arrival, Departure, HostSession, Hypervisors } from '../hypervisor/port.js';
import { execute } from './execute.js';
import { all, bench, eventsOf, guest, inventoryOf, moveOf, planOf } from './testing.js';

let directory = '';
beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'mig-durability-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

type Told = (call: string) => void;

/** Hosts that tell of each phase before they do anything of it. */
class Telling implements Hypervisors {
    readonly #real: Hypervisors;
    readonly #told: Told;
    constructor(real: Hypervisors, told: Told) {
        this.#real = real;
        this.#told = told;
    }
    async session(host: InventoryHost, signal: AbortSignal): Promise<HostSession> {
        const session = await this.#real.session(host, signal);
        return replaced(session, {
            departure: async (vm: string, s: AbortSignal) =>
                tellingOf<Departure>(await session.departure(vm, s), ['begin', 'perform', 'confirm'], this.#told),
            arrival: async (vm: string, s: AbortSignal) =>
                tellingOf<Arrival>(await session.arrival(vm, s), ['prepare', 'finish'], this.#told),
        });
    }
}

function tellingOf<T extends object>(real: T, names: readonly (keyof T & string)[], told: Told): T {
    const instead = names.map((name): [string, unknown] => {
        const value = real[name];
        const call = (...args: unknown[]): unknown => {
            told(name);
            return typeof value === 'function' ? Reflect.apply(value, real, args) : undefined;
        };
        return [name, call];
    });
    return replaced(real, Object.fromEntries<unknown>(instead));
}

/** The same object with some methods replaced; the others still see the object itself. */
function replaced<T extends object>(real: T, instead: Readonly<Record<string, unknown>>): T {
    return new Proxy(real, {
        get(target, name): unknown {
            if (typeof name === 'string' && name in instead) return instead[name];
            const value: unknown = Reflect.get(target, name, target);
            return typeof value === 'function' ? (...args: unknown[]): unknown => Reflect.apply(value, target, args) : value;
        },
    });
}

test('every phase is on disk before the host is called, and finish-sent before finish', async () => {
    const path = join(directory, 'journal.db');
    const vm = guest('db');
    const { ports } = bench(inventoryOf({ a: [vm], b: [] }), { journal: path });
    const seen: Record<string, unknown> = {};
    const hypervisors = new Telling(ports.hypervisors, (call) => {
        using db = new DatabaseSync(path, { readOnly: true });
        const { phase, finish } = db.prepare("SELECT phase, finish FROM moves WHERE id = 'db'").get() ?? {};
        seen[call] = { phase, finish };
    });
    const events = await all(execute(planOf([moveOf(vm, 'a', 'b')]), { ...ports, hypervisors }));
    expect(eventsOf(events, 'move-ended')).toMatchObject([{ outcome: 'moved' }]);
    expect(seen).toEqual({
        begin: { phase: 'begin', finish: 'not-sent' },
        prepare: { phase: 'prepare', finish: 'not-sent' },
        perform: { phase: 'perform', finish: 'not-sent' },
        finish: { phase: 'finish', finish: 'sent' },
        confirm: { phase: 'confirm', finish: 'started' },
    });
});

test('a journal that cannot take the run ends it before any host is asked for anything', async () => {
    const vm = guest('db');
    const { ports, journal } = bench(inventoryOf({ a: [vm], b: [] }));
    journal[Symbol.dispose]();
    let asked = 0;
    const hypervisors: Hypervisors = {
        session: (host, signal) => {
            asked += 1;
            return ports.hypervisors.session(host, signal);
        },
    };
    await expect(all(execute(planOf([moveOf(vm, 'a', 'b')]), { ...ports, hypervisors }))).rejects.toThrow();
    expect(asked).toBe(0);
});

test('a journal that fails before finish gives the VM back to its source, and sends no finish', async () => {
    const vm = guest('db');
    const { ports, journal, hypervisors } = bench(inventoryOf({ a: [vm], b: [] }));
    const real = journal.enter.bind(journal);
    journal.enter = (run, move, marks, at) => {
        if (marks.includes('finish-sent')) throw new Error('the disk is full');
        real(run, move, marks, at);
    };
    const step = moveOf(vm, 'a', 'b');
    const events = await all(execute(planOf([step]), ports));
    expect(eventsOf(events, 'move-ended')).toMatchObject([{ outcome: 'failed', vmOn: 'a' }]);
    expect(hypervisors.cluster.runningOn(step.vm.uuid)).toEqual(['a']);
    expect(hypervisors.cluster.machine('b').copies.size).toBe(0);
});
