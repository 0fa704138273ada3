/** Hosts whose SSH server forbids to forward to unix sockets: libvirt is reached by a command there, and moves go as ever. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { MigrationEvent } from '@mig/runtime/core';
import { guestProof, hostsOfGuest, labCommand, startGuest, stopGuest } from '../../runtime/src/edges/lab/door.js';
import { struckAt } from '../kit/killed.js';
import { expectUntouched, inHost, inventoryOf } from '../kit/lab-state.js';
import { describeWithLab } from '../kit/lab.js';
import { Desk, type Ended } from '../kit/mig-run.js';
import { expectWhole } from '../kit/whole.js';

const policy = (perVm: string): string =>
    `policy drain {\n  when host is in maintenance\n  move vms on host\n  to hosts\n  using precopy\n  bandwidth { per vm ${perVm} }\n}\n`;

const port = 2222;
const strict = [
    ...['-p', String(port), '-o', 'PidFile=/run/sshd-strict.pid', '-E', '/var/log/sshd-strict.log'],
    // The sessions of a move do not fit on one connection.
    ...['-o', 'AllowStreamLocalForwarding=no', '-o', 'MaxSessions=3'],
];
const helper = '/usr/bin/virt-ssh-helper';

describeWithLab('where SSH forwards to no sockets', (fixture) => {
    let desk: Desk;
    let inventory: string;

    beforeAll(async () => {
        desk = await Desk.clear();
        await desk.write('drain.mig', policy('400 Mbit/s'));
        for (const { name } of fixture.lab.hosts)
            await inHost(fixture.lab, name, '/usr/sbin/sshd', '-f', '/etc/ssh/sshd_config', ...strict);
        const known = await readFile(fixture.lab.knownHostsPath, 'utf8');
        const knownHosts = await desk.write('known_hosts', known.replaceAll(/^(10\.66\.0\.\d+),\S+/gm, `[$1]:${port}`));
        const text = await inventoryOf(fixture.lab, ({ hosts }) => {
            for (const { ssh } of Object.values(hosts)) Object.assign(ssh, { port, known_hosts: knownHosts });
        });
        inventory = await desk.write('hosts.yaml', text);
    });
    afterAll(async () => desk[Symbol.asyncDispose]());

    const migRun = (...words: readonly string[]): Promise<Ended> =>
        desk.migRun(words, { through: labCommand(fixture.lab, []), env: { COLUMNS: '1000' } });
    const drain = (): Promise<Ended> => migRun('drain.mig', '--inventory', inventory, '--yes');
    const on = (host: string, ...argv: readonly string[]): Promise<string> => inHost(fixture.lab, host, ...argv);

    async function startGuests(...names: readonly string[]): Promise<void> {
        for (const name of names)
            await startGuest(fixture.lab, 'kvm-a', {
                name,
                memoryMiB: 64,
                randomShare: 0.5,
                dirtyPagesPerSecond: 200,
                hotSetMiB: 2,
                persistent: true,
                autostart: true,
            });
    }

    test('a host is drained by virt-ssh-helper, several VMs at once, and is told to be so reached', async () => {
        const names = ['web1', 'web2', 'web3', 'web4'];
        await startGuests(...names);
        const { code, all } = await drain();
        expect(code, all).toBe(0);
        expect(all).toMatch(/warning: libvirt on kvm-a, kvm-b and kvm-c is reached by virt-ssh-helper/);
        for (const name of names) {
            const [host = ''] = await hostsOfGuest(fixture.lab, name);
            expect(await guestProof(fixture.lab, host, name)).toMatchObject({ running: true, lostWrites: 0, damage: [] });
            expect(host).not.toBe('kvm-a');
        }
        // Every connection was given back, and no helper is left.
        for (const host of ['kvm-a', 'kvm-b', 'kvm-c'])
            await expect.poll(() => on(host, 'sh', '-c', 'pgrep -f "^virt-ssh-helper" || true')).toBe('');
        for (const name of names) await stopGuest(fixture.lab, name);
    });

    test('a run that is killed in the middle is resumed', async () => {
        await startGuests('db1');
        await desk.write('drain.mig', policy('100 Mbit/s'));
        const isTheMoment = (event: MigrationEvent): boolean => event.type === 'progress' && event.transferred > 10e6;
        const { struck } = await struckAt({ desk, lab: fixture.lab, signals: ['SIGKILL'], inventory }, ['drain.mig'], isTheMoment);
        expect(struck).toBe(true);
        const resumed = await migRun('resume', '--inventory', inventory);
        expect([0, 1], resumed.all).toContain(resumed.code);
        await expectWhole(fixture.lab, 'db1');
        await desk.write('drain.mig', policy('400 Mbit/s'));
        const { code, all } = await drain();
        expect(code, all).toBe(0);
        expect(await expectWhole(fixture.lab, 'db1')).not.toBe('kvm-a');
        await stopGuest(fixture.lab, 'db1');
    });

    test('nc does where the helper is missing, and where both are it is said what was tried', async () => {
        await startGuests('web1');
        await on('kvm-a', 'mv', helper, `${helper}.away`);
        const { code, all } = await drain();
        expect(code, all).toBe(0);
        expect(all).toMatch(/libvirt on kvm-a is reached by nc/);
        await expectWhole(fixture.lab, 'web1');
        await expect.poll(() => on('kvm-a', 'sh', '-c', 'pgrep -f "^nc " || true')).toBe('');
        await stopGuest(fixture.lab, 'web1');

        await startGuests('web2');
        await on('kvm-a', 'sh', '-c', 'mv "$(command -v nc)" /usr/bin/nc.away');
        const refused = await drain();
        expect(refused.code).toBe(4);
        expect(refused.stderr).toMatch(
            /error: the SSH server of kvm-a forbids forwarding to unix sockets, .*: virt-ssh-helper is not there; an nc that knows -U is not there/,
        );
        expect(refused.stderr).toMatch(/hint: set AllowStreamLocalForwarding yes/);
        await expectUntouched(fixture.lab, 'kvm-a');
    });
});
