/** The main job, end to end: the built `mig-run`, real libvirt, real QEMU. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { MigrationEvent, Plan, Report, Snapshot } from '@mig/runtime/core';
import { demoGuests } from '../../runtime/src/edges/cli/commands/demo-guests.js';
import { guestProof, hostsOfGuest, labCommand, startGuest } from '../../runtime/src/edges/lab/door.js';
import { describeWithLab } from '../kit/lab.js';
import { Desk, root } from '../kit/mig-run.js';
import { virsh } from '../kit/virsh.js';

describeWithLab('examples/evacuate.mig', (fixture) => {
    let desk: Desk;
    let events: MigrationEvent[];
    let report: Report;
    let plan: Plan;
    const through = () => labCommand(fixture.lab, []);

    beforeAll(async () => {
        desk = await Desk.clear();
        await Promise.all(demoGuests.map((spec) => startGuest(fixture.lab, 'kvm-a', spec)));
        await desk.write('evacuate.mig', await readFile(`${root}/examples/evacuate.mig`, 'utf8'));
        const ended = await desk.migRun(['evacuate.mig', '--inventory', fixture.lab.inventoryPath, '--yes', '--json'], {
            through: through(),
        });
        expect(ended.stderr).toBe('');
        expect(ended.code).toBe(0);
        const lines = ended.stdout.trim().split('\n');
        report = JSON.parse(lines.pop() ?? '') as Report;
        events = lines.map((line) => JSON.parse(line) as MigrationEvent);
        plan = events.flatMap((e) => (e.type === 'run-started' ? [e.plan] : []))[0] as Plan;
    });
    afterAll(async () => desk[Symbol.asyncDispose]());

    test('moves every VM but the pinned one, the largest first, and holds its promise', () => {
        expect(plan.moves.map((m) => m.vm.name)).toEqual(['db1', 'db2', 'web1', 'web2', 'cache1']);
        expect(report.moves.map((m) => m.outcome)).toEqual(['moved', 'moved', 'moved', 'moved', 'moved']);
        expect(report.allHeld).toBe(true);
    });

    test('keeps the pairs apart', async () => {
        const of = async (name: string) => (await hostsOfGuest(fixture.lab, name))[0];
        expect(await of('db1')).not.toBe(await of('db2'));
        expect(await of('web1')).not.toBe(await of('web2'));
    });

    test('never has more than two moves at once on a host, from their start until the guest runs there', () => {
        const running = new Set<string>();
        let most = 0;
        for (const event of events) {
            if (event.type === 'move-started') running.add(event.move);
            if (event.type === 'phase-ended' && event.phase === 'finish') running.delete(event.move);
            most = Math.max(most, running.size);
        }
        expect(most).toBe(2);
    });

    test('sets every cap, reads it back, and shares out again as moves end', () => {
        const applied = events.flatMap((e) => (e.type === 'setting-applied' && e.setting === 'bandwidth' ? [e] : []));
        expect(applied.length).toBeGreaterThan(plan.moves.length);
        expect(applied.filter((e) => !e.agrees)).toEqual([]);
        const most = Math.max(...applied.map((e) => e.asked));
        // 800 Mbit/s a VM; two share 1 Gbit/s.
        expect(most).toBeLessThanOrEqual(1e8);
        expect(Math.min(...applied.map((e) => e.asked))).toBeLessThanOrEqual(1e9 / 16);
    });

    test.each(demoGuests.map((g) => g.name))('%s runs on one host alone and lost nothing', async (name) => {
        const hosts = await hostsOfGuest(fixture.lab, name);
        expect(hosts).toHaveLength(1);
        const proof = await guestProof(fixture.lab, hosts[0] ?? '', name);
        expect(proof).toMatchObject({ running: true, lostWrites: 0, damage: [] });
    });

    test('persistence, autostart, tags and metadata went along, and nothing is left at the source', async () => {
        for (const spec of demoGuests.filter((g) => g.tags?.['pinned'] === undefined)) {
            const [host = ''] = await hostsOfGuest(fixture.lab, spec.name);
            const info = await virsh(fixture.lab, host, 'dominfo', spec.name);
            expect(info).toMatch(/Persistent:\s+yes/);
            expect(info).toMatch(spec.autostart ? /Autostart:\s+enable/ : /Autostart:\s+disable/);
            const stored = await virsh(fixture.lab, host, 'dumpxml', '--inactive', spec.name);
            for (const [tag, value] of Object.entries(spec.tags ?? {}))
                expect(stored).toContain(`name="${tag}" value="${value}"`.replaceAll('"', stored.includes("<mig:tag name='") ? "'" : '"'));
            expect(await virsh(fixture.lab, host, 'dumpxml', spec.name)).not.toContain('mig:mover');
        }
        expect((await virsh(fixture.lab, 'kvm-a', 'list', '--all', '--name')).split(/\s+/).filter(Boolean)).toEqual(['build1']);
    });

    test('the downtime of the report is the one of the hypervisors', () => {
        for (const move of report.moves) {
            expect(move.downtimeMs).toBeGreaterThan(0);
            expect(move.downtimeMs).toBeLessThan(500);
        }
    });

    test('the links of the hosts counted what the moves sent over them, and little more', () => {
        const of = (host: string) => report.links.find((link) => link.host === host);
        expect(report.links.map((link) => link.host).toSorted()).toEqual(['kvm-a', 'kvm-b', 'kvm-c']);
        expect(of('kvm-a')?.movedOut).toBe(report.totals.transferred);
        // Headers of Ethernet, IP and TCP are some percent.
        const [sent, moved] = [of('kvm-a')?.sent ?? 0, report.totals.transferred];
        expect(sent).toBeGreaterThan(moved * 0.98);
        expect(sent).toBeLessThan(moved * 1.1);
    });

    test('an observation asks for what the policy reads, and with --all for everything', async () => {
        const rates = async (...options: readonly string[]) => {
            const observe = ['observe', 'evacuate.mig', '--inventory', fixture.lab.inventoryPath, '--window', '1', '--json', ...options];
            const { code, stdout } = await desk.migRun(observe, { through: through() });
            expect(code).toBe(0);
            return (JSON.parse(stdout) as Snapshot).vms.map((vm) => vm.dirtyRate);
        };
        expect((await rates()).every((rate) => rate === undefined)).toBe(true);
        expect((await rates('--all')).every((rate) => typeof rate === 'number')).toBe(true);
    });

    test('a second run has nothing to do and says why', async () => {
        const { code, stdout } = await desk.migRun(['evacuate.mig', '--inventory', fixture.lab.inventoryPath, '--yes'], {
            through: through(),
        });
        expect(stdout).toMatch(/Nothing to do.*\n?/);
        expect(stdout).toMatch(/build1/);
        expect(code).toBe(0);
    });
});
