/** Every technique as the libvirt driver carries it out, on real daemons: phases, flags, events and settings that are read back. */
import { truncate, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { bytesPerSecond, mebibyte, milliseconds } from '@mig/language';
import type { MoveTechnique } from '@mig/runtime/core';
import { beforeAll, expect, test } from 'vitest';
import { recoverPostcopy } from '../../runtime/src/edges/hypervisor/recover-postcopy.js';
import type { Departure, MoveSetting } from '../../runtime/src/edges/hypervisor/port.js';
import { defaultHosts, guestProof, hostsOfGuest, pathInHost, setDirtyRate, startGuest } from '../../runtime/src/edges/lab/door.js';
import { carryOver, parametersTo, Sides, type Steps, within } from '../kit/driver.js';
import { describeWithLab, type LabFixture } from '../kit/lab.js';
import { virsh } from '../kit/virsh.js';

const rate = (mib: number) => bytesPerSecond(mib * mebibyte);

describeWithLab('a technique', (fixture) => {
    let uuid = '';
    beforeAll(async () => {
        const guest = await startGuest(fixture.lab, 'kvm-a', {
            name: 'g',
            memoryMiB: 96,
            randomShare: 0.5,
            hotSetMiB: 8,
            dirtyPagesPerSecond: 200,
        });
        uuid = guest.uuid;
    });

    const at = async (): Promise<string> => (await hostsOfGuest(fixture.lab, 'g'))[0] ?? '';
    const statuses = (events: readonly { readonly type: string; readonly status?: string }[]) =>
        events.flatMap((event) => (event.type === 'migration-status' ? [event.status] : []));

    /** Moves the guest to the other of two hosts. */
    async function move(technique: Partial<MoveTechnique>, steps: Steps = {}) {
        const from = await at();
        const to = from === 'kvm-a' ? 'kvm-b' : 'kvm-a';
        await using sides = await Sides.open(fixture.lab, uuid, from, to);
        return { from, to, ...(await carryOver(sides, parametersTo(fixture.lab, to, technique), steps)) };
    }

    /** It runs there alone and lost nothing. */
    async function whole(host: string): Promise<void> {
        expect(await hostsOfGuest(fixture.lab, 'g')).toEqual([host]);
        expect(await guestProof(fixture.lab, host, 'g')).toMatchObject({ running: true, lostWrites: 0, damage: [] });
    }
    const persistent = async (host: string): Promise<boolean> =>
        (await virsh(fixture.lab, host, 'list', '--all', '--persistent', '--name')).split(/\s+/).includes('g');

    /** What the executor does once a guest has arrived by post-copy: its definition goes over by calls of their own. */
    async function settleDefinition(from: string, to: string): Promise<void> {
        const xml = pathInHost(fixture.lab, to, '/tmp/g.xml');
        await writeFile(xml, await virsh(fixture.lab, from, 'dumpxml', '--inactive', 'g'));
        await virsh(fixture.lab, to, 'define', '/tmp/g.xml');
        await virsh(fixture.lab, from, 'undefine', 'g');
    }

    test('post-copy: finish goes out on the switch, while pages are still sent, and the definition stays where it was', async () => {
        let settings: readonly MoveSetting[] = [];
        let requests = 0;
        const moved = await move(
            { postcopy: true },
            {
                cap: rate(10),
                sending: async (departure) => {
                    expect(await departure.setPostcopyBandwidth(rate(40), within(5_000))).toEqual({ got: rate(40) });
                    await departure.startPostcopy(within(5_000));
                },
                progress: async (progress, departure: Departure) => {
                    requests = Math.max(requests, progress.postcopyRequests ?? 0);
                    settings = (await departure.settings?.(within(5_000)).catch(() => undefined)) ?? settings;
                },
            },
        );
        expect(statuses(moved.events)).toEqual(expect.arrayContaining(['active', 'postcopy-active', 'completed']));
        expect(moved.finishSentAt).toBeLessThan(moved.completedAt / 2);
        expect(requests).toBeGreaterThan(0);
        expect(settings).toEqual(
            expect.arrayContaining([
                { setting: 'bandwidth', asked: rate(10), got: rate(10) },
                { setting: 'postcopy-bandwidth', asked: rate(40), got: rate(40) },
                { setting: 'downtime-limit', asked: 300, got: 300 },
            ]),
        );
        await whole(moved.to);
        expect([await persistent(moved.from), await persistent(moved.to)]).toEqual([true, false]);
        await settleDefinition(moved.from, moved.to);
    });

    test('hybrid: every page once, then the switch, where pre-copy would not end', async () => {
        await setDirtyRate(fixture.lab, await at(), 'g', 12_000);
        const moved = await move(
            { postcopy: true },
            {
                cap: rate(16),
                progress: async ({ iteration }, departure) => {
                    if (iteration >= 2) await departure.startPostcopy(within(5_000)).catch(() => undefined); // it has switched already
                },
            },
        );
        expect(statuses(moved.events)).toContain('postcopy-active');
        expect(moved.events.some((event) => event.type === 'job-completed' && event.summary.downtimeMs !== undefined)).toBe(false);
        await setDirtyRate(fixture.lab, moved.to, 'g', 200);
        await whole(moved.to);
        await settleDefinition(moved.from, moved.to);
    });

    test('stop-and-copy: the guest stands still from the start, and runs on there', async () => {
        const moved = await move({ live: false }, { cap: rate(60) });
        const order = moved.events.map((event) => (event.type === 'migration-status' ? event.status : event.type));
        expect(order.indexOf('guest-stopped')).toBeLessThan(order.indexOf('active'));
        expect(order).not.toContain('guest-resumed');
        await whole(moved.to);
        expect([await persistent(moved.from), await persistent(moved.to)]).toEqual([false, true]);
    });

    test('a guest that is paused on its way runs on there', async () => {
        const moved = await move({}, { cap: rate(20), sending: (departure) => departure.pauseGuest(within(5_000)) });
        await whole(moved.to);
    });

    test('parallel streams with zstd', async () => {
        const moved = await move({ options: { streams: 2, compression: { method: 'zstd', level: 3 } } });
        await whole(moved.to);
    });

    test('xbzrle, whose cache is read back', async () => {
        let settings: readonly MoveSetting[] = [];
        const moved = await move(
            { options: { xbzrleCache: 32 * mebibyte } },
            {
                cap: rate(30),
                progress: async (_progress, departure) => {
                    settings = (await departure.settings?.(within(5_000)).catch(() => undefined)) ?? settings;
                },
            },
        );
        expect(settings).toContainEqual({ setting: 'compression-cache', asked: 32 * mebibyte, got: 32 * mebibyte });
        await whole(moved.to);
    });

    test('throttling from the start, and bounded; and by a rung, held low until then', async () => {
        await setDirtyRate(fixture.lab, await at(), 'g', 12_000);
        const seen: number[] = [];
        const slow = { cap: rate(16), progress: async () => Promise.resolve() };
        const first = await move(
            { options: { throttle: { initial: 0.3, step: 0.3, max: 0.7 } } },
            {
                ...slow,
                progress: async ({ throttle }, departure) => {
                    seen.push(throttle ?? 0);
                    if ((throttle ?? 0) >= 0.6) await departure.setBandwidth(undefined, within(5_000));
                },
            },
        );
        expect(Math.max(...seen)).toBeGreaterThanOrEqual(0.6);
        expect(Math.max(...seen)).toBeLessThanOrEqual(0.7);
        await whole(first.to);

        const before: number[] = [];
        let raised = false;
        const second = await move(
            { throttleLater: true },
            {
                ...slow,
                progress: async ({ throttle, iteration }, departure) => {
                    if (!raised) before.push(throttle ?? 0);
                    if (!raised && iteration >= 4) {
                        raised = true;
                        await departure.throttleGuest({ initial: 0.5 as never, step: 0.1 as never, max: 0.8 as never }, within(5_000));
                    }
                    if ((throttle ?? 0) >= 0.5) await departure.setBandwidth(undefined, within(5_000));
                },
            },
        );
        expect(raised).toBe(true);
        expect(Math.max(...before)).toBeLessThan(0.1);
        await whole(second.to);
        await setDirtyRate(fixture.lab, await at(), 'g', 200);
    });

    test('what a host cannot do is refused before it is touched, with the option and the cure', async () => {
        await expect(move({ postcopy: true, options: { streams: 2 } })).rejects.toMatchObject({
            code: 'feature-missing',
            message: expect.stringMatching(/parallel streams and post-copy|post-copy and parallel streams|parallel streams/) as unknown,
            hint: expect.stringMatching(/10\.1 or later/) as unknown,
        });
        await whole(await at());
    });

    test('TLS without certificates is refused, and the guest is unharmed', async () => {
        await expect(move({ options: { tls: true } })).rejects.toMatchObject({ hint: expect.stringMatching(/put ca-cert/) as unknown });
        await whole(await at());
    });

    test('a disk goes along, no faster than its cap', async () => {
        const disk = '/var/lib/mig-lab/g.raw';
        for (const host of ['kvm-a', 'kvm-b']) {
            await writeFile(pathInHost(fixture.lab, host, disk), '');
            await truncate(pathInHost(fixture.lab, host, disk), 24 * mebibyte);
        }
        const from = await at();
        await writeFile(pathInHost(fixture.lab, from, disk), Buffer.alloc(24 * mebibyte, 0x5a));
        await virsh(
            fixture.lab,
            from,
            'attach-disk',
            'g',
            disk,
            'vda',
            '--targetbus',
            'virtio',
            '--subdriver',
            'raw',
            '--cache',
            'none',
            '--persistent',
        );
        const began = Date.now();
        const moved = await move({ options: { storage: [{ mode: 'copy', disks: ['vda'], cap: 12 * mebibyte }] } }, { cap: rate(100) });
        expect(Date.now() - began).toBeGreaterThan(1_500);
        await whole(moved.to);
    });
});

/** Breaks a post-copy on its way, and takes it up again. */
async function breakAndRecover({ lab }: LabFixture, uuid: string): Promise<void> {
    const [from, to] = ['kvm-a', 'kvm-b'];
    const parameters = parametersTo(lab, to, { postcopy: true });
    const broken = (async () => {
        await using sides = await Sides.open(lab, uuid, from, to);
        await carryOver(sides, parameters, {
            cap: rate(10),
            sending: async (departure) => {
                await departure.setPostcopyBandwidth(rate(4), within(5_000));
                await departure.startPostcopy(within(5_000));
                await sleep(1_000);
                await virsh(lab, from, 'domjobabort', '--postcopy', 'g');
            },
        });
    })();
    await expect(broken).rejects.toThrow();
    const reason = async (host: string) => (await virsh(lab, host, 'domstate', '--reason', 'g')).trim();
    await expect.poll(() => reason(from)).toBe('paused (post-copy failed)');
    await expect.poll(() => reason(to), { timeout: 10_000 }).toBe('running (post-copy failed)');
    await using sides = await Sides.open(lab, uuid, from, to);
    const pause = (ms: number, signal: AbortSignal) => sleep(ms, undefined, { signal });
    const { departure, arrival } = sides;
    await recoverPostcopy({ departure, arrival, parameters, destination: to, within: milliseconds(20_000), sleep: pause }, within(40_000));
}

const oldHosts = defaultHosts.map((host) => ({ ...host, release: 'bookworm' as const }));

describeWithLab(
    'a post-copy whose link broke',
    (fixture) => {
        test('is taken up again', async () => {
            const { uuid } = await startGuest(fixture.lab, 'kvm-a', {
                name: 'g',
                memoryMiB: 96,
                randomShare: 0.5,
                dirtyPagesPerSecond: 200,
            });
            await breakAndRecover(fixture, uuid);
            expect(await hostsOfGuest(fixture.lab, 'g')).toEqual(['kvm-b']);
            expect(await guestProof(fixture.lab, 'kvm-b', 'g')).toMatchObject({ running: true, lostWrites: 0, damage: [] });
        });
    },
    oldHosts,
);

describeWithLab('a post-copy whose link broke, with a libvirt that would crash on its way back', (fixture) => {
    test('is left as it is, and both daemons live', async () => {
        const { uuid } = await startGuest(fixture.lab, 'kvm-a', { name: 'g', memoryMiB: 96, randomShare: 0.5, dirtyPagesPerSecond: 200 });
        await expect(breakAndRecover(fixture, uuid)).rejects.toMatchObject({ code: 'feature-missing', host: 'kvm-b' });
        expect(await virsh(fixture.lab, 'kvm-a', 'domstate', '--reason', 'g')).toMatch(/paused \(post-copy failed\)/);
        expect(await virsh(fixture.lab, 'kvm-b', 'domstate', '--reason', 'g')).toMatch(/running \(post-copy failed\)/);
    });
});
