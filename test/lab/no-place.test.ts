/** VMs that cannot go, and hosts that cannot take them: what stands against it is told, and what can move moves. */
import { appendFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { guestProof, hostsOfGuest, labCommand, pathInHost, startGuest, stopGuest } from '../../runtime/src/edges/lab/door.js';
import { type BentInventory, expectUntouched, inHost, inventoryOf } from '../kit/lab-state.js';
import { describeWithLab } from '../kit/lab.js';
import { type SharedDirectory, shareDirectory } from '../kit/shared-directory.js';
import { Desk, type Ended } from '../kit/mig-run.js';
import { virsh } from '../kit/virsh.js';

const imagesDir = '/srv/images';
const diskPath = `${imagesDir}/db1.img`;

describeWithLab('a VM that cannot go everywhere', (fixture) => {
    let desk: Desk;
    /** What every host sees under `imagesDir`; undefined where this system has no loop devices: the directory is then each host's own. */
    let shared: SharedDirectory | undefined;

    beforeAll(async () => {
        const { lab } = fixture;
        desk = await Desk.clear();
        shared = await shareDirectory(lab, imagesDir, desk.at('images.ext4'));
        await startGuest(lab, 'kvm-a', { name: 'db1', memoryMiB: 32 });
        await inHost(lab, 'kvm-a', 'sh', '-c', `mkdir -p ${imagesDir} && truncate -s 8M ${diskPath}`);
        await virsh(lab, 'kvm-a', 'attach-disk', 'db1', diskPath, 'vda', '--persistent', '--subdriver', 'raw', '--cache', 'none');
        await startGuest(lab, 'kvm-a', { name: 'web1', memoryMiB: 32 });
    });
    afterAll(async () => {
        await shared?.[Symbol.asyncDispose]();
        await desk[Symbol.asyncDispose]();
    });

    /** Drains kvm-a to the hosts that `to` names, with the lab's inventory, bent. */
    async function drain(to: string, bend?: (inventory: BentInventory) => void): Promise<Ended> {
        await desk.write(
            'drain.mig',
            `policy drain {\n  when host is in maintenance\n  move vms on host\n  to ${to}\n  using precopy\n}\n`,
        );
        await desk.write('hosts.yaml', await inventoryOf(fixture.lab, bend));
        const through = labCommand(fixture.lab, []);
        return desk.migRun(['drain.mig', '--inventory', 'hosts.yaml', '--yes'], { through, env: { COLUMNS: '1000' } });
    }

    const declared = (inventory: BentInventory): void => {
        inventory.shared_storage = [imagesDir];
    };

    test('because no host has room is left, and each host is named with what keeps it out', async () => {
        const { code, stdout } = await drain('hosts where host.rack == "r2"\n    keep 99% of memory free');
        expect(stdout).toMatch(/web1 \(on kvm-a\)\n\s+kvm-b +not so: host\.rack == "r2" \(host\.rack is "r1"\) +drain\.mig:4/);
        expect(stdout).toMatch(/\n\s+kvm-c +would have \S+ \S+ of memory free, and \S+ \S+ must stay free +drain\.mig:5/);
        expect(stdout).toMatch(/Nothing to do: none of 2 VMs can be moved/);
        expect(code).toBe(5);
        await expectUntouched(fixture.lab, 'kvm-a');
    });

    test('because its disk is on its host alone is excluded with the cure, and the others move', async () => {
        const { code, stdout } = await drain('hosts');
        expect(stdout).toMatch(
            /cannot be moved: vda \(\/srv\/images\/db1\.img\) stands on its host alone: copy it \(`storage copy "vda"`\)/,
        );
        expect(stdout).toMatch(/put it on shared storage/);
        expect(stdout).toMatch(/under shared_storage in the inventory/);
        expect(stdout).toMatch(/1 of 1 VM moved/);
        expect(stdout).toMatch(/had no place\n\s+db1 on kvm-a/);
        expect(code).toBe(1);
        expect(await hostsOfGuest(fixture.lab, 'web1')).not.toEqual(['kvm-a']);
        await stopGuest(fixture.lab, 'web1');
        await expectUntouched(fixture.lab, 'kvm-a');
    });

    test('because libvirt does not trust that its disk is shared stays whole on its source', async () => {
        const { code, stdout } = await drain('hosts', declared);
        expect(stdout).toMatch(/not moved\n\s+db1: kvm-a: Unsafe migration: .*\(unsafe-migration\); it is on kvm-a/);
        expect(stdout).toMatch(/list the directory under shared_filesystems in qemu\.conf of both hosts/);
        expect(code).toBe(1);
        await expectUntouched(fixture.lab, 'kvm-a');
        expect(await guestProof(fixture.lab, 'kvm-a', 'db1')).toMatchObject({ running: true, lostWrites: 0, damage: [] });
    });

    test('moves with its disk where inventory and libvirt are told that its directory is shared', async ({ skip }) => {
        if (shared === undefined) skip('no loop device: the hosts have no directory in common');
        for (const { name } of fixture.lab.hosts) {
            await appendFile(pathInHost(fixture.lab, name, '/etc/libvirt/qemu.conf'), `shared_filesystems = [ "${imagesDir}" ]\n`);
            await inHost(
                fixture.lab,
                name,
                'sh',
                '-c',
                'kill $(cat /run/libvirtd.pid); while [ -e /run/libvirt/libvirt-sock ]; do sleep 0.05; done',
            );
            await inHost(fixture.lab, name, '/usr/sbin/libvirtd', '--daemon');
        }
        const { code, all } = await drain('hosts', declared);
        expect(code, all).toBe(0);
        const [host = ''] = await hostsOfGuest(fixture.lab, 'db1');
        expect(host).toMatch(/kvm-[bc]/);
        expect(await virsh(fixture.lab, host, 'domblklist', 'db1')).toContain(diskPath);
        expect(await guestProof(fixture.lab, host, 'db1')).toMatchObject({ running: true, lostWrites: 0, damage: [] });
    });
});
