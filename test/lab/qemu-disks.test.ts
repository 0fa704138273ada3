/** Disks that go along with a VM of plain QEMU: mirrored by the two QEMUs themselves, driven by us. */
import { once } from 'node:events';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { mebibyte } from '@mig/language';
import type { MigrationEvent } from '@mig/runtime/core';
import { labCommand, pathInHost, startPlainGuest, stopPlainGuest } from '../../runtime/src/edges/lab/door.js';
import { newAuthority } from '../../runtime/src/edges/hypervisor/host/testing/authority.js';
import { certify } from '../kit/certificates.js';
import { struckAt } from '../kit/killed.js';
import { inHost } from '../kit/lab-state.js';
import { describeWithLab } from '../kit/lab.js';
import { Desk } from '../kit/mig-run.js';
import { expectWholePlain, plainInventory } from '../kit/plain.js';

const size = 24 * mebibyte;
const [vda, vdb] = ['/var/lib/mig-lab/vda.raw', '/var/lib/mig-lab/vdb.raw'];
const monitor = '/run/qemu/db1.people';

const policy = (storage: string, technique = 'precopy'): string => `policy drain {
  when host is in maintenance
  move vms on host
  to hosts where host.name == "kvm-b"
  using ${technique} { ${storage} }
  bandwidth { total 400 Mbit/s }
  on failure leave and report
}
`;

describeWithLab('disks on hosts that run plain QEMU', (fixture) => {
    let desk: Desk;
    beforeAll(async () => {
        desk = await Desk.clear();
        await desk.write('hosts.yaml', await plainInventory(fixture.lab));
    });
    afterAll(async () => desk[Symbol.asyncDispose]());

    const at = (host: string, path: string): string => pathInHost(fixture.lab, host, path);
    const migRun = (...args: readonly string[]) =>
        desk.migRun([...args, '--inventory', 'hosts.yaml'], { through: labCommand(fixture.lab, []) });
    const strike = (signals: readonly ('SIGKILL' | 'SIGINT')[], isTheMoment: (event: MigrationEvent) => boolean) =>
        struckAt({ desk, lab: { ...fixture.lab, inventoryPath: desk.at('hosts.yaml') }, signals }, ['drain.mig'], isTheMoment);

    /** One command to the monitor for people of the guest at its source. */
    async function people(command: string): Promise<string> {
        const socket = connect({ path: at('kvm-a', monitor) });
        let told = '';
        socket.on('data', (chunk: Buffer) => (told += chunk.toString('utf8')));
        await once(socket, 'connect');
        socket.write(`${command}\n`);
        await expect.poll(() => told, { timeout: 10_000 }).toMatch(/\(qemu\)[^]*\n[^]*\(qemu\) $/);
        socket.destroy();
        return told;
    }

    /** Nothing of a copy is left: no mirror, no node of ours, and no image that was made. */
    async function expectCleared(): Promise<void> {
        expect(await people('info block-jobs')).toMatch(/No active jobs/);
        expect(await people('info block -n')).not.toMatch(/mig-run/);
        const look = 'ls -a /var/lib/mig-lab /run/mig-run 2>/dev/null | grep -e vda -e images || true';
        expect((await inHost(fixture.lab, 'kvm-b', 'sh', '-c', look)).trim()).toBe('');
    }

    beforeEach(async () => {
        await stopPlainGuest(fixture.lab, 'db1').catch(() => undefined);
        for (const host of ['kvm-b', 'kvm-c']) await inHost(fixture.lab, host, 'sh', '-c', `rm -f ${vda} ${vdb}`);
        await writeFile(at('kvm-a', vda), Buffer.concat([Buffer.alloc(size / 2, 0x5a), Buffer.alloc(size / 2)]));
        await writeFile(at('kvm-a', vdb), Buffer.alloc(mebibyte, 0x33));
        await startPlainGuest(fixture.lab, 'kvm-a', {
            name: 'db1',
            memoryMiB: 64,
            randomShare: 0.5,
            dirtyPagesPerSecond: 256,
            hotSetMiB: 8,
            more: [
                ...['-drive', `file=${vda},format=raw,if=virtio,id=vda,cache=none`],
                ...['-blockdev', `driver=file,node-name=vdb-file,filename=${vdb}`],
                ...['-blockdev', 'driver=raw,node-name=vdb,file=vdb-file', '-device', 'virtio-blk-pci,drive=vdb'],
                ...['-monitor', `unix:${monitor},server=on,wait=off`],
            ],
        });
    });
    afterAll(async () => stopPlainGuest(fixture.lab, 'db1').catch(() => undefined));

    test('go along, each under its own cap, with what is written meanwhile', async () => {
        await writeFile(at('kvm-b', vdb), '');
        await truncate(at('kvm-b', vdb), mebibyte);
        await desk.write('drain.mig', policy('storage copy "vda" at most 8 MiB/s  preseeded "vdb"'));
        let written: Promise<string> | undefined;
        const { events, code } = await strike([], (event) => {
            if (event.type === 'progress' && (event.disks?.remaining ?? Infinity) < size / 2)
                written ??= people('qemu-io vda "write -P 0x77 1M 256k"');
            return false;
        });
        await written;
        expect(code).toBe(0);
        expect(await expectWholePlain(fixture.lab, 'db1')).toBe('kvm-b');
        const image = await readFile(at('kvm-b', vda));
        expect(image.equals(await readFile(at('kvm-a', vda)))).toBe(true);
        expect(image.subarray(mebibyte, mebibyte + 256 * 1024).every((byte) => byte === 0x77)).toBe(true);
        expect((await readFile(at('kvm-b', vdb))).equals(await readFile(at('kvm-a', vdb)))).toBe(true);

        const caps = events.flatMap((event) => (event.type === 'setting-applied' && event.setting === 'disk-bandwidth' ? [event] : []));
        expect(caps).toContainEqual(expect.objectContaining({ asked: 8 * mebibyte, got: 8 * mebibyte, agrees: true }));
        const looks = events.flatMap((event) => (event.type === 'progress' && event.iteration === 0 ? [event] : []));
        const [first, last] = [looks.at(1), looks.at(-1)];
        if (!first || !last) throw new Error('no progress of the disks');
        expect(first.disks?.total).toBeGreaterThanOrEqual(size);
        // Both disks began together; after a look or two the small one is there.
        const rate = ((last.transferred - first.transferred) * 1000) / (last.at - first.at);
        expect(rate).toBeGreaterThan(4 * mebibyte);
        expect(rate).toBeLessThan(9 * mebibyte);
        // What was made is no longer listed as ours to remove.
        expect((await inHost(fixture.lab, 'kvm-b', 'sh', '-c', 'ls /run/mig-run')).includes('.images')).toBe(false);
    });

    test('go along encrypted, with a guest that is stopped first, into an image that stood there', async () => {
        await using authority = await newAuthority();
        for (const { name } of fixture.lab.hosts) await certify(fixture.lab, authority, name);
        await writeFile(at('kvm-b', vda), Buffer.alloc(size, 0x11));
        await desk.write('drain.mig', policy('storage copy "vda", "vdb"  tls', 'stop-and-copy'));
        const { events, code } = await strike([], () => false);
        expect(code).toBe(0);
        // Its disks are copied while it runs; it stands still before the first of its memory.
        const stopped = events.findIndex(({ type }) => type === 'guest-stopped');
        const memory = events.findIndex((event) => event.type === 'progress' && event.total > 0);
        expect(stopped).toBeGreaterThan(0);
        expect(memory === -1 || memory > stopped).toBe(true);
        expect(await expectWholePlain(fixture.lab, 'db1')).toBe('kvm-b');
        for (const image of [vda, vdb]) expect((await readFile(at('kvm-b', image))).equals(await readFile(at('kvm-a', image)))).toBe(true);
    });

    describe('when it goes wrong', () => {
        beforeEach(async () => {
            await desk.write('drain.mig', policy('storage copy "vda" at most 8 MiB/s  shared "vdb"'));
            await writeFile(at('kvm-b', vdb), await readFile(at('kvm-a', vdb)));
        });
        const copying = (event: MigrationEvent): boolean =>
            event.type === 'progress' && event.disks !== undefined && event.transferred > 4e6;
        const sending = (event: MigrationEvent): boolean => event.type === 'iteration';

        test.each([
            ['while disks are copied', ' at most 8 MiB/s', copying],
            ['while memory is sent, so that QEMU waits before the switch', '', sending],
        ] as const)('mig-run is killed %s: resume leaves one whole VM, and clears away the rest', async (_, cap, isTheMoment) => {
            await desk.write('drain.mig', policy(`storage copy "vda"${cap}  shared "vdb"`));
            const { struck } = await strike(['SIGKILL'], isTheMoment);
            expect(struck).toBe(true);
            const resumed = await migRun('resume');
            expect(resumed.all).toMatch(/db1/);
            expect(await expectWholePlain(fixture.lab, 'db1')).toBe('kvm-a');
            await expectCleared();
            expect((await desk.migRun(['status'])).stdout).not.toMatch(/interrupted|held/);
        });

        test('cancelled while disks are copied, it runs on at its source', async () => {
            const { events } = await strike(['SIGINT', 'SIGINT'], copying);
            expect(events.find((event) => event.type === 'move-ended')).toMatchObject({ outcome: 'aborted', vmOn: 'kvm-a' });
            expect(await expectWholePlain(fixture.lab, 'db1')).toBe('kvm-a');
            await expectCleared();
        });

        test('its destination is killed while disks are copied: it runs on at its source', async () => {
            let killed: Promise<string> | undefined;
            const { events } = await strike([], (event) => {
                if (copying(event))
                    killed ??= inHost(fixture.lab, 'kvm-b', 'sh', '-c', 'kill -KILL $(cat /run/qemu/db1.pid) && echo killed');
                return false;
            });
            expect(await killed).toMatch(/killed/);
            const ended = events.find((event) => event.type === 'move-ended');
            expect(ended).toMatchObject({
                outcome: 'failed',
                vmOn: 'kvm-a',
                error: expect.objectContaining({
                    message: expect.stringMatching(/copy of the disk vda of db1 from kvm-a has failed/) as unknown,
                }) as unknown,
            });
            expect(await expectWholePlain(fixture.lab, 'db1')).toBe('kvm-a');
            await expectCleared();
        });
    });
});
