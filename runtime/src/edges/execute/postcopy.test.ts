import { milliseconds } from '@mig/language';
import { describe, expect, test, vi } from 'vitest';
import type { MigrationEvent, PlannedMove } from '../../core/index.js';
import { SimulatedDeparture } from '../hypervisor/simulated/departure.js';
import type { Fault } from '../hypervisor/simulated/faults.js';
import type { SimulatedCluster } from '../hypervisor/simulated/cluster.js';
import { execute } from './execute.js';
import { resume } from './resume.js';
import { all, bench, eventsOf, guest, inventoryOf, mib, mibPerSecond, moveOf, nextClient, planOf, untilKilled } from './testing.js';

const range = { source: 0, start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
/** It takes two seconds to send. */
const db = guest('db', { memory: mib(256), zeroShare: 0, persistent: true, autostart: true });
const postcopy: PlannedMove['technique'] = { kind: 'postcopy', name: undefined, options: { downtimeMs: 300 }, ladder: [] };
const step = moveOf(db, 'a', 'b', { technique: postcopy });
const cluster = (faults: readonly Fault[] = []) => bench(inventoryOf({ a: [db], b: [] }), { faults });
const carriedOut = async (faults: readonly Fault[]) => {
    const made = cluster(faults);
    const events = await all(execute(planOf([step]), made.ports));
    return { events, made, end: eventsOf(events, 'move-ended')[0], running: made.hypervisors.cluster.runningOn(step.vm.uuid) };
};
const indexOf = (events: readonly MigrationEvent[], is: (event: MigrationEvent) => boolean): number => events.findIndex(is);

describe('a move that switches to post-copy', () => {
    test('has its guest started at the switch, and its source removed only when all has been sent', async () => {
        const { events, end, running, made } = await carriedOut([]);
        const order = [
            indexOf(events, (e) => e.type === 'postcopy-started'),
            indexOf(events, (e) => e.type === 'phase-entered' && e.phase === 'finish'),
            indexOf(events, (e) => e.type === 'guest-resumed' && e.on === 'b'),
            indexOf(events, (e) => e.type === 'phase-entered' && e.phase === 'confirm'),
        ];
        expect(order).toEqual([...order].sort((a, b) => a - b));
        expect(order[0]).toBeGreaterThan(0);
        expect(end).toMatchObject({ outcome: 'moved', vmOn: 'b' });
        expect(running).toEqual(['b']);
        expect(made.hypervisors.cluster.machine('b').copies.get(step.vm.uuid)).toMatchObject({ persistent: true, autostart: true });
    });

    test('keeps its share where perform returns before it is told that it has switched', async () => {
        const other = guest('web', { memory: mib(512), zeroShare: 0, dirtyRate: mibPerSecond(0) });
        const made = bench(inventoryOf({ a: [db, other], b: [] }));
        const { get: told } = Object.getOwnPropertyDescriptor(SimulatedDeparture.prototype, 'events') as {
            get: (this: SimulatedDeparture) => SimulatedDeparture['events'];
        };
        const heard = vi.spyOn(SimulatedDeparture.prototype, 'events', 'get');
        heard.mockImplementation(async function* (this: SimulatedDeparture) {
            for await (const event of told.call(this)) {
                if (event.type === 'migration-status' && event.status === 'postcopy-active') await made.clock.sleep(milliseconds(150));
                yield event;
            }
        });
        const cap = { scope: 'total', of: undefined, rate: mibPerSecond(60), kind: 'cap', because: { text: 'test' } } as const;
        const events = await all(execute(planOf([step, moveOf(other, 'a', 'b')], { caps: [cap] }), made.ports));
        heard.mockRestore();
        const of = (is: (event: MigrationEvent) => boolean): number => indexOf(events, is);
        const performed = of((e) => e.type === 'phase-ended' && e.phase === 'perform' && e.move === 'db');
        const finished = of((e) => e.type === 'phase-ended' && e.phase === 'finish' && e.move === 'db');
        const switched = of((e) => e.type === 'postcopy-started');
        expect([performed, switched, finished]).toEqual([performed, switched, finished].toSorted((a, b) => a - b));
        const caps = events
            .slice(performed, finished)
            .flatMap((e) => (e.type === 'setting-applied' && e.setting === 'bandwidth' ? [e.asked] : []));
        expect(caps.filter((asked) => asked !== mibPerSecond(30))).toEqual([]);
        expect(eventsOf(events, 'move-ended').map(({ outcome }) => outcome)).toEqual(['moved', 'moved']);
    });

    test('writes the switch down before it asks for it', async () => {
        const { made } = await untilKilledAt({ call: 'start-postcopy', host: 'a', when: 'before', does: { kind: 'kill-client' } });
        expect(made.journal.run('r1').moves[0]).toMatchObject({ phase: 'perform', finish: 'not-sent' });
    });

    test('asks again where the source refused to switch', async () => {
        const { end } = await carriedOut([{ call: 'start-postcopy', when: 'before', does: { kind: 'refuse', text: 'not yet' } }]);
        expect(end).toMatchObject({ outcome: 'moved', vmOn: 'b' });
    });

    test('is aborted by its ladder where the source never switches, and told of it once', async () => {
        const rung = (ms: number, kind: 'switch-to-postcopy' | 'abort') =>
            ({ range, on: { kind: 'after', ms }, and: undefined, action: { kind } }) as const;
        const ladder = [rung(500, 'switch-to-postcopy'), rung(1500, 'abort')];
        const made = cluster([{ call: 'start-postcopy', when: 'before', times: 99, does: { kind: 'refuse', text: 'no job is active' } }]);
        const move = moveOf(db, 'a', 'b', { technique: { kind: 'precopy', name: undefined, options: { downtimeMs: 1 }, ladder } });
        const events = await all(execute(planOf([move]), made.ports));
        expect(eventsOf(events, 'move-ended')[0]).toMatchObject({ outcome: 'aborted', vmOn: 'a' });
        expect(eventsOf(events, 'note').filter(({ text }) => text.includes('no job is active'))).toHaveLength(1);
    });

    test('asks the source where the connection broke after the switch, and goes on', async () => {
        const { end, running } = await carriedOut([
            { call: 'start-postcopy', host: 'a', when: 'after', does: { kind: 'lose-connection' } },
        ]);
        expect([end?.outcome, end?.error, running]).toEqual(['moved', undefined, ['b']]);
    });

    test('is never let go on at its source when the destination refuses to run it', async () => {
        const { end, running, events } = await carriedOut([
            { call: 'finish', host: 'b', when: 'before', does: { kind: 'refuse', code: 'not-started' } },
        ]);
        expect(running).not.toContain('a');
        expect(end).toMatchObject({ outcome: 'held' });
        expect(eventsOf(events, 'note').some(({ level }) => level === 'alarm')).toBe(true);
    });

    test.each(['after', 'before'] as const)(
        'of a client that dies at finish (%s): resume waits for the rest, or says that it is lost',
        async (when) => {
            const { made } = await untilKilledAt({ call: 'finish', host: 'b', when, does: { kind: 'kill-client' } });
            const events = await all(resume(nextClient(made)));
            const end = eventsOf(events, 'move-ended')[0];
            const running = made.hypervisors.cluster.runningOn(step.vm.uuid);
            expect(running).not.toContain('a');
            expect([end?.outcome, running]).toEqual(running.length === 0 ? ['held', []] : ['moved', ['b']]);
        },
    );
});

describe('a post-copy whose way was cut', () => {
    /** Cut as soon as the guest runs at its destination. */
    async function cut(...then: readonly Fault[]) {
        const made = cluster();
        const { cluster: hosts } = made.hypervisors;
        const events: MigrationEvent[] = [];
        for await (const event of execute(planOf([step]), made.ports)) {
            events.push(event);
            if (event.type !== 'guest-resumed' || event.on !== 'b') continue;
            for (const fault of then) hosts.faults.add(fault);
            hosts.breakMigration('db');
        }
        const alarms = eventsOf(events, 'note').filter(({ level }) => level === 'alarm');
        const told = alarms.map(({ text }) => text).join('\n');
        return { made, events, end: eventsOf(events, 'move-ended')[0], running: hosts.runningOn(step.vm.uuid), told };
    }

    test('is taken up again, told of with an alarm, and ends as moved', async () => {
        const { made, end, running, told } = await cut();
        expect(told).toMatch(/db: the way between the hosts was cut in post-copy/);
        expect([end?.outcome, end?.vmOn, end?.error, running]).toEqual(['moved', 'b', undefined, ['b']]);
        expect(made.hypervisors.cluster.machine('a').copies.has(step.vm.uuid)).toBe(false);
    });

    test('is tried again where that fails, and nothing is cancelled', async () => {
        const { end, running, events } = await cut({
            call: 'perform',
            host: 'a',
            when: 'before',
            does: { kind: 'refuse', text: 'no route' },
        });
        expect(eventsOf(events, 'note').map(({ text }) => text)).toContainEqual(
            expect.stringMatching(/^db: could not take its post-copy up again: .*no route/),
        );
        expect([end?.outcome, running]).toEqual(['moved', ['b']]);
    });

    test('is held where a host cannot take it up, with what a person can do, and is not asked for again', async () => {
        const { made, end, running, told } = await cut({
            call: 'prepare',
            when: 'before',
            does: { kind: 'refuse', code: 'feature-missing', text: 'its libvirt is too new' },
        });
        expect(end).toMatchObject({ outcome: 'held', vmOn: 'b' });
        expect(end?.error?.message).toMatch(/they cannot be made to go on from here: .*its libvirt is too new/);
        expect(end?.error?.hint).toMatch(/touch the VM on neither host/);
        expect(told.match(/too new/g)).toHaveLength(1);
        expect(running).toEqual(['b']);
        expect(made.hypervisors.cluster.machine('a').copies.get(step.vm.uuid)?.reason).toBe('postcopy-failed');
    });

    test('and whose client died meanwhile: resume takes it up', async () => {
        let hosts: SimulatedCluster | undefined;
        const dead = await untilKilled(
            (clock) => {
                const made = bench(inventoryOf({ a: [db], b: [] }), { clock });
                hosts = made.hypervisors.cluster;
                return made;
            },
            async function* (ports) {
                for await (const event of execute(planOf([step]), ports)) {
                    if (event.type === 'guest-resumed' && event.on === 'b') {
                        hosts?.breakMigration('db');
                        hosts?.killClient();
                    }
                    yield event;
                }
            },
        );
        const events = await all(resume(nextClient(dead)));
        expect(eventsOf(events, 'move-ended')[0]).toMatchObject({ outcome: 'moved', vmOn: 'b' });
        expect(dead.hypervisors.cluster.runningOn(step.vm.uuid)).toEqual(['b']);
    });
});

async function untilKilledAt(fault: Fault) {
    const made = await untilKilled(
        (clock) => bench(inventoryOf({ a: [db], b: [] }), { faults: [fault], clock }),
        (ports) => execute(planOf([step]), ports),
    );
    return { made };
}
