/** The way between the hosts is cut in post-copy: what the destination lacks is sent anew, and not a page is lost. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { newAuthority } from '../../runtime/src/edges/hypervisor/host/testing/authority.js';
import {
    defaultHosts,
    hostsOfGuest,
    labCommand,
    restoreLink,
    startGuest,
    startPlainGuest,
    stopGuest,
    stopPlainGuest,
} from '../../runtime/src/edges/lab/door.js';
import { certify } from '../kit/certificates.js';
import { describeWithLab, type LabFixture } from '../kit/lab.js';
import { inHost } from '../kit/lab-state.js';
import { Desk } from '../kit/mig-run.js';
import { credentialsOf, expectWholePlain, plainInventory } from '../kit/plain.js';
import { cutInPostcopy, giveUpSoon, mend } from '../kit/postcopy-cut.js';
import { virsh } from '../kit/virsh.js';
import { expectWhole } from '../kit/whole.js';

const policy = (using = 'postcopy'): string => `policy drain {
  when host is in maintenance
  move vms on host
  to hosts
  using ${using}
  bandwidth { total 50 Mbit/s }
  on failure leave and report
}
`;
/** It writes all over its memory: where a page is missing, it is asked for, and nobody answers. */
const guest = { name: 'db1', memoryMiB: 64, randomShare: 0.6, dirtyPagesPerSecond: 1000, hotSetMiB: 32 } as const;
const oldHosts = defaultHosts.map((host) => ({ ...host, release: 'bookworm' as const }));

interface Driven {
    readonly inventory: () => Promise<string>;
    readonly start: () => Promise<unknown>;
    readonly stop: () => Promise<unknown>;
    /** It runs on one host, whole; returns the host. */
    readonly whole: () => Promise<string>;
}

const byLibvirt = (fixture: LabFixture): Driven => ({
    inventory: () => Promise.resolve(fixture.lab.inventoryPath),
    start: () => startGuest(fixture.lab, 'kvm-a', { ...guest, persistent: true, autostart: true }),
    stop: () => stopGuest(fixture.lab, 'db1'),
    whole: () => expectWhole(fixture.lab, 'db1'),
});
const byQemu = (fixture: LabFixture, desk: () => Desk): Driven => ({
    inventory: async () => desk().write('plain.yaml', await plainInventory(fixture.lab)),
    start: () => startPlainGuest(fixture.lab, 'kvm-a', guest),
    stop: () => stopPlainGuest(fixture.lab, 'db1'),
    whole: () => expectWholePlain(fixture.lab, 'db1'),
});

function takenUp(fixture: LabFixture, driven: Driven, desk: () => Desk): void {
    let inventory = '';
    beforeEach(async () => {
        await driven.stop().catch(() => undefined);
        await driven.start();
        inventory = await driven.inventory();
    });
    afterAll(() => driven.stop().catch(() => undefined));

    test('the run that moves it takes it up once the way is there again', async () => {
        const striking = { desk: desk(), lab: fixture.lab, signals: [], inventory };
        const { events, code, destination } = await cutInPostcopy(striking, ['drain.mig'], mend(fixture.lab));
        const alarms = events.flatMap((event) => (event.type === 'note' && event.level === 'alarm' ? [event.text] : []));
        expect(alarms.join('\n')).toMatch(/db1: the way between the hosts was cut in post-copy/);
        expect(events.find((event) => event.type === 'move-ended')).toMatchObject({ outcome: 'moved', vmOn: destination });
        expect(code).toBe(0);
        expect(await driven.whole()).toBe(destination);
    });

    test('mig-run resume takes it up after a run that was killed', async () => {
        const striking = { desk: desk(), lab: fixture.lab, signals: ['SIGKILL' as const], inventory };
        const { struck, destination } = await cutInPostcopy(striking, ['drain.mig'], () => Promise.resolve());
        expect(struck).toBe(true);
        await restoreLink(fixture.lab, destination);
        const resumed = await desk().migRun(['resume', '--inventory', inventory], { through: labCommand(fixture.lab, []) });
        expect(resumed.all).toMatch(/db1: the way between the hosts was cut in post-copy.*the rest is sent by a new migration/s);
        expect([0, 1]).toContain(resumed.code);
        expect(await driven.whole()).toBe(destination);
        expect((await desk().migRun(['status'])).stdout).not.toMatch(/interrupted|held/);
    });
}

/** A desk with the policy, and hosts that notice soon that they hear nothing. */
function deskWithPolicy(fixture: LabFixture): () => Desk {
    let desk: Desk;
    beforeAll(async () => {
        desk = await Desk.clear();
        await desk.write('drain.mig', policy());
        await giveUpSoon(fixture.lab);
    });
    afterAll(async () => desk[Symbol.asyncDispose]());
    return () => desk;
}

describeWithLab(
    'a post-copy that was cut, with libvirt 9.0 and QEMU 7.2',
    (fixture) => {
        const desk = deskWithPolicy(fixture);

        describe('by libvirt', () => takenUp(fixture, byLibvirt(fixture), desk));
        describe('by plain QEMU', () => takenUp(fixture, byQemu(fixture, desk), desk));
    },
    oldHosts,
);

describeWithLab('a post-copy that was cut, with libvirt 11.3 and QEMU 10.0', (fixture) => {
    const desk = deskWithPolicy(fixture);

    describe('by plain QEMU, encrypted', () => {
        beforeAll(async () => {
            await desk().write('drain.mig', policy('postcopy { tls }'));
            await using authority = await newAuthority();
            for (const { name } of fixture.lab.hosts) await certify(fixture.lab, authority, name);
        });
        afterAll(() => desk().write('drain.mig', policy()));
        takenUp(fixture, byQemu(fixture, desk), desk);
        afterEach(async () => {
            const [host = ''] = await hostsOfGuest(fixture.lab, 'db1');
            expect(await credentialsOf(fixture.lab, host, 'db1')).toEqual({ set: '', object: false });
        });
    });

    test('by libvirt, whose daemon might crash on it: it is held with the way out, and a person who takes that loses no page', async () => {
        const { lab } = fixture;
        const driven = byLibvirt(fixture);
        await driven.start();
        const striking = { desk: desk(), lab, signals: [] };
        const { events, code, destination } = await cutInPostcopy(striking, ['drain.mig'], mend(lab));
        expect(events.find((event) => event.type === 'move-ended')).toMatchObject({
            outcome: 'held',
            vmOn: destination,
            error: {
                message: expect.stringMatching(/cannot be made to go on from here: .*its libvirt 11\.3.* may crash/) as unknown,
                hint: expect.stringMatching(/touch neither.*migrate-recover.*docs\/safety\.md/) as unknown,
            },
        });
        expect(code).toBe(8);
        expect(await virsh(lab, 'kvm-a', 'domstate', '--reason', 'db1')).toMatch(/paused \(post-copy failed\)/);
        expect(await virsh(lab, destination, 'domstate', '--reason', 'db1')).toMatch(/running \(post-copy failed\)/);
        // What docs/safety.md says.
        const address = lab.hosts.find(({ name }) => name === destination)?.migrationAddress ?? '';
        const uri = `tcp:${address}:49200`;
        const orders = ['{"execute":"qmp_capabilities"}', `{"execute":"migrate-recover","arguments":{"uri":"${uri}"}}`];
        const ask = `{ printf '%s\\n' "$@"; sleep 1; } | nc -N -U /var/lib/libvirt/qemu/domain-*-db1/monitor.sock`;
        await inHost(lab, destination, 'sh', '-c', 'kill "$(cat /run/libvirtd.pid)" && sleep 1');
        expect((await inHost(lab, destination, 'sh', '-c', ask, 'sh', ...orders)).match(/"return": \{\}/g)).toHaveLength(2);
        const go = JSON.stringify({ execute: 'migrate', arguments: { uri, resume: true } });
        expect(await virsh(lab, 'kvm-a', 'qemu-monitor-command', 'db1', go)).toMatch(/"return":\{\}/);
        await expect.poll(() => virsh(lab, 'kvm-a', 'domstate', 'db1'), { timeout: 60_000, interval: 500 }).toMatch(/shut off/);
        await inHost(lab, destination, 'libvirtd', '--daemon');
        const resumed = await desk().migRun(['resume', '--inventory', lab.inventoryPath], { through: labCommand(lab, []) });
        expect([0, 1]).toContain(resumed.code);
        expect(await driven.whole()).toBe(destination);
    });
});
