/** What a technique asks of a source beyond its flags: settings that are read back, throttling, caps of disks, the switch. */
import { bytesPerSecond, mebibyte, milliseconds, ratio } from '@mig/language';
import { describe, expect, test } from 'vitest';
import type { MoveTechnique } from '../../../core/index.js';
import type { Departure, MoveParameters } from '../port.js';
import { connectDaemon } from './connect.js';
import { openDeparture } from './departure.js';
import { uuidToBytes } from './domains.js';
import { procedures } from './procedures.js';
import { fakeAccess } from './testing/fake-access.js';
import { DaemonRefusal, FakeDaemon } from './testing/fake-daemon.js';
import { ullongParam } from './typed-params.js';

const never = new AbortController().signal;
const socket = '/var/run/libvirt/libvirt-sock';
const dom = { name: 'web', uuid: uuidToBytes('kvm-a', '00000000-0000-4000-8000-000000000001'), id: 3 };
const rate = (mib: number) => bytesPerSecond(mib * mebibyte);
const prepared = { cookie: Uint8Array.of(2), uri: undefined, xml: '<domain/>' };

const asked = (technique: Partial<MoveTechnique>, more: Partial<MoveParameters> = {}): MoveParameters => ({
    migrateUri: 'tcp:10.0.0.2',
    listenAddress: '10.0.0.2',
    downtimeLimit: undefined,
    persistent: true,
    unsafe: false,
    technique: { live: true, postcopy: false, options: {}, ...technique },
    ...more,
});

/** Remembers speeds and parameters as QEMU does. */
function source(stats: Readonly<Record<string, number>> = {}) {
    const speeds: [number, bigint][] = [];
    const commands: unknown[] = [];
    const now: { stats: Readonly<Record<string, number>>; qemu: Record<string, unknown> } = { stats, qemu: {} };
    const fake = new FakeDaemon()
        .on(procedures.eventRegister, ({ eventId }) => ({ callbackId: eventId }))
        .on(procedures.monitorEventRegister, () => ({ callbackId: 1 }))
        .on(procedures.domainGetState, () => ({ state: 1, reason: 1 }))
        .on(procedures.migrateSetMaxSpeed, ({ bandwidth, flags }) => void speeds.push([flags, bandwidth]))
        .on(procedures.migrateGetMaxSpeed, ({ flags }) => ({ bandwidth: speeds.findLast(([of]) => of === flags)?.[1] ?? 0n }))
        .on(procedures.migrateSetMaxDowntime, () => undefined)
        .on(procedures.migrateGetMaxDowntime, () => ({ downtime: 300n }))
        .on(procedures.migrateGetCompressionCache, () => ({ cacheSize: 33_554_432n }))
        .on(procedures.migrateStartPostCopy, () => undefined)
        .on(procedures.migrateBegin, () => ({ cookieOut: Uint8Array.of(1), xml: '<domain/>' }))
        .on(procedures.migratePerform, () => ({ cookieOut: Uint8Array.of(3) }))
        .on(procedures.domainGetJobStats, () => ({
            type: 2,
            params: Object.entries(now.stats).map(([name, value]) => ullongParam(name, value)),
        }))
        .on(procedures.monitorCommand, ({ command }) => {
            const { execute, arguments: values } = JSON.parse(command) as { execute: string; arguments?: unknown };
            if (values === undefined) return { result: JSON.stringify({ return: now.qemu[execute] }) };
            commands.push(values);
            return { result: '{"return":{}}' };
        });
    return { fake, speeds, commands, now };
}

async function departureOf(fake: FakeDaemon, monitor: 'allow' | 'deny' = 'allow'): Promise<Departure> {
    const access = fakeAccess({ [socket]: fake });
    const control = await connectDaemon(access, { by: 'socket', socket }, never);
    return openDeparture({ control, own: await connectDaemon(access, { by: 'socket', socket }, never), now: () => 7, monitor }, dom, never);
}

test('every setting that was asked for is read back, those of both directions of the switch apart', async () => {
    const { fake } = source();
    const departure = await departureOf(fake);
    await departure.setBandwidth(rate(20.5), never);
    await departure.setPostcopyBandwidth(undefined, never);
    await departure.perform(asked({ options: { xbzrleCache: 67_108_864 } }, { downtimeLimit: milliseconds(200) }), prepared, never);
    expect(await departure.settings?.(never)).toEqual([
        { setting: 'bandwidth', asked: rate(20), got: rate(20) },
        { setting: 'postcopy-bandwidth', asked: undefined, got: undefined },
        { setting: 'downtime-limit', asked: 200, got: 300 },
        { setting: 'compression-cache', asked: 67_108_864, got: 33_554_432 },
        { setting: 'compression', asked: 'xbzrle', got: 'none' },
    ]);
});

describe('what libvirt has no call for', () => {
    const options = { streams: 4, compression: { method: 'zstd', level: 9 }, throttle: { initial: 0.2, step: 0.1, max: 0.6 } } as const;
    const on = (...names: readonly string[]) => names.map((capability) => ({ capability, state: true }));

    test('is read from QEMU itself', async () => {
        const { fake, now } = source();
        now.qemu = {
            'query-migrate-parameters': {
                'multifd-channels': 4,
                'multifd-compression': 'zstd',
                'multifd-zstd-level': 1,
                'cpu-throttle-initial': 20,
                'cpu-throttle-increment': 10,
                'max-cpu-throttle': 60,
            },
            'query-migrate-capabilities': on('multifd', 'auto-converge'),
        };
        const departure = await departureOf(fake);
        await departure.perform(asked({ options }), prepared, never);
        expect(await departure.settings?.(never)).toEqual([
            { setting: 'streams', asked: 4, got: 4 },
            { setting: 'compression', asked: 'zstd', got: 'zstd' },
            { setting: 'compression-level', asked: 9, got: 1 },
            { setting: 'throttle-first', asked: 0.2, got: 0.2 },
            { setting: 'throttle-step', asked: 0.1, got: 0.1 },
            { setting: 'throttle-most', asked: 0.6, got: 0.6 },
        ]);
    });

    test('is not as asked where the capability is off, whatever the parameter says', async () => {
        const { fake, now } = source();
        now.qemu = { 'query-migrate-parameters': { 'multifd-channels': 4 }, 'query-migrate-capabilities': [] };
        const departure = await departureOf(fake);
        await departure.perform(asked({ options: { streams: 4 } }), prepared, never);
        expect(await departure.settings?.(never)).toEqual([{ setting: 'streams', asked: 4, got: 1 }]);
    });

    test('is not read where the monitor is denied, and that is said', async () => {
        const { fake } = source();
        const departure = await departureOf(fake, 'deny');
        await departure.perform(asked({ options: { streams: 4 } }), prepared, never);
        expect(await departure.settings?.(never)).toEqual([
            { setting: 'streams', asked: 4, got: undefined, unread: expect.stringMatching(/denies QEMU's monitor on/) as unknown },
        ]);
    });
});

describe('throttling', () => {
    test('by a rung goes up to its first share at once, and on by its step', async () => {
        const { fake, commands, now } = source({ auto_converge_throttle: 3 });
        const departure = await departureOf(fake);
        await departure.throttleGuest({ initial: ratio(0.2), step: ratio(0.1), max: ratio(0.8) }, never);
        await departure.progress(never);
        now.stats = { auto_converge_throttle: 20 };
        await departure.progress(never);
        await departure.progress(never);
        expect(commands).toEqual([
            { 'cpu-throttle-initial': 20, 'cpu-throttle-increment': 17, 'max-cpu-throttle': 80 },
            { 'cpu-throttle-increment': 10 },
        ]);
    });

    test('is bounded before the first byte, and the bound is taken back where the migration fails', async () => {
        const { fake, commands } = source();
        fake.on(procedures.migratePerform, () => {
            throw new DaemonRefusal(9, 'no');
        });
        const departure = await departureOf(fake);
        const throttle = { initial: 0.2, step: 0.1, max: 0.6 };
        await expect(departure.perform(asked({ options: { throttle } }), prepared, never)).rejects.toThrow();
        expect(commands).toEqual([
            { 'cpu-throttle-initial': 20, 'cpu-throttle-increment': 10, 'max-cpu-throttle': 60 },
            { 'max-cpu-throttle': 99 },
        ]);
    });

    test('is refused where the monitor is denied, and where QEMU refuses it', async () => {
        const { fake } = source();
        const throttle = { initial: ratio(0.2), step: undefined, max: undefined };
        await expect((await departureOf(fake, 'deny')).throttleGuest(throttle, never)).rejects.toMatchObject({
            code: 'feature-missing',
            hint: expect.stringMatching(/monitor: allow/) as unknown,
        });
        fake.on(procedures.monitorCommand, () => ({ result: '{"error":{"desc":"out of range"}}' }));
        await expect((await departureOf(fake)).throttleGuest(throttle, never)).rejects.toMatchObject({ code: 'refused' });
    });
});

test('while disks are mirrored each has its share, and memory the cap once it is sent', async () => {
    const { fake, speeds } = source();
    const departure = await departureOf(fake);
    await departure.setBandwidth(rate(100), never);
    const options = { storage: [{ mode: 'copy', disks: ['vda', 'vdb'], cap: 30 * mebibyte }] } as const;
    await departure.perform(asked({ options }), prepared, never);
    expect(speeds.map(([, mib]) => mib)).toEqual([100n, 30n]);
    fake.connections[1]!.tell('monitor', { callbackId: 1, dom, event: 'MIGRATION', seconds: 1n, micros: 0, details: '{"status":"setup"}' });
    await expect.poll(() => speeds.map(([, mib]) => mib)).toEqual([100n, 30n, 100n]);
});

test('in post-copy requests are told, and what libvirt calls downtime is not', async () => {
    const { fake } = source({ memory_postcopy_requests: 12 });
    const departure = await departureOf(fake);
    expect((await departure.progress(never))?.postcopyRequests).toBe(12);
    const there = fake.connections[1]!;
    there.tell('monitor', { callbackId: 1, dom, event: 'MIGRATION', seconds: 1n, micros: 0, details: '{"status":"postcopy-active"}' });
    there.tell('jobCompleted', { callbackId: 21, dom, params: [ullongParam('downtime', 5), ullongParam('memory_postcopy_requests', 14)] });
    for await (const event of departure.events) {
        if (event.type !== 'job-completed') continue;
        expect(event.summary).toMatchObject({ downtimeMs: undefined, postcopyRequests: 14 });
        break;
    }
});

test('a post-copy that is taken up again asks for that alone, and takes the stopped guest for no paused one', async () => {
    const { fake } = source();
    fake.on(procedures.domainGetState, () => ({ state: 3, reason: 13 }));
    const departure = await departureOf(fake);
    const begun = await departure.begin(asked({ postcopy: true, options: { tls: true, streams: 2 } }, { resume: true }), never);
    expect(begun.paused).toBe(false);
    const { args } = fake.asked.find(({ name }) => name === 'domainMigrateBegin3Params')!;
    expect(args).toMatchObject({ flags: 1 | 256 | 512 | 32768 | 524288 });
});
