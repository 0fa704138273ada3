import { describe, expect, test } from 'vitest';
import { execute } from './execute.js';
import { resume } from './resume.js';
import type { Fault, FaultyCall } from '../hypervisor/simulated/faults.js';
import { SimulatedHypervisors } from '../hypervisor/simulated/hypervisors.js';
import { all, bench, eventsOf, guest, inventoryOf, moveOf, nextClient, planOf, untilKilled } from './testing.js';

const vm = guest('db', { autostart: true });
const step = moveOf(vm, 'a', 'b');
const { uuid } = step.vm;

/** The client is killed at a call, and another one resumes its run. */
async function killedAt(
    call: FaultyCall,
    when: Fault['when'],
    meanwhile: (cluster: ReturnType<typeof bench>['hypervisors']['cluster']) => void = () => undefined,
) {
    const faults: Fault[] = [{ call, when, does: { kind: 'kill-client' } }];
    const dead = await untilKilled(
        (clock) => bench(inventoryOf({ a: [vm], b: [] }), { faults, clock }),
        (ports) => execute(planOf([step]), ports),
    );
    const { cluster } = dead.hypervisors;
    meanwhile(cluster);
    const events = await all(resume(nextClient(dead), {}));
    const [ended, ...more] = eventsOf(events, 'move-ended');
    expect(more).toEqual([]);
    return { ended, cluster, journal: dead.journal };
}

describe('a client killed at any point', () => {
    /** Where the VM is after the resume. */
    const cases: readonly (readonly [FaultyCall, Fault['when'], 'failed' | 'moved' | 'held' | 'skipped', string | undefined])[] = [
        ['mark', 'before', 'failed', 'a'],
        ['mark', 'after', 'failed', 'a'],
        ['begin', 'before', 'failed', 'a'],
        ['begin', 'after', 'failed', 'a'],
        ['prepare', 'before', 'failed', 'a'],
        ['prepare', 'after', 'failed', 'a'],
        ['perform', 'before', 'failed', 'a'],
        ['progress', 'before', 'failed', 'a'],
        ['perform', 'after', 'failed', 'a'],
        // finish-sent is on disk: whether it arrived cannot be known, and the destination has nothing. A person decides.
        ['finish', 'before', 'held', undefined],
        ['finish', 'after', 'moved', 'b'],
        ['confirm', 'before', 'moved', 'b'],
        ['confirm', 'after', 'moved', 'b'],
        ['autostart', 'before', 'moved', 'b'],
        ['autostart', 'after', 'moved', 'b'],
    ];
    for (const [call, when, outcome, vmOn] of cases) {
        test(`${when} ${call}: the move ends as ${outcome}, and the VM is whole`, async () => {
            const { ended, cluster } = await killedAt(call, when);
            expect(ended).toMatchObject({ outcome, vmOn });
            expect(cluster.runningOn(uuid)).toEqual(vmOn === undefined ? [] : [vmOn]);
            expect(cluster.machine('a').locks.size).toBe(0);
            if (vmOn === undefined) return;
            const other = vmOn === 'a' ? 'b' : 'a';
            expect(cluster.machine(other).copies.has(uuid)).toBe(false);
            expect(cluster.machine(vmOn).copies.get(uuid)).toMatchObject({ mover: undefined, persistent: true, autostart: true });
        });
    }

    test('before anything was begun leaves nothing but a skipped move', async () => {
        const { ended, cluster } = await killedAt('lock', 'after');
        expect(ended).toMatchObject({ outcome: 'skipped', vmOn: 'a' });
        expect(cluster.runningOn(uuid)).toEqual(['a']);
    });

    test('a held VM is not resumed anywhere, and a later resume completes it when somebody has started it at its destination', async () => {
        const { cluster, journal } = await killedAt('finish', 'before');
        expect(cluster.machine('a').copies.get(uuid)).toMatchObject({ state: 'paused' });
        cluster.machine('b').copies.set(uuid, { ...cluster.machine('a').copies.get(uuid)!, state: 'running', reason: 'other' });
        expect(journal.run('r1').moves[0]?.outcome).toBe('held');
        const { ports } = bench(inventoryOf({ a: [vm], b: [] }));
        const events = await all(resume({ ...ports, clock: cluster.clock, journal, hypervisors: new SimulatedHypervisors(cluster) }));
        expect(eventsOf(events, 'move-ended')).toMatchObject([{ outcome: 'moved', vmOn: 'b' }]);
    });

    test('and a source that rebooted meanwhile: nothing is started, a person decides', async () => {
        const { ended, cluster } = await killedAt('perform', 'after', (c) => {
            c.machine('a').copies.get(uuid)!.autostart = false;
            c.reboot('a');
        });
        expect(ended).toMatchObject({ outcome: 'held' });
        expect(cluster.runningOn(uuid)).toEqual([]);
    });

    test('and a destination that rebooted before it was told to start: the source goes on', async () => {
        const { ended } = await killedAt('perform', 'after', (c) => c.reboot('b'));
        expect(ended).toMatchObject({ outcome: 'failed', vmOn: 'a' });
    });

    test('and a destination that cannot be asked: nothing is resumed', async () => {
        const { ended, cluster } = await killedAt('perform', 'after', (c) => c.partition('b', true));
        expect(ended).toMatchObject({ outcome: 'held', vmOn: undefined });
        expect(cluster.machine('a').copies.get(uuid)?.state).toBe('paused');
    });
});

describe('resume', () => {
    test('acts only while it holds the lock', async () => {
        const faults: Fault[] = [{ call: 'perform', when: 'after', does: { kind: 'kill-client' } }];
        const dead = await untilKilled(
            (clock) => bench(inventoryOf({ a: [vm], b: [] }), { faults, clock }),
            (ports) => execute(planOf([step]), ports),
        );
        const { cluster } = dead.hypervisors;
        cluster.machine('a').locks.set(uuid, { run: 'r2', controller: 'you@there' });
        const events = await all(resume(nextClient(dead)));
        expect(eventsOf(events, 'move-ended')).toMatchObject([{ outcome: 'held' }]);
        expect(cluster.machine('a').copies.get(uuid)?.state).toBe('paused');
    });

    test('refuses a run that has ended, and one that is not known', async () => {
        const { ports } = bench(inventoryOf({ a: [vm], b: [] }));
        await all(execute(planOf([step]), ports));
        await expect(all(resume(ports))).rejects.toMatchObject({ code: 'run-ended' });
        await expect(all(resume({ ...ports, run: 'r9' }))).rejects.toMatchObject({ code: 'run-unknown' });
    });
});
