import { bytesPerSecond, mebibyte, milliseconds } from '@mig/language';
import { describe, expect, test } from 'vitest';
import type { Arrival, Departure, MoveParameters } from '../port.js';
import { openArrival } from './arrival.js';
import { connectDaemon } from './connect.js';
import { openDeparture } from './departure.js';
import { uuidToBytes } from './domains.js';
import { procedures } from './procedures.js';
import { fakeAccess } from './testing/fake-access.js';
import { DaemonRefusal, FakeDaemon } from './testing/fake-daemon.js';
import { ParamReader, type TypedParam, ullongParam } from './typed-params.js';

const never = new AbortController().signal;
const socket = '/var/run/libvirt/libvirt-sock';
const vm = '00000000-0000-4000-8000-000000000001';
const dom = { name: 'web', uuid: uuidToBytes('kvm-a', vm), id: 3 };
const parameters: MoveParameters = {
    migrateUri: 'tcp:10.0.0.2',
    listenAddress: '10.0.0.2',
    downtimeLimit: milliseconds(150),
    persistent: true,
    unsafe: false,
    technique: { live: true, postcopy: false, options: {} },
};
const begun = { cookie: Uint8Array.of(1), xml: '<domain><name>web</name></domain>' };
const running = 1;
const paused = 3;

/** Both ends in one daemon: which connection a call came over shows which side made it. */
function daemon(state = running): FakeDaemon {
    return new FakeDaemon()
        .on(procedures.eventRegister, ({ eventId }) => ({ callbackId: eventId }))
        .on(procedures.monitorEventRegister, () => ({ callbackId: 1 }))
        .on(procedures.domainLookupByUuid, () => ({ dom }))
        .on(procedures.domainGetState, () => ({ state, reason: 1 }))
        .on(procedures.migrateSetMaxDowntime, () => undefined)
        .on(procedures.migrateGetMaxDowntime, () => ({ downtime: 150n }))
        .on(procedures.migrateSetMaxSpeed, () => undefined)
        .on(procedures.migrateGetMaxSpeed, () => ({ bandwidth: 20n }))
        .on(procedures.migrateBegin, () => ({ cookieOut: begun.cookie, xml: begun.xml }))
        .on(procedures.migratePrepare, () => ({ cookieOut: Uint8Array.of(2), uriOut: 'tcp:10.0.0.2:49152' }))
        .on(procedures.migratePerform, () => ({ cookieOut: Uint8Array.of(3) }))
        .on(procedures.migrateFinish, () => ({ dom, cookieOut: Uint8Array.of(4) }))
        .on(procedures.migrateConfirm, () => undefined);
}

async function sides(of: FakeDaemon): Promise<{ departure: Departure; arrival: Arrival }> {
    const access = fakeAccess({ [socket]: of });
    const control = await connectDaemon(access, { by: 'socket', socket }, never);
    const connections = async (): Promise<Parameters<typeof openDeparture>[0]> => ({
        control,
        own: await connectDaemon(access, { by: 'socket', socket }, never),
        now: () => 7,
    });
    return { departure: await openDeparture(await connections(), dom, never), arrival: await openArrival(await connections(), vm, never) };
}

const phases = (of: FakeDaemon): readonly string[] => of.names().filter((name) => /3Params$|MaxDowntime$/.test(name));

interface PhaseArgs {
    readonly params: readonly TypedParam[];
    readonly flags: number;
    readonly cookieIn?: Uint8Array;
    readonly cancelled?: number;
}
const argsOf = (of: FakeDaemon, name: string): PhaseArgs => of.asked.find((call) => call.name === name)!.args as PhaseArgs;

describe('a move', () => {
    test('goes phase by phase, hands cookies on, and protects the source alone', async () => {
        const fake = daemon();
        const { departure, arrival } = await sides(fake);
        const first = await departure.begin(parameters, never);
        const prepared = await arrival.prepare(parameters, first, never);
        const performed = await departure.perform(parameters, prepared, never);
        const finished = await arrival.finish(parameters, performed.cookie, false, never);
        await departure.confirm(parameters, finished.cookie, false, never);

        expect(first).toEqual({ ...begun, paused: false });
        expect(finished.started).toBe(true);
        expect(phases(fake)).toEqual([
            'domainMigrateBegin3Params',
            'domainMigratePrepare3Params',
            'domainMigrateSetMaxDowntime',
            'domainMigrateGetMaxDowntime',
            'domainMigratePerform3Params',
            'domainMigrateFinish3Params',
            'domainMigrateConfirm3Params',
        ]);
        const flags = (phase: string): number => argsOf(fake, `domainMigrate${phase}3Params`).flags;
        expect(['Begin', 'Prepare', 'Perform', 'Finish', 'Confirm'].map(flags)).toEqual([281, 25, 281, 25, 281]);
        const cookie = (phase: string): number[] => [...argsOf(fake, `domainMigrate${phase}3Params`).cookieIn!];
        expect(['Prepare', 'Perform', 'Finish', 'Confirm'].map(cookie)).toEqual([[1], [2], [3], [4]]);
        const perform = new ParamReader(argsOf(fake, 'domainMigratePerform3Params').params);
        expect([perform.string('migrate_uri'), perform.string('destination_xml')]).toEqual(['tcp:10.0.0.2:49152', begun.xml]);
        // It would override the cap that was set, and the one that is set while perform begins.
        expect(perform.number('bandwidth')).toBeUndefined();
        expect(new ParamReader(argsOf(fake, 'domainMigrateFinish3Params').params).string('destination_name')).toBe('web');
        expect(argsOf(fake, 'domainMigrateConfirm3Params').cancelled).toBe(0);
    });

    test('uses a connection of its own for the phases of each side, and the shared one for settings', async () => {
        const fake = daemon();
        const { departure, arrival } = await sides(fake);
        const prepared = await arrival.prepare(parameters, await departure.begin(parameters, never), never);
        await departure.perform(parameters, prepared, never);
        const over = (name: string): number => fake.asked.find((call) => call.name === name)!.connection;
        expect(['domainMigrateSetMaxDowntime', 'domainMigratePerform3Params', 'domainMigratePrepare3Params'].map(over)).toEqual([0, 1, 2]);
    });

    test('of a paused guest leaves it paused', async () => {
        const fake = daemon(paused);
        const { departure, arrival } = await sides(fake);
        const first = await departure.begin(parameters, never);
        const prepared = await arrival.prepare(parameters, first, never);
        await departure.perform(parameters, prepared, never);
        await arrival.finish(parameters, Uint8Array.of(), false, never);
        for (const phase of ['Begin', 'Prepare', 'Perform', 'Finish'])
            expect(argsOf(fake, `domainMigrate${phase}3Params`).flags & 32).toBe(32);
    });
});

describe('finish', () => {
    const failing = (code: number): FakeDaemon =>
        daemon().on(procedures.migrateFinish, () => {
            throw new DaemonRefusal(code, 'migration in failed');
        });
    const finish = async (fake: FakeDaemon, cancelled: boolean): Promise<{ started: boolean }> => {
        const { arrival } = await sides(fake);
        await arrival.prepare(parameters, begun, never);
        return arrival.finish(parameters, new Uint8Array(), cancelled, never);
    };

    test('that fails counts as not started only once the copy is gone', async () => {
        const gone = failing(9);
        let looks = 0;
        gone.on(procedures.domainLookupByUuid, () => {
            looks += 1;
            if (looks > 2) throw new DaemonRefusal(42, 'no domain');
            return { dom };
        });
        await expect(finish(gone, false)).rejects.toMatchObject({ code: 'not-started', native: { code: 9 } });
        expect(looks).toBe(3);
    });

    test('that fails while the copy stays is a refusal, and whether the guest ran is left open', async () => {
        await expect(finish(failing(9), false)).rejects.toMatchObject({ code: 'refused', native: { code: 9 } });
    });

    test('that cancels is answered by a refusal as it should be', async () => {
        expect(await finish(failing(93), true)).toMatchObject({ started: false });
        expect(await finish(failing(42), true)).toMatchObject({ started: false });
        await expect(finish(failing(9), true)).rejects.toMatchObject({ code: 'refused' });
    });

    test('that is cut off is lost, never refused', async () => {
        const fake = daemon().on(procedures.migrateFinish, (_args, connection) => {
            connection.end();
            return new Promise(() => undefined);
        });
        await expect(finish(fake, false)).rejects.toMatchObject({ code: 'host-lost' });
    });
});

describe('while it runs', () => {
    test('caps and limits are set and read back', async () => {
        const { departure } = await sides(daemon());
        expect(await departure.setBandwidth(bytesPerSecond(20.7 * mebibyte), never)).toEqual({ got: 20 * mebibyte });
        expect(await departure.setDowntimeLimit(milliseconds(150), never)).toEqual({ got: 150 });
    });

    test('progress is read from the job statistics, pages as bytes', async () => {
        const fake = daemon().on(procedures.domainGetJobStats, () => ({
            type: 2,
            params: Object.entries({
                data_total: 1000,
                data_remaining: 400,
                data_processed: 600,
                memory_bps: 200,
                memory_dirty_rate: 3,
                memory_page_size: 4096,
                memory_iteration: 2,
                auto_converge_throttle: 20,
            }).map(([name, value]) => ullongParam(name, value)),
        }));
        const { departure } = await sides(fake);
        await departure.setBandwidth(bytesPerSecond(20 * mebibyte), never);
        expect(await departure.progress(never)).toEqual({
            total: 1000,
            remaining: 400,
            transferred: 600,
            rate: 200,
            dirtyRate: 3 * 4096,
            iteration: 2,
            throttle: 0.2,
            cap: 20 * mebibyte,
            eta: 2000,
        });
    });

    test.each([
        ['is the resident set', '', 250_884 * 1024],
        ['is not told where the guest is in huge pages, which are not counted', '<memoryBacking><hugepages/></memoryBacking>', undefined],
    ])('what the host holds for the guest %s', async (_, backing, held) => {
        const stats = [
            { tag: 6, value: 262_144n },
            { tag: 7, value: 250_884n },
        ];
        const fake = daemon()
            .on(procedures.domainMemoryStats, () => ({ stats }))
            .on(procedures.migrateBegin, () => ({ cookieOut: begun.cookie, xml: `<domain><name>web</name>${backing}</domain>` }));
        const { departure } = await sides(fake);
        await departure.begin(parameters, never);
        expect(await departure.memoryHeld?.(never)).toBe(held);
    });

    test('a migration that has ended by itself need not be cancelled', async () => {
        const fake = daemon().on(procedures.abortJob, () => {
            throw new DaemonRefusal(55, 'no job is active on the domain');
        });
        const { departure } = await sides(fake);
        await departure.cancel(never);
        expect(fake.names()).toContain('domainAbortJobFlags');
    });

    test("events carry QEMU's own time where it gives one, and only those of the VM are told", async () => {
        const fake = daemon();
        const { departure } = await sides(fake);
        const there = fake.connections[1]!;
        const other = { ...dom, uuid: new Uint8Array(16) };
        there.tell('migrationIteration', { callbackId: 20, dom, iteration: 1 });
        there.tell('monitor', { callbackId: 1, dom: other, event: 'STOP', seconds: 1n, micros: 0, details: undefined });
        there.tell('monitor', { callbackId: 1, dom, event: 'STOP', seconds: 2n, micros: 500, details: undefined });
        there.tell('monitor', { callbackId: 1, dom, event: 'MIGRATION', seconds: 3n, micros: 0, details: '{"status":"completed"}' });
        there.tell('jobCompleted', {
            callbackId: 21,
            dom,
            params: [
                ullongParam('time_elapsed', 900),
                ullongParam('downtime', 44),
                ullongParam('data_processed', 5),
                ullongParam('memory_iteration', 3),
            ],
        });
        const seen: unknown[] = [];
        for await (const event of departure.events) {
            seen.push(event);
            if (event.type === 'job-completed') break;
        }
        expect(seen).toEqual([
            { at: 7, type: 'iteration', iteration: 1 },
            { at: 2000.5, type: 'guest-stopped' },
            { at: 3000, type: 'migration-status', status: 'completed' },
            {
                at: 7,
                type: 'job-completed',
                summary: { totalMs: 900, downtimeMs: 44, transferred: 5, iterations: 3, normalPages: undefined, zeroPages: undefined },
            },
        ]);
    });

    test('where QEMU tells nothing, the lifecycle does', async () => {
        const fake = daemon().on(procedures.monitorEventRegister, () => {
            throw new DaemonRefusal(3, 'not supported');
        });
        const { arrival } = await sides(fake);
        fake.connections[2]!.tell('lifecycle', { callbackId: 0, dom, event: 4, detail: 1 });
        expect(await arrival.events[Symbol.asyncIterator]().next()).toEqual({ done: false, value: { at: 7, type: 'guest-resumed' } });
    });

    test('the events end with the move', async () => {
        const { departure } = await sides(daemon());
        const reading = (async () => {
            let count = 0;
            for await (const _ of departure.events) count += 1;
            return count;
        })();
        await departure[Symbol.asyncDispose]();
        expect(await reading).toBe(0);
    });
});
