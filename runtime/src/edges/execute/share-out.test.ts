import { bytes, bytesPerSecond, milliseconds, type BytesPerSecond } from '@mig/language';
import { describe, expect, test } from 'vitest';
import { libvirtStep, pulseMs, qemuPortion, tenthMs, type PlannedMove, type Progress } from '../../core/index.js';
import type { Departure } from '../hypervisor/port.js';
import type { Untimed } from './ports.js';
import { ShareOut } from './share-out.js';
import { bench, guest, inventoryOf, mibPerSecond, moveOf, planOf } from './testing.js';

const vms = ['vm0', 'vm1'].map((name) => guest(name));
const [one, two] = vms.map((vm) => moveOf(vm, 'a', 'b')) as [PlannedMove, PlannedMove];
const total = { scope: 'total', of: undefined, rate: mibPerSecond(60), kind: 'cap', because: { text: 'test' } } as const;
const never = new AbortController().signal;

/** The caps of a source's host, as it is asked for them and answers. */
function departure(answer: (asked: BytesPerSecond | undefined) => Promise<BytesPerSecond | undefined>): Departure {
    return { setBandwidth: async (asked: BytesPerSecond | undefined) => ({ got: await answer(asked) }) } as unknown as Departure;
}

test('a move that has just begun is judged by its cap once that has been set again, since its host may have begun with an earlier one', async () => {
    const { ports } = bench(inventoryOf({ a: vms, b: [] }));
    const told: Untimed[] = [];
    const shares = new ShareOut(planOf([one, two], { caps: [total] }), ports, (event) => told.push(event));
    const apart = (): unknown[] => told.filter((event) => (event.type === 'setting-applied' && !event.agrees) || event.type === 'note');
    await shares.join(one, departure(Promise.resolve.bind(Promise)), never);
    let first: BytesPerSecond | undefined;
    await shares.join(
        two,
        departure((asked) => Promise.resolve((first ??= asked))),
        never,
    );
    await shares.leave(one.id, never);
    expect(apart()).toEqual([]);
    await shares.confirm(two.id, never);
    expect(apart()).toMatchObject([{ move: two.id, asked: mibPerSecond(60), got: first }, { level: 'warning' }]);
});

describe('a move that ends while its cap is being set', () => {
    /** libvirt forgets the cap of a guest that has gone, and says then that it is unlimited. */
    test.each([
        ['is not judged by what its host says of it then', () => Promise.resolve(undefined)],
        ['is not complained of where its host knows it no more', () => Promise.reject(new Error('no such VM'))],
    ])('%s', async (_, afterwards: () => Promise<undefined>) => {
        const { ports } = bench(inventoryOf({ a: vms, b: [] }));
        const told: Untimed[] = [];
        const shares = new ShareOut(planOf([one, two], { caps: [total] }), ports, (event) => told.push(event));
        let asked = (): void => undefined;
        const isAsked = new Promise<void>((resolve) => (asked = resolve));
        let answer = (): void => undefined;
        const mayAnswer = new Promise<void>((resolve) => (answer = resolve));
        await shares.join(one, departure(Promise.resolve.bind(Promise)), never);
        let settings = 0;
        await shares.join(
            two,
            departure(async (rate) => {
                settings += 1;
                if (settings === 1) return rate;
                asked();
                await mayAnswer;
                return afterwards();
            }),
            never,
        );
        const leaving = shares.leave(one.id, never);
        await isAsked;
        const left = shares.leave(two.id, never);
        answer();
        await Promise.all([leaving, left]);
        expect(told.filter((event) => event.type === 'note')).toEqual([]);
        expect(told.filter((event) => event.type === 'setting-applied' && !event.agrees)).toEqual([]);
        expect(settings).toBe(2);
    });
});

test('what a host says of a cap while the move ends is not judged: it is asked once more, and has ended by then', async () => {
    const { ports } = bench(inventoryOf({ a: vms, b: [] }));
    const told: Untimed[] = [];
    const shares = new ShareOut(planOf([one, two], { caps: [total] }), ports, (event) => told.push(event));
    await shares.join(one, departure(Promise.resolve.bind(Promise)), never);
    let ends = false;
    let first: BytesPerSecond | undefined;
    await shares.join(
        two,
        departure((asked) => Promise.resolve(ends ? first : (first = asked))),
        never,
    );
    await shares.confirm(two.id, never);
    ends = true;
    const leaving = shares.leave(one.id, never);
    await ports.clock.sleep(milliseconds(50), never);
    await Promise.all([leaving, shares.leave(two.id, never)]);
    expect(told.filter((event) => event.type === 'note' || (event.type === 'setting-applied' && !event.agrees))).toEqual([]);
});

test('what a move has sent ahead at its stop is over before the others have its share', async () => {
    const { ports } = bench(inventoryOf({ a: vms, b: [] }));
    const hosts = ports.inventory.hosts.map((host) => ({ ...host, driver: 'libvirt' as const }));
    const shares = new ShareOut(
        planOf([one, two], { caps: [total] }),
        { ...ports, inventory: { ...ports.inventory, hosts } },
        () => undefined,
    );
    const set: { readonly at: number; readonly asked: BytesPerSecond | undefined }[] = [];
    await shares.join(one, departure(Promise.resolve.bind(Promise)), never);
    await shares.join(
        two,
        departure((asked) => {
            set.push({ at: ports.clock.now(), asked });
            return Promise.resolve(asked);
        }),
        never,
    );
    const began = ports.clock.now();
    await shares.leave(one.id, never);
    expect(set.at(-1)).toEqual({ at: began + 100, asked: mibPerSecond(60) });
});

describe('of a share between what two settings let through', () => {
    const cap = { ...total, rate: mibPerSecond(8) };
    const progress = (sent: number, rate: BytesPerSecond, ofDisks?: number): Progress => ({
        total: bytes(sent),
        remaining: bytes(0),
        transferred: bytes(sent),
        rate,
        dirtyRate: undefined,
        iteration: 1,
        throttle: undefined,
        cap: undefined,
        eta: undefined,
        ...(ofDisks !== undefined && { disks: { total: bytes(ofDisks), remaining: bytes(0), sent: bytes(ofDisks) } }),
    });

    /** What a host like QEMU is told, with the times of the clock, while it is looked at. */
    async function told(
        takes: (at: number, mib: number) => boolean,
        ofDisks = (_look: number) => 0,
        inForce = cap,
    ): Promise<readonly { readonly at: number; readonly mib: number }[]> {
        const { ports } = bench(inventoryOf({ a: vms, b: [] }));
        const hosts = ports.inventory.hosts.map((host) => ({ ...host, driver: 'libvirt' as const }));
        const shares = new ShareOut(
            planOf([one], { caps: [inForce] }),
            { ...ports, inventory: { ...ports.inventory, hosts } },
            () => undefined,
        );
        const settings: { readonly at: number; readonly mib: number }[] = [];
        const host = departure((asked) => {
            settings.push({ at: ports.clock.now(), mib: (asked ?? 0) / libvirtStep });
            return takes(ports.clock.now(), (asked ?? 0) / libvirtStep) ? Promise.resolve(asked) : Promise.reject(new Error('not now'));
        });
        await shares.join(one, host, never);
        const began = ports.clock.now();
        let [sent, rate] = [0, 0];
        let tenths = { begun: 0, last: 0 };
        for (let look = 0; look < 30; look += 1) {
            // At the start of each tenth a tenth of the setting goes out, after what the one before has less than that.
            for (; began + 50 + tenths.begun * tenthMs <= ports.clock.now(); tenths.begun++) {
                const begins = began + 50 + tenths.begun * tenthMs;
                const setting = settings.findLast(({ at }) => at <= begins)?.mib ?? 0;
                const goes = (Math.floor((setting * libvirtStep) / 10 / qemuPortion) + 1) * qemuPortion;
                sent += goes + (tenths.begun === 0 ? 0 : Math.max(0, goes - tenths.last));
                rate = Math.max(tenths.last, goes) * 10;
                tenths = { begun: tenths.begun, last: goes };
            }
            const disks = ofDisks(look);
            const told = progress(sent + disks, bytesPerSecond(rate), disks || undefined);
            const lookIn = await shares.measured(one.id, told, never).catch(() => milliseconds(200));
            await ports.clock.sleep(lookIn, never);
        }
        return settings;
    }

    /** From the first that went back after the time of a pulse on. */
    const pulses = (settings: Awaited<ReturnType<typeof told>>) =>
        settings.slice(settings.findIndex(({ at }, n) => (settings[n + 1]?.at ?? NaN) - at === pulseMs));

    test('the higher one is set for a moment now and then, and goes back by itself', async () => {
        const settings = await told(() => true);
        expect(settings.slice(0, 3).map(({ mib }) => mib)).toEqual([8, 7, 8]);
        const since = pulses(settings);
        expect(since.length).toBeGreaterThan(10);
        for (const [i, { at, mib }] of since.entries()) {
            expect(mib).toBe(i % 2 === 0 ? 8 : 7);
            if (i % 2 === 1) expect(at - (since[i - 1]?.at ?? NaN)).toBe(pulseMs);
        }
    });

    test('one between whole MiB/s is set rounded down, and met by the step above it for tenths of a second', async () => {
        const settings = await told(() => true, undefined, { ...total, rate: bytesPerSecond(100e6 / 8) });
        expect(settings[0]?.mib).toBe(11);
        const since = pulses(settings);
        expect(since.length).toBeGreaterThan(10);
        expect(new Set(since.map(({ mib }) => mib))).toEqual(new Set([11, 12]));
    });

    test('an empty disk that has passed at once takes nothing from the memory that is sent after it', async () => {
        const settings = await told(
            () => true,
            (look) => (look === 0 ? 0 : 2 ** 40),
        );
        expect(Math.min(...settings.map(({ mib }) => mib))).toBe(7);
    });

    test('where the host did not take it back, the next look sets it again', async () => {
        let before = NaN;
        let refused = NaN;
        const settings = await told((at, mib) => {
            const isBack = mib === 7 && at - before === pulseMs && Number.isNaN(refused);
            before = at;
            if (isBack) refused = at;
            return !isBack;
        });
        // It may begin with another pulse.
        const again = settings.find(({ at, mib }) => at > refused && mib === 7);
        expect((again?.at ?? NaN) - refused).toBeLessThanOrEqual(200);
    });
});
