/** Real hosts that are bad: each is told by name, with its cure, before anything was changed anywhere. */
import { appendFile, chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cutLink, hostsOfGuest, labCommand, pathInHost, restoreLink, startGuest, stopGuest } from '../../runtime/src/edges/lab/door.js';
import { newKeyPair } from '../../runtime/src/edges/ssh/key-pair.js';
import { type BentInventory, expectUntouched, inHost, inventoryOf } from '../kit/lab-state.js';
import { describeWithLab } from '../kit/lab.js';
import { Desk, type Ended } from '../kit/mig-run.js';

const policy =
    'policy drain {\n  when host is in maintenance\n  move vms on host\n  to hosts\n    keep 10% of memory free\n  using precopy\n}\n';

describeWithLab('a bad host', (fixture) => {
    let desk: Desk;

    beforeAll(async () => {
        desk = await Desk.clear();
        await desk.write('drain.mig', policy);
        await startGuest(fixture.lab, 'kvm-a', { name: 'web1', memoryMiB: 32 });
    });
    afterAll(async () => desk[Symbol.asyncDispose]());

    /** Drains kvm-a with the lab's inventory, bent. */
    async function drain(bend?: (inventory: BentInventory) => void): Promise<Ended> {
        await desk.write('hosts.yaml', await inventoryOf(fixture.lab, bend));
        return desk.migRun(['drain.mig', '--inventory', 'hosts.yaml', '--yes'], { through: labCommand(fixture.lab, []), env: wide });
    }

    const bendHost = (host: string, change: Partial<BentInventory['hosts'][string]['ssh']>) => (inventory: BentInventory) => {
        Object.assign(inventory.hosts[host]?.ssh ?? {}, change);
    };

    /** The run ended with a host's error, which says what is expected; nothing was changed. */
    async function expectRefusal({ code, stdout, stderr }: Ended, ...says: readonly RegExp[]): Promise<void> {
        for (const each of says) expect(stderr).toMatch(each);
        expect(stderr).toMatch(/hint: /);
        expect(stdout).toBe('');
        expect(code).toBe(4);
        await expectUntouched(fixture.lab, 'kvm-a');
    }

    /** The drain went on without kvm-b; the VM is put back for the next test. */
    async function expectLeftOut({ code, stderr, all }: Ended, ...says: readonly RegExp[]): Promise<void> {
        for (const each of says) expect(stderr).toMatch(each);
        expect(stderr).toMatch(/kvm-b is left out: nothing is moved to it/);
        expect(code, all).toBe(0);
        expect(await hostsOfGuest(fixture.lab, 'web1')).toEqual(['kvm-c']);
        await stopGuest(fixture.lab, 'web1');
        await startGuest(fixture.lab, 'kvm-a', { name: 'web1', memoryMiB: 32 });
    }

    describe('that cannot be reached', () => {
        const unreachable: readonly (readonly [string, Partial<BentInventory['hosts'][string]['ssh']>, RegExp])[] = [
            ['at an address that nobody has', { address: '10.66.0.99' }, /\(root@10\.66\.0\.99:22\) cannot be reached: .*EHOSTUNREACH/],
            ['at a port where nobody listens', { port: 2 }, /\(root@10\.66\.0\.1\d:2\) cannot be reached: .*ECONNREFUSED/],
        ];
        test.each(unreachable)('%s ends the run, where it is to be drained', async (_, change, what) => {
            await expectRefusal(await drain(bendHost('kvm-a', change)), /^error: kvm-a/, what, /host-unreachable/, /see whether/);
        });
        test.each(unreachable)('%s is left out, where it is one of several to move to', async (_, change, what) => {
            await expectLeftOut(await drain(bendHost('kvm-b', change)), /^warning: kvm-b/, what, /see whether/);
        });
        test('because its link is cut is told by name', async () => {
            await cutLink(fixture.lab, 'kvm-a', 'control');
            try {
                const ended = await drain();
                await restoreLink(fixture.lab, 'kvm-a', 'control');
                await expectRefusal(ended, /^error: kvm-a \(root@10\.66\.0\.11:22\)/, /host-unreachable/, /see whether the host is up/);
            } finally {
                await restoreLink(fixture.lab, 'kvm-a', 'control');
            }
        });
    });

    describe('that may be somebody else', () => {
        const fingerprint = /ssh-ed25519 SHA256:[\w+/]{43}/;

        test('because it shows another key ends the run, even where it is only one to move to', async () => {
            const known = await readFile(fixture.lab.knownHostsPath, 'utf8');
            const other = newKeyPair('other').public.split(' ').slice(0, 2).join(' ');
            const path = await desk.write('known_hosts', known.replace(/^(10\.66\.0\.12,\S+) .*$/m, `$1 ${other}`));
            await expectRefusal(
                await drain(bendHost('kvm-b', { known_hosts: path })),
                /the host key of kvm-b \(10\.66\.0\.12\) is wrong/,
                /host-key-mismatch/,
                fingerprint,
                /known_hosts:2/,
                /someone may be in between/,
                /ssh-keygen -R/,
            );
        });
        test('because its key is not known says which it shows, and how to add it', async () => {
            const path = await desk.write('known_hosts', '');
            await expectRefusal(
                await drain(bendHost('kvm-a', { known_hosts: path })),
                /the host key of kvm-a \(10\.66\.0\.11\) is not known/,
                /host-key-unknown/,
                fingerprint,
                /ssh-keyscan 10\.66\.0\.11 >>/,
            );
        });
    });

    describe('that does not let us in', () => {
        test('with the key it was shown says which key that was', async () => {
            const path = await desk.write('wrong_key', newKeyPair('wrong').private);
            await chmod(path, 0o600);
            await expectRefusal(
                await drain(bendHost('kvm-a', { identity_file: path })),
                /kvm-a does not let root in at 10\.66\.0\.11/,
                /wrong_key/,
                /authentication-failed/,
                /ssh-copy-id root@10\.66\.0\.11/,
            );
        });
        test('without a key that can be read says why', async () => {
            await expectRefusal(
                await drain(bendHost('kvm-a', { identity_file: desk.at('no_such_key') })),
                /kvm-a does not let root in/,
                /no_such_key/,
                /authentication-failed/,
            );
        });
    });

    describe('whose libvirt cannot be used', () => {
        test('by a user without permission on its socket says how to get it', async () => {
            const path = (inside: string): string => pathInHost(fixture.lab, 'kvm-a', inside);
            await appendFile(path('/etc/passwd'), 'plain:x:1000:1000::/home/plain:/bin/sh\n');
            await appendFile(path('/etc/group'), 'plain:x:1000:\n');
            await appendFile(path('/etc/shadow'), 'plain:*:20000:0:99999:7:::\n');
            await mkdir(path('/home/plain/.ssh'), { recursive: true });
            await writeFile(path('/home/plain/.ssh/authorized_keys'), await readFile(`${fixture.lab.identityPath}.pub`));
            // As distributions have it.
            await chmod(path('/run/libvirt/libvirt-sock'), 0o770);
            const ended = await drain(bendHost('kvm-a', { user: 'plain' }));
            await chmod(path('/run/libvirt/libvirt-sock'), 0o777);
            await expectRefusal(ended, /no permission on \S*libvirt-sock of kvm-a/, /socket-forbidden/, /group libvirt/);
        });

        test.each([
            ['was stopped', 'TERM', /kvm-a has no libvirt daemon for QEMU/],
            ['was killed', 'KILL', /nobody answers at \S*libvirt-sock of kvm-a/],
        ])('because its daemon %s says how to start it', async (_, signal, what) => {
            await inHost(fixture.lab, 'kvm-a', 'sh', '-c', stopDaemon(signal));
            let ended: Ended;
            try {
                ended = await drain();
            } finally {
                await inHost(fixture.lab, 'kvm-a', '/usr/sbin/libvirtd', '--daemon');
            }
            await expectRefusal(ended, what, /socket-missing/, /systemctl start/);
        });

        test('is left out, where it is one of several to move to', async () => {
            await inHost(fixture.lab, 'kvm-b', 'sh', '-c', stopDaemon('TERM'));
            let ended: Ended;
            try {
                ended = await drain();
            } finally {
                await inHost(fixture.lab, 'kvm-b', '/usr/sbin/libvirtd', '--daemon');
            }
            await expectLeftOut(ended, /^warning: kvm-b has no libvirt daemon/, /systemctl start/);
        });
    });

    test('is not even asked where the journal has no room', async () => {
        const state = desk.at('full');
        await mkdir(state);
        for (const kibibytes of [16, 64, 300]) {
            await desk.write('hosts.yaml', await inventoryOf(fixture.lab));
            const ended = await desk.migRun(['drain.mig', '--inventory', 'hosts.yaml', '--yes'], {
                env: { ...wide, XDG_STATE_HOME: state },
                // A full disk of this size, which nobody else sees and which goes with the run.
                through: [
                    'unshare',
                    '--mount',
                    'sh',
                    '-c',
                    `mount -t tmpfs -o size=${kibibytes}k full '${state}' && exec "$@"`,
                    'sh',
                    ...labCommand(fixture.lab, []),
                ],
            });
            expect(ended.stderr).toMatch(/\S+\.db cannot grow: the disk is full \[journal-full\]/);
            expect(ended.stderr).toMatch(/hint: free some space/);
            expect(ended.code).toBe(7);
            await expectUntouched(fixture.lab, 'kvm-a');
        }
    });
});

/** Messages on one line each. */
const wide = { COLUMNS: '1000' };

/** Ends the daemon and waits for that. The guests go on. */
const stopDaemon = (signal: string): string =>
    `pid=$(cat /run/libvirtd.pid) && kill -${signal} $pid && while [ -d /proc/$pid ]; do sleep 0.05; done`;
