/** Disks that go along, in the model: they come first, they load the wire, and what is written to them meanwhile is sent too. */
import { bytes, bytesPerSecond, mebibyte, milliseconds, ratio, type TechniqueOptions } from '@mig/language';
import { expect, test } from 'vitest';
import type { GuestMemory } from './copy-state.js';
import { advance } from './precopy.js';
import { predict } from './predict.js';
import { startCopy } from './start-copy.js';

const mib = (n: number) => bytes(n * mebibyte);
const rate = (n: number) => bytesPerSecond(n * mebibyte);
const disk = (target: string, size: number, allocated = size) =>
    ({ target, path: `/${target}`, kind: 'file', shared: false, readOnly: false, capacity: mib(size), allocated: mib(allocated) }) as const;
const guest = (facts: Partial<GuestMemory> = {}): GuestMemory => ({
    size: mib(100),
    zeroShare: ratio(0),
    dirtyRate: rate(0),
    hotSet: mib(0),
    pattern: 'cyclic',
    coldRate: rate(0),
    disks: [disk('vda', 200)],
    ...facts,
});
const copying = (cap?: number): TechniqueOptions => ({
    storage: [{ mode: 'copy', disks: ['vda'], ...(cap === undefined ? {} : { cap: cap * mebibyte }) }],
});
const after = (options: TechniqueOptions, ms: number, bandwidth = rate(100), of = guest()) =>
    advance(startCopy({ kind: 'precopy', options }, of), milliseconds(ms), bandwidth);

test('memory begins when every disk is there', () => {
    expect(after(copying(), 1_000).state).toMatchObject({ stage: 'mirroring', mirror: { left: mib(100) }, remaining: mib(100) });
    const { state, happened } = after(copying(), 2_500);
    expect(state).toMatchObject({ stage: 'copying', mirror: { left: 0 } });
    expect(happened.map(({ kind, afterMs }) => [kind, Math.round(afterMs)])).toEqual([['iteration', 2_000]]);
});

test('a cap of its own holds for disks alone', () => {
    expect(after(copying(50), 1_000).state.mirror?.left).toBe(mib(150));
    expect(after(copying(50), 4_500).state.remaining).toBeLessThan(mib(55));
});

test('all disks of a move have one speed: the least that any is allowed, and so many of them', () => {
    const options: TechniqueOptions = {
        storage: [
            { mode: 'copy', disks: ['vda', 'vdb'], cap: 10 * mebibyte },
            { mode: 'copy', disks: ['vdc'] },
        ],
    };
    const of = guest({ disks: [disk('vda', 100), disk('vdb', 100), disk('vdc', 100), disk('vdd', 100)] });
    expect(after(options, 1_000, rate(100), of).state.mirror).toMatchObject({ total: mib(300), left: mib(270) });
});

test('where each disk has a cap of its own, the slowest of them alone holds memory back', () => {
    const options: TechniqueOptions = {
        storage: [
            { mode: 'copy', disks: ['vda'], cap: 10 * mebibyte },
            { mode: 'copy', disks: ['vdb'] },
        ],
    };
    const disks = [disk('vda', 20), disk('vdb', 100)];
    const [own, alike] = [guest({ disks, ownDiskCaps: true }), guest({ disks })];
    expect(after(options, 1_000, rate(100), own).state.mirror).toMatchObject({ total: mib(120), left: mib(60) });
    expect(after(options, 1_000, rate(100), alike).state.mirror).toMatchObject({ left: mib(100) });
    const free: TechniqueOptions = { storage: [{ mode: 'copy', disks: ['vda', 'vdb'] }] };
    expect(after(free, 1_000, rate(100), own).state.mirror?.left).toBe(mib(20));
});

test('only what is allocated is sent, so that preseeded disks cost their difference alone', () => {
    const options: TechniqueOptions = { storage: [{ mode: 'preseeded', disks: ['vda'] }] };
    const [whole, difference] = [guest(), guest({ disks: [disk('vda', 200, 20)] })];
    const traffic = (of: GuestMemory) => predict({ kind: 'precopy', options }, of, rate(100)).traffic;
    expect(traffic(whole) - traffic(difference)).toBeCloseTo(mib(180), -5);
});

test('what the guest writes to its disks goes over the wire as well, and leaves less of it to memory', () => {
    const calm = predict({ kind: 'precopy', options: copying() }, guest(), rate(100));
    const busy = predict({ kind: 'precopy', options: copying() }, guest({ diskWrite: rate(40) }), rate(100));
    expect((busy.duration ?? 0) / (calm.duration ?? 1)).toBeGreaterThan(1.4);
    expect(busy.traffic).toBeGreaterThan(calm.traffic + mib(100));
});
