/** Hosts that only another host leads to: moved between, refused by name, and lost with the one that leads there. */
import { mkdir, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { MigrationEvent } from '@mig/runtime/core';
import { hostsOfGuest, labCommand, startGuest, stopGuest } from '../../runtime/src/edges/lab/door.js';
import { newKeyPair } from '../../runtime/src/edges/ssh/key-pair.js';
import { struckAt } from '../kit/killed.js';
import { type BentInventory, expectUntouched, inHost, inventoryOf } from '../kit/lab-state.js';
import { describeWithLab } from '../kit/lab.js';
import { Desk, type Ended } from '../kit/mig-run.js';
import { expectWhole } from '../kit/whole.js';

const policy =
    'policy drain {\n  when host is in maintenance\n  move vms on host\n  to hosts\n  using precopy\n  bandwidth { per vm 400 Mbit/s }\n}\n';

/** Where the jump host's own SSH server listens for these tests, beside the one of the lab. */
const port = 2222;

describeWithLab('hosts behind a jump host', (fixture) => {
    let desk: Desk;
    const addressOf = (name: string): string => fixture.lab.hosts.find((host) => host.name === name)?.controlAddress ?? '';

    beforeAll(async () => {
        desk = await Desk.clear();
        await desk.write('drain.mig', policy);
        await mkdir(desk.at('.ssh'));
        const options = ['-p', String(port), '-o', 'PidFile=/run/sshd-gate.pid', '-E', '/var/log/gate.log'];
        await inHost(fixture.lab, 'kvm-c', '/usr/sbin/sshd', '-f', '/etc/ssh/sshd_config', ...options);
        // From here on nothing that we send to the two others is answered.
        for (const host of ['kvm-a', 'kvm-b']) await inHost(fixture.lab, host, 'ip', 'route', 'add', 'blackhole', '10.66.0.1/32');
    });
    afterAll(async () => desk[Symbol.asyncDispose]());

    beforeEach(async () => {
        await stopGuest(fixture.lab, 'db1').catch(() => undefined);
        await startGuest(fixture.lab, 'kvm-a', {
            name: 'db1',
            memoryMiB: 192,
            randomShare: 0.5,
            dirtyPagesPerSecond: 200,
            hotSetMiB: 4,
            persistent: true,
            autostart: true,
        });
        await desk.write('.ssh/known_hosts', await knownHosts());
        await desk.write('.ssh/config', '');
    });

    /** Of the lab, and of the jump host at its own port. */
    async function knownHosts(): Promise<string> {
        const known = await readFile(fixture.lab.knownHostsPath, 'utf8');
        return known + known.replaceAll(/^(10\.66\.0\.13),\S+/gm, `[$1]:${port}`);
    }

    /** The two hosts alone; what they are reached by is as it is bent. */
    const behind = (bend: (host: BentInventory['hosts'][string]['ssh'], name: string) => void): Promise<string> =>
        inventoryOf(fixture.lab, ({ hosts }) => {
            delete hosts['kvm-c'];
            for (const [name, { ssh }] of Object.entries(hosts)) {
                ssh.known_hosts = desk.at('.ssh/known_hosts');
                bend(ssh, name);
            }
        });

    const gate = () => ({ address: addressOf('kvm-c'), port, user: 'root', identity_file: fixture.lab.identityPath });

    async function drain(inventory: string): Promise<Ended> {
        await desk.write('hosts.yaml', inventory);
        return desk.migRun(['drain.mig', '--inventory', 'hosts.yaml', '--yes'], { through: labCommand(fixture.lab, []), env: wide });
    }

    /** How often somebody was let in at the jump host. */
    const letIn = async (): Promise<number> =>
        (await inHost(fixture.lab, 'kvm-c', 'cat', '/var/log/gate.log')).split('\n').filter((line) => line.includes('Accepted publickey'))
            .length;

    test('are drained as ~/.ssh/config leads, over one connection to it', async () => {
        const lines = [
            'Host 10.66.0.11 10.66.0.12',
            '  ProxyJump gate',
            'Host gate',
            `  HostName ${addressOf('kvm-c')}`,
            `  Port ${port}`,
            '  User root',
            `  IdentityFile ${fixture.lab.identityPath}`,
        ];
        await desk.write('.ssh/config', `${lines.join('\n')}\n`);
        const before = await letIn();
        const { code, all } = await drain(await behind(() => undefined));
        expect(code, all).toBe(0);
        expect(await expectWhole(fixture.lab, 'db1')).toBe('kvm-b');
        expect((await letIn()) - before).toBe(1);
        // Nothing of it is left open there.
        await expect.poll(() => inHost(fixture.lab, 'kvm-c', 'sh', '-c', 'pgrep -P "$(cat /run/sshd-gate.pid)" || true')).toBe('');
    });

    test('are not to be had without it', async () => {
        await desk.write('.ssh/config', 'Host *\n  ConnectTimeout 2\n');
        const { code, stderr } = await drain(await behind((ssh) => void (ssh.jump = 'none')));
        expect(code).toBe(4);
        expect(stderr).toMatch(/^error: kvm-a \(root@10\.66\.0\.11:22\) did not answer within 2 s/m);
        await expectUntouched(fixture.lab, 'kvm-a');
    });

    test('are drained as the inventory leads, one of them over two', async () => {
        const inventory = await behind((ssh, name) => {
            const second = { address: addressOf('kvm-b'), user: 'root', identity_file: fixture.lab.identityPath };
            ssh.jump = name === 'kvm-a' ? [gate(), second] : [gate()];
        });
        const { code, all } = await drain(inventory);
        expect(code, all).toBe(0);
        expect(await expectWhole(fixture.lab, 'db1')).toBe('kvm-b');
    });

    describe('whose', () => {
        test('key is not known are refused, and it is named', async () => {
            await desk.write('.ssh/known_hosts', await readFile(fixture.lab.knownHostsPath, 'utf8'));
            const { code, stderr } = await drain(await behind((ssh) => void (ssh.jump = [gate()])));
            expect(stderr).toMatch(
                /error: kvm-a: the host key of the jump host root@10\.66\.0\.13:2222 \(\[10\.66\.0\.13\]:2222\) is not known/,
            );
            expect(stderr).toMatch(/host-key-unknown/);
            expect(stderr).toContain('ssh-keyscan -p 2222 10.66.0.13 >>');
            expect(code).toBe(4);
            await expectUntouched(fixture.lab, 'kvm-a');
        });

        test('key is another one are refused, and it is named', async () => {
            const wrong = newKeyPair('other').public.split(' ').slice(0, 2).join(' ');
            await desk.write('.ssh/known_hosts', (await knownHosts()).replace(/^(\[10\.66\.0\.13\]:2222) .*$/m, `$1 ${wrong}`));
            const { code, stderr } = await drain(await behind((ssh) => void (ssh.jump = [gate()])));
            expect(stderr).toMatch(/the host key of the jump host root@10\.66\.0\.13:2222 .* is wrong/);
            expect(stderr).toMatch(/host-key-mismatch/);
            expect(code).toBe(4);
            await expectUntouched(fixture.lab, 'kvm-a');
        });

        test('door does not open to our key are refused, and it is named', async () => {
            await desk.write('wrong_key', newKeyPair('wrong').private);
            const { code, stderr } = await drain(
                await behind((ssh) => void (ssh.jump = [{ ...gate(), identity_file: desk.at('wrong_key') }])),
            );
            expect(stderr).toMatch(
                /error: kvm-a: the jump host root@10\.66\.0\.13:2222 does not let root in at 10\.66\.0\.13: .*wrong_key/,
            );
            expect(code).toBe(4);
            await expectUntouched(fixture.lab, 'kvm-a');
        });
    });

    test('are lost with it in the middle of a move, and the VM is whole', async () => {
        const inventory = await desk.write('hosts.yaml', await behind((ssh) => void (ssh.jump = [gate()])));
        let cut: Promise<string> | undefined;
        const isTheMoment = (event: MigrationEvent): boolean => {
            if (event.type !== 'progress' || event.transferred < 20e6) return false;
            cut ??= inHost(fixture.lab, 'kvm-c', 'sh', '-c', cutConnections);
            return true;
        };
        const { struck, code, events } = await struckAt({ desk, lab: fixture.lab, signals: [], inventory }, ['drain.mig'], isTheMoment);
        expect(struck).toBe(true);
        await cut;
        const lost = events.flatMap((event) => (event.type === 'host-lost' ? [event.why] : []));
        expect(lost).not.toEqual([]);
        for (const why of lost) expect(why).toContain('the jump host root@10.66.0.13:2222 is gone');
        // The run reached the hosts anew, and settled the move; a person is needed nowhere.
        expect([0, 1]).toContain(code);
        expect(events.at(-1)?.type).toBe('run-ended');
        expect(await hostsOfGuest(fixture.lab, 'db1')).toHaveLength(1);
        await expectWhole(fixture.lab, 'db1');
    });
});

/** Ends what serves the connections to the jump host, each a process and its parent, which may follow it by itself. Its server goes on. */
const cutConnections =
    'for one in $(pgrep -P "$(cat /run/sshd-gate.pid)"); do kill -KILL $(pgrep -P "$one") "$one" 2>/dev/null || true; done';

/** Messages on one line each. */
const wide = { COLUMNS: '1000' };
