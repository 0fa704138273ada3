/** Gangs on real hosts: all or none, and what becomes of the others when one of them fails. */
import { execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { MigrationEvent } from '@mig/runtime/core';
import { guestProof, hostsOfGuest, labCommand, startGuest } from '../../runtime/src/edges/lab/door.js';
import { describeWithLab } from '../kit/lab.js';
import { Desk, migRunPath } from '../kit/mig-run.js';
import { virsh } from '../kit/virsh.js';

const policy = `policy drain {
  when host is in maintenance
  move vms on host together by vm.tag.app all or none
  to hosts prefer least loaded
  using precopy { downtime 300 ms; after 1 min: abort }
  bandwidth { per vm 100 Mbit/s }
  on failure leave and report
}
`;
const gang = ['db1', 'db2', 'db3'];

describeWithLab('a gang that is all or none', (fixture) => {
    let desk: Desk;
    beforeAll(async () => {
        desk = await Desk.clear();
        await desk.write('drain.mig', policy);
        for (const name of gang) {
            await startGuest(fixture.lab, 'kvm-a', {
                name,
                memoryMiB: 96,
                randomShare: 0.9,
                dirtyPagesPerSecond: 100,
                hotSetMiB: 2,
                persistent: true,
                tags: { app: 'db' },
            });
        }
    });
    afterAll(async () => desk[Symbol.asyncDispose]());

    /** Runs the policy, and does something once an event is seen. */
    async function run(
        seen: (event: MigrationEvent) => Promise<void>,
    ): Promise<{ readonly code: number | null; readonly events: readonly MigrationEvent[] }> {
        const [command = '', ...rest] = labCommand(fixture.lab, [
            process.execPath,
            migRunPath,
            'drain.mig',
            '--inventory',
            fixture.lab.inventoryPath,
            '--yes',
            '--json',
        ]);
        const child = spawn(command, rest, {
            cwd: desk.directory,
            stdio: ['ignore', 'pipe', 'inherit'],
            env: { PATH: process.env['PATH'] ?? '', HOME: desk.directory, XDG_STATE_HOME: desk.at('state') },
        });
        const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
        const events: MigrationEvent[] = [];
        for await (const line of createInterface({ input: child.stdout })) {
            const event = line.startsWith('{"') ? (JSON.parse(line) as MigrationEvent) : undefined;
            if (typeof event?.type !== 'string') continue;
            events.push(event);
            await seen(event);
        }
        return { code: await ended, events };
    }

    /** The VM that a move of the run is about. */
    const vmOf = (events: readonly MigrationEvent[], move: string) =>
        events.flatMap((e) => (e.type === 'run-started' ? e.plan.moves : [])).find((m) => m.id === move)?.vm.name;
    const ends = (events: readonly MigrationEvent[]) =>
        new Map(events.flatMap((e) => (e.type === 'move-ended' ? [[vmOf(events, e.move), e.outcome] as const] : [])));

    test('is home again when one of it fails on the way', async () => {
        const sending = new Set<string>();
        let struck = false;
        const { code, events } = await run(async (event) => {
            if (event.type === 'progress' && event.transferred > 5e6) sending.add(event.move);
            if (struck || sending.size < gang.length) return;
            struck = true;
            // The copy of one of them dies at its destination.
            const [destination = ''] = (await hostsOfGuest(fixture.lab, 'db2')).filter((host) => host !== 'kvm-a');
            const [command = '', ...rest] = labCommand(
                fixture.lab,
                ['sh', '-c', 'kill -KILL $(cat /run/libvirt/qemu/db2.pid)'],
                destination,
            );
            await promisify(execFile)(command, rest);
        });
        expect(struck).toBe(true);
        expect(code).not.toBe(0);
        expect(Object.fromEntries(ends(events))).toEqual({ db1: 'aborted', db2: 'failed', db3: 'aborted' });
        const returned = events.flatMap((e) => (e.type === 'move-ended' && e.outcome === 'aborted' ? [e.error] : []));
        for (const error of returned) expect(error).toMatchObject({ code: 'gang-failed' });
        for (const name of gang) {
            expect(await hostsOfGuest(fixture.lab, name)).toEqual(['kvm-a']);
            expect(await guestProof(fixture.lab, 'kvm-a', name)).toMatchObject({ running: true, lostWrites: 0, damage: [] });
            expect((await virsh(fixture.lab, 'kvm-a', 'domstate', name)).trim()).toBe('running');
        }
    });

    test('is made ready as a whole, and then sends together', async () => {
        const { code, events } = await run(async () => {});
        expect(code).toBe(0);
        expect(Object.fromEntries(ends(events))).toEqual({ db1: 'moved', db2: 'moved', db3: 'moved' });
        const prepared = events.filter((e) => e.type === 'phase-ended' && e.phase === 'prepare').map((e) => e.at);
        const sends = events.filter((e) => e.type === 'phase-entered' && e.phase === 'perform').map((e) => e.at);
        expect(prepared).toHaveLength(3);
        expect(Math.min(...sends)).toBeGreaterThanOrEqual(Math.max(...prepared));
        for (const name of gang) expect(await hostsOfGuest(fixture.lab, name)).not.toContain('kvm-a');
    });
});
