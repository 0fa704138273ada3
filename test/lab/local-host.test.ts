/** `mig-run` on one of the hosts itself: that one is reached by its local sockets, the others over SSH. */
import { copyFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { guestProof, hostsOfGuest, labCommand, startGuest } from '../../runtime/src/edges/lab/door.js';
import { labHostOf } from '../../runtime/src/edges/lab/state.js';
import { type BentInventory, inHost, inventoryOf } from '../kit/lab-state.js';
import { describeWithLab } from '../kit/lab.js';
import { Desk, type Ended } from '../kit/mig-run.js';
import { virsh } from '../kit/virsh.js';

const atTheirPlaces = `
mount -t proc proc /proc && mount -t tmpfs tmpfs /run || exit 1
host=/proc/1/root/run
mkdir -p "$host/mig-run" && ln -s "$host/libvirt" "$host/mig-run" /run && exec "$@"
`;

describeWithLab('the host that mig-run runs on', (fixture) => {
    let desk: Desk;
    beforeAll(async () => {
        desk = await Desk.clear();
        await Promise.all(['vm1', 'vm2'].map((name) => startGuest(fixture.lab, 'kvm-a', { name, memoryMiB: 32, persistent: true })));
    });
    afterAll(() => desk[Symbol.asyncDispose]());

    /**
     * On kvm-a: its network, its processes, and its sockets and locks at their places. Programs are this machine's, since
     * the lab's hosts have no Node.
     */
    function onHost(): readonly string[] {
        const { pid } = labHostOf(fixture.lab, 'kvm-a').process;
        const inHost = [...labCommand(fixture.lab, []), 'nsenter', `--target=${pid}`, '--net', '--pid', '--'];
        return [...inHost, 'unshare', '--mount', 'sh', '-c', atTheirPlaces, 'sh'];
    }

    async function migRun(policy: string, maintenance: boolean, ...args: readonly string[]): Promise<Ended> {
        const [identity, known] = [desk.at('key'), desk.at('known_hosts')];
        await desk.write('p.mig', policy);
        const bend = ({ hosts }: BentInventory): void => {
            for (const [name, host] of Object.entries(hosts)) {
                if (name === 'kvm-a') {
                    Object.assign(host, { local: true, ssh: undefined, maintenance });
                } else {
                    files.identity ??= host.ssh.identity_file;
                    files.known ??= host.ssh.known_hosts;
                    Object.assign(host.ssh, { identity_file: identity, known_hosts: known });
                }
            }
        };
        const files: { identity?: string; known?: string } = {};
        await desk.write('hosts.yaml', await inventoryOf(fixture.lab, bend));
        await copyFile(files.identity ?? '', identity);
        await copyFile(files.known ?? '', known);
        return desk.migRun(['p.mig', '--inventory', 'hosts.yaml', '--yes', ...args], { through: onHost() });
    }

    test('gives its VMs to the others, whole, and gives its locks back', async () => {
        const ended = await migRun('policy p { when host is in maintenance move vms on host to hosts using precopy }', true);
        expect(ended.stderr).toBe('');
        expect(ended.stdout).toMatch(/2 of 2 VMs moved/);
        expect(ended.code).toBe(0);
        for (const name of ['vm1', 'vm2']) {
            const [host = ''] = await hostsOfGuest(fixture.lab, name);
            expect(host).toMatch(/^kvm-[bc]$/);
            expect(await guestProof(fixture.lab, host, name)).toMatchObject({ running: true, lostWrites: 0, damage: [] });
        }
        await inHost(fixture.lab, 'kvm-a', 'sh', '-c', 'for lock in /run/mig-run/*.lock; do flock --nonblock "$lock" true || exit 1; done');
        expect((await virsh(fixture.lab, 'kvm-a', 'list', '--all', '--name')).trim()).toBe('');
    });

    test('takes VMs from the others', async () => {
        const ended = await migRun('policy p { move vms to hosts where host.name == "kvm-a" using precopy }', false, '--policy', 'p');
        expect(ended.stderr).toBe('');
        expect(ended.stdout).toMatch(/2 of 2 VMs moved/);
        expect(ended.code).toBe(0);
        for (const name of ['vm1', 'vm2']) expect(await hostsOfGuest(fixture.lab, name)).toEqual(['kvm-a']);
    });
});
