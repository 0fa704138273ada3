/** Checks and hooks on real hosts: what they run, where, and what becomes of the move. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { MigrationEvent, Report } from '@mig/runtime/core';
import { guestProof, hostsOfGuest, labCommand, startGuest } from '../../runtime/src/edges/lab/door.js';
import { expectUntouched, inHost, inventoryOf } from '../kit/lab-state.js';
import { describeWithLab } from '../kit/lab.js';
import { Desk, type Ended } from '../kit/mig-run.js';

/** Anything that a shell would make something of. */
const awkward = `$(touch /root/gone); "two words" 'x' \\ *`;

describeWithLab('checks and hooks', (fixture) => {
    let desk: Desk;
    beforeAll(async () => {
        desk = await Desk.clear();
        const address = fixture.lab.hosts.find((host) => host.name === 'kvm-b')?.controlAddress ?? '';
        // A guest of the lab has no network: a host answers in its place.
        await startGuest(fixture.lab, 'kvm-a', { name: 'web1', memoryMiB: 32, tags: { address } });
    });
    afterAll(async () => desk[Symbol.asyncDispose]());

    async function drain(from: string, clauses: readonly string[], options: readonly string[] = []): Promise<Ended> {
        const policy = [
            'policy drain {',
            '  when host is in maintenance',
            '  move vms on host',
            '  to hosts',
            '  using precopy',
            ...clauses,
            '}',
        ];
        await desk.write('drain.mig', `${policy.join('\n')}\n`);
        const inventory = await inventoryOf(fixture.lab, ({ hosts }) => {
            for (const [name, host] of Object.entries(hosts)) host.maintenance = name === from;
        });
        await desk.write('hosts.yaml', inventory);
        return desk.migRun(['drain.mig', '--inventory', 'hosts.yaml', '--yes', ...options], { through: labCommand(fixture.lab, []) });
    }

    test('a hook that fails keeps the move from beginning, and nothing is changed on any host', async () => {
        const { code, all } = await drain('kvm-a', ['  before each move on "kvm-c" run "sh", "-c", "echo the ledger is open >&2; exit 3"']);
        expect(code, all).toBe(1);
        expect(all).toMatch(/its hook sh -c .* on kvm-c ended with 3/s);
        expect(all).toContain('the ledger is open');
        await expectUntouched(fixture.lab, 'kvm-a');
    });

    test('a hook that does not end in its time is ended on its host', async () => {
        const { code, all } = await drain('kvm-a', ['  before each move on source run "sleep", "4242" within 1 s']);
        expect(code, all).toBe(1);
        expect(all).toMatch(/did\s+not\s+end\s+within\s+1\s+s/);
        expect(await inHost(fixture.lab, 'kvm-a', 'sh', '-c', 'pgrep -f "^sleep 4242" || true')).toBe('');
        await expectUntouched(fixture.lab, 'kvm-a');
    });

    test('what is asked for is run where it is said, with arguments as they stand, and told to Prometheus', async () => {
        const quoted = JSON.stringify(awkward);
        const ended = await drain(
            'kvm-a',
            [
                `  before each move on source run "sh", "-c", "printf %s \\"$1\\" > /root/before; echo $MIG_VM $MIG_SOURCE", "sh", ${quoted}`,
                '  after each move on destination run "touch", "/root/after a move"',
                '  verify tcp 22 from "kvm-c" within 5 s otherwise halt plan',
                '  verify run "true" from "kvm-b"',
            ],
            ['--json', '--metrics', 'mig.prom'],
        );
        expect(ended.code, ended.all).toBe(0);
        const lines = ended.stdout.trim().split('\n');
        const report = JSON.parse(lines.pop() ?? '') as Report;
        const events = lines.map((line) => JSON.parse(line) as MigrationEvent);
        const [destination = ''] = await hostsOfGuest(fixture.lab, 'web1');
        expect(destination).not.toBe('kvm-a');
        expect(await inHost(fixture.lab, 'kvm-a', 'cat', '/root/before')).toBe(awkward);
        expect(await inHost(fixture.lab, 'kvm-a', 'sh', '-c', 'ls /root')).not.toContain('gone');
        expect(await inHost(fixture.lab, destination, 'ls', '/root')).toContain('after a move');
        expect(events.flatMap((e) => (e.type === 'hook-ended' ? [e.output] : []))).toEqual(['web1 kvm-a', undefined]);
        expect(report.totals).toMatchObject({ checks: { ok: 2, failed: 0, notRun: 0 }, hooks: { ok: 2, failed: 0 } });
        const metrics = await readFile(desk.at('mig.prom'), 'utf8');
        expect(metrics).toContain('mig_moves_total{outcome="moved"} 1\n');
        expect(metrics).toContain('mig_checks_total{kind="tcp",outcome="ok"} 1\n');
        expect(metrics).toContain('mig_run_active 0\n');
    });

    test('a VM that does not answer has moved, and the run says so with its exit code', async () => {
        const [from = ''] = await hostsOfGuest(fixture.lab, 'web1');
        const { code, all } = await drain(from, ['  verify agent within 1 s otherwise report', '  verify tcp 1 from "kvm-c" within 1 s']);
        expect(code, all).toBe(1);
        expect(all).toMatch(/checks: 2 failed/);
        expect(all).toMatch(/agent from kvm-\w: .*agent/);
        const [now] = await hostsOfGuest(fixture.lab, 'web1');
        expect(now).not.toBe(from);
    });

    test('a VM that does not answer is sent home, whole, and the hook after its move is run there', async () => {
        const [from = ''] = await hostsOfGuest(fixture.lab, 'web1');
        const ended = await drain(
            from,
            [
                '  after each move on destination run "sh", "-c", "echo $MIG_DESTINATION"',
                '  verify tcp 1 from "kvm-c" within 1 s otherwise return home',
            ],
            ['--json'],
        );
        expect(ended.code, ended.all).toBe(1);
        const lines = ended.stdout.trim().split('\n');
        const report = JSON.parse(lines.pop() ?? '') as Report;
        const events = lines.map((line) => JSON.parse(line) as MigrationEvent);
        expect(report.moves).toMatchObject([{ vm: 'web1', outcome: 'failed', vmOn: from, attempts: 2, error: { code: 'returned-home' } }]);
        expect(events.flatMap((e) => (e.type === 'move-returning' ? [e.home] : []))).toEqual([from]);
        expect(events.flatMap((e) => (e.type === 'hook-ended' ? [e.output] : []))).toEqual([from]);
        await expectUntouched(fixture.lab, from);
        const proof = await guestProof(fixture.lab, from, 'web1');
        expect(proof).toMatchObject({ running: true, lostWrites: 0, damage: [] });
    });
});
