/** `immovable: shut down vm` on real guests: they are asked, heed it or not, and what became of it is seen. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MigrationEvent } from '@mig/runtime/core';
import { hostsOfGuest, labCommand, startGuest, startLinuxGuest, stopGuest } from '../../runtime/src/edges/lab/door.js';
import { struckAt } from '../kit/killed.js';
import { inHost } from '../kit/lab-state.js';
import { describeWithLab } from '../kit/lab.js';
import { Desk, toldBy } from '../kit/mig-run.js';
import { plainInventory, qemusOn } from '../kit/plain.js';
import { virsh } from '../kit/virsh.js';

/** No host takes anything. */
const policy = `policy drain {
  when host is in maintenance
  move vms on host
    immovable: shut down vm
  to hosts
    keep 99% of memory free
  using precopy
}
`;

describeWithLab('a VM that cannot move', (fixture) => {
    let desk: Desk;
    beforeAll(async () => {
        desk = await Desk.clear();
        await desk.write('drain.mig', policy);
    });
    afterAll(async () => desk[Symbol.asyncDispose]());

    const migRun = (inventory: string, ...args: readonly string[]) =>
        desk.migRun([...args, '--inventory', inventory], { through: labCommand(fixture.lab, []) });
    async function carriedOut(inventory: string) {
        // What no host can keep free is warned of (MIG507).
        const ended = await migRun(inventory, 'drain.mig', '--yes', '--json');
        return { ...toldBy(ended), code: ended.code };
    }
    const started = (event: MigrationEvent): boolean => event.type === 'shutdown-started';

    describe('by libvirt', () => {
        test('is shut down by its own guest, stays defined where it is, and the run says that it is off', async () => {
            const { lab } = fixture;
            await startLinuxGuest(lab, 'kvm-a', { name: 'web1', memoryMiB: 128 });
            const plan = await migRun(lab.inventoryPath, 'plan', 'drain.mig', '--actions');
            expect(plan.all).toMatch(/no VM is moved; 1 VM that cannot move is shut down/);
            expect(plan.all).toMatch(/web1 \(on kvm-a\), within 2 min, else it runs on/);
            expect(plan.all).toMatch(/virDomainShutdown\(domain: web1/);
            expect(plan.code).toBe(0);
            expect(await hostsOfGuest(lab, 'web1')).toEqual(['kvm-a']);

            const { report, code } = await carriedOut(lab.inventoryPath);
            expect(report.shutdowns).toMatchObject([{ vm: 'web1', host: 'kvm-a', outcome: 'off' }]);
            expect(code).toBe(0);
            expect((await virsh(lab, 'kvm-a', 'domstate', '--reason', 'web1')).trim()).toBe('shut off (shutdown)');
            expect(await virsh(lab, 'kvm-a', 'list', '--all', '--persistent', '--name')).toMatch(/web1/);
        });

        test('that does not heed it is not switched off: a person who waits no longer is told that it runs on', async () => {
            const { lab } = fixture;
            await startGuest(lab, 'kvm-a', { name: 'deaf', memoryMiB: 64, persistent: true });
            const { struck, events, code } = await struckAt({ desk, lab, signals: ['SIGINT', 'SIGINT'] }, ['drain.mig'], (event) => {
                return started(event) || event.type === 'run-stopping';
            });
            expect(struck).toBe(true);
            expect(events.find((event) => event.type === 'shutdown-ended')).toMatchObject({
                vm: 'deaf',
                outcome: 'failed',
                error: { code: 'cancelled', hint: 'see whether it still runs on kvm-a' },
            });
            expect(code).toBe(130);
            expect(await virsh(lab, 'kvm-a', 'domstate', 'deaf')).toMatch(/running/);
            await stopGuest(lab, 'deaf');
        });
    });

    test('by plain QEMU: its process ends by itself', async () => {
        const { lab } = fixture;
        const files = '/var/lib/mig-lab/linux-guest-*';
        const start = `mkdir -p /run/qemu && exec qemu-system-x86_64 -name plain1 -uuid 6fd1c1c2-6a55-4a7c-8a5e-0d6f6f6f0009 \
            -machine pc,accel=tcg -m 128 -nodefaults -display none -kernel ${files}/vmlinuz -initrd ${files}/initramfs \
            -append 'quiet panic=-1 mitigations=off nokaslr random.trust_cpu=on tsc=reliable no_timer_check console=ttyS0' \
            -serial file:/var/log/plain1.console -qmp unix:/run/qemu/plain1.qmp,server=on,wait=off -daemonize`;
        await inHost(lab, 'kvm-a', 'sh', '-c', start);
        const said = ['sh', '-c', "grep -c 'guest heeds its power button' /var/log/plain1.console || true"];
        await expect.poll(async () => (await inHost(lab, 'kvm-a', ...said)).trim(), { timeout: 60_000 }).toBe('1');
        const inventory = await desk.write('plain.yaml', await plainInventory(lab));
        const { report, code } = await carriedOut(inventory);
        expect(report.shutdowns).toMatchObject([{ vm: 'plain1', host: 'kvm-a', outcome: 'off' }]);
        expect(code).toBe(0);
        expect(await qemusOn(lab, 'kvm-a')).toEqual([]);
    });
});
