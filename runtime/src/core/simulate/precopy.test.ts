import { test as property, fc } from '@fast-check/vitest';
import { bytes, bytesPerSecond, mebibyte, milliseconds, ratio } from '@mig/language';
import { describe, expect, test } from 'vitest';
import { pauseGuest, startPrecopy, startStopAndCopy, type GuestMemory, type PrecopyState } from './copy-state.js';
import { idealMachine, qemuMachine, type CopyMachine } from './machine.js';
import { advance, switchToPostcopy, throttleGuest, timeToNextEvent } from './precopy.js';

const guest = (size: number, rest: Partial<GuestMemory> = {}): GuestMemory => ({
    size: bytes(size),
    zeroShare: ratio(0),
    dirtyRate: bytesPerSecond(0),
    hotSet: bytes(size),
    pattern: 'cyclic',
    coldRate: bytesPerSecond(0),
    ...rest,
});

/** Plays a copy at one bandwidth until all is sent or the time is up. */
function play(state: PrecopyState, bandwidth: number, limitMs = 3_600_000): { readonly ms: number; readonly state: PrecopyState } {
    let ms = 0;
    let now = state;
    while (now.stage !== 'sent' && ms < limitMs) {
        const wait = Math.min(timeToNextEvent(now, bytesPerSecond(bandwidth)), limitMs - ms);
        now = advance(now, milliseconds(wait), bytesPerSecond(bandwidth)).state;
        ms += wait;
    }
    return { ms, state: now };
}

describe('published cases', () => {
    test("SimGrid's unit test: 1.25e9 bytes at 1.25 GB/s take one second", () => {
        expect(play(startPrecopy(guest(1.25e9), milliseconds(30), idealMachine), 1.25e9).ms).toBeCloseTo(1000, 3);
    });
    test.each([
        [128, 32],
        [256, 16],
        [512, 8],
    ])("Clark's stop-and-copy of 512 MB at %i Mbit/s takes %i s, all of it downtime", (mbits, seconds) => {
        const end = play(startStopAndCopy(guest(512e6), idealMachine), (mbits * 1e6) / 8);
        expect(end.ms).toBeCloseTo(seconds * 1000, 3);
        expect(end.state.stoppedFor).toBeCloseTo(seconds * 1000, 3);
    });
    test.each([
        { mu: 1024, bw: 119, cold: 2, hot: 20, period: 2 },
        { mu: 2048, bw: 119, cold: 1, hot: 60, period: 1 },
        { mu: 4096, bw: 300, cold: 10, hot: 100, period: 1 },
    ])("mVM's duration of $mu MiB at $bw MiB/s is met within its own error of 6.5 %", ({ mu, bw, cold, hot, period }) => {
        const stop = 0.03;
        const dmin = mu / bw;
        const coldDuration = (dmin * cold) / (bw - cold);
        const hotRate = hot / period - cold;
        const hotDuration = hot / bw + (hot - stop * bw) / (bw - hotRate);
        const published = dmin + coldDuration + hotDuration + stop;
        const memory = guest(mu * mebibyte, {
            hotSet: bytes(hot * mebibyte),
            dirtyRate: bytesPerSecond((hot / period) * mebibyte),
            coldRate: bytesPerSecond(cold * mebibyte),
        });
        const seconds = play(startPrecopy(memory, milliseconds(30)), bw * mebibyte).ms / 1000;
        expect(Math.abs(seconds - published) / published).toBeLessThan(0.065);
    });
    test('a guest that writes 50,000 pages a second does not converge at 1 Gbit/s, as seen on QEMU 7.2', () => {
        const memory = guest(640 * mebibyte, { dirtyRate: bytesPerSecond(50_000 * 4096), hotSet: bytes(512 * mebibyte) });
        const end = play(startPrecopy(memory, milliseconds(300)), 0.94e9 / 8, 120_000);
        expect(end.state.stage).toBe('copying');
    });
});

describe('the loop', () => {
    test('zero pages cost nine bytes each', () => {
        const end = play(startPrecopy(guest(256 * mebibyte, { zeroShare: ratio(0.5) }), milliseconds(300)), 125e6);
        expect(end.state.transferred).toBeCloseTo(32_768 * 4104 + 32_768 * 9 + qemuMachine.deviceState, -1);
        expect(end.ms).toBeGreaterThan(1070);
        expect(end.ms).toBeLessThan(1150);
    });
    test('a greater downtime limit ends it sooner', () => {
        const memory = guest(256 * mebibyte, { dirtyRate: bytesPerSecond(60e6), hotSet: bytes(64 * mebibyte) });
        const patient = play(startPrecopy(memory, milliseconds(50)), 100e6);
        const hasty = play(startPrecopy(memory, milliseconds(500)), 100e6);
        expect(hasty.ms).toBeLessThan(patient.ms);
        expect(hasty.state.stoppedFor).toBeGreaterThan(patient.state.stoppedFor);
    });
    test('no bandwidth: nothing ever happens', () => {
        const state = startPrecopy(guest(mebibyte), milliseconds(300));
        expect(timeToNextEvent(state, bytesPerSecond(0))).toBe(Infinity);
        expect(advance(state, milliseconds(1000), bytesPerSecond(0)).state.remaining).toBe(mebibyte);
    });
    test('a guest that writes at random dirties fewer pages than one that writes in turn', () => {
        const memory = guest(256 * mebibyte, { dirtyRate: bytesPerSecond(40e6), hotSet: bytes(64 * mebibyte) });
        const inTurn = advance(startPrecopy(memory, milliseconds(10)), milliseconds(1000), bytesPerSecond(100e6)).state;
        const atRandom = advance(
            startPrecopy({ ...memory, pattern: 'random' }, milliseconds(10)),
            milliseconds(1000),
            bytesPerSecond(100e6),
        ).state;
        expect(atRandom.dirtyHot).toBeLessThan(inTurn.dirtyHot);
    });
});

const machines = fc.constantFrom<CopyMachine>(idealMachine, qemuMachine);
const guests = fc
    .record({
        size: fc.integer({ min: 1, max: 4096 }),
        zero: fc.integer({ min: 0, max: 100 }),
        dirty: fc.integer({ min: 0, max: 400 }),
        hot: fc.integer({ min: 0, max: 100 }),
    })
    .map(({ size, zero, dirty, hot }) =>
        guest(size * mebibyte, {
            zeroShare: ratio(zero / 100),
            dirtyRate: bytesPerSecond(dirty * mebibyte),
            hotSet: bytes((size * mebibyte * hot) / 100),
        }),
    );

describe('of any guest', () => {
    property.prop([
        guests,
        machines,
        fc.integer({ min: 1, max: 2000 }),
        fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 1, maxLength: 8 }),
    ])('what is sent is never more than the bandwidth allows, nor what remains more than the memory', (memory, machine, limit, rates) => {
        let state = startPrecopy(memory, milliseconds(limit), machine);
        for (const rate of rates) {
            const before = state.transferred;
            state = advance(state, milliseconds(700), bytesPerSecond(rate * mebibyte)).state;
            const allowed = rate * mebibyte * 0.7;
            expect(state.transferred - before).toBeLessThanOrEqual(allowed * (1 + 1e-9) + machine.deviceState);
            expect(state.remaining).toBeGreaterThanOrEqual(0);
            expect(state.remaining).toBeLessThanOrEqual(memory.size);
        }
    });
    property.prop([guests, fc.integer({ min: 10, max: 1000 }), fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 1000 })])(
        'what was sent is all of the memory once, and what was dirtied again',
        (memory, limit, rate) => {
            const end = play(startPrecopy(memory, milliseconds(limit)), rate * mebibyte, 600_000);
            const sentOfMemory = end.state.normalBytes + end.state.zeroBytes;
            if (end.state.stage === 'sent') expect(sentOfMemory).toBeGreaterThanOrEqual(memory.size * (1 - 1e-9));
            else expect(sentOfMemory + end.state.remaining).toBeGreaterThanOrEqual(memory.size * (1 - 1e-9));
            expect(end.state.zeroBytes).toBeLessThanOrEqual(memory.size * memory.zeroShare * (1 + 1e-9));
        },
    );
    property.prop([guests, fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 900 })])(
        'one advance over a time is the same as two over its parts',
        (memory, rate, cut) => {
            const start = startPrecopy(memory, milliseconds(300));
            const bandwidth = bytesPerSecond(rate * mebibyte);
            const whole = advance(start, milliseconds(1000), bandwidth).state;
            const parts = advance(advance(start, milliseconds(cut), bandwidth).state, milliseconds(1000 - cut), bandwidth).state;
            expect(parts.stage).toBe(whole.stage);
            expect(parts.iteration).toBe(whole.iteration);
            expect(parts.transferred).toBeCloseTo(whole.transferred, 0);
        },
    );
    property.prop([guests, fc.integer({ min: 10, max: 1000 }), fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 500 })])(
        'more bandwidth never makes it slower',
        (memory, limit, rate, more) => {
            const slow = play(startPrecopy(memory, milliseconds(limit)), rate * mebibyte, 300_000);
            const fast = play(startPrecopy(memory, milliseconds(limit)), (rate + more) * mebibyte, 300_000);
            expect(fast.ms).toBeLessThanOrEqual(slow.ms + qemuMachine.lookEvery);
        },
    );
});

describe('after a switch to post-copy', () => {
    const anyGuest = fc.record({
        size: fc.integer({ min: 64, max: 4096 }),
        hot: fc.double({ min: 0.01, max: 1, noNaN: true }),
        dirty: fc.integer({ min: 0, max: 2000 }),
        zero: fc.double({ min: 0, max: 0.9, noNaN: true }),
        mbits: fc.integer({ min: 50, max: 25_000 }),
        switchAfterMs: fc.integer({ min: 0, max: 20_000 }),
    });
    property.prop([anyGuest])('every page crosses at most once more, whatever the guest writes', (g) => {
        const memory = guest(g.size * mebibyte, {
            hotSet: bytes(g.size * g.hot * mebibyte),
            dirtyRate: bytesPerSecond(g.dirty * mebibyte),
            zeroShare: ratio(g.zero),
        });
        const bandwidth = bytesPerSecond((g.mbits * 1e6) / 8);
        const before = advance(startPrecopy(memory, milliseconds(1)), milliseconds(g.switchAfterMs), bandwidth).state;
        const switched = switchToPostcopy(before);
        const end = play(switched, bandwidth).state;
        expect(end.stage).toBe('sent');
        const after = end.transferred - before.transferred;
        if (before.stage === 'copying') expect(after).toBeLessThanOrEqual(memory.size * (1 + 8 / 4096) + qemuMachine.deviceState + 1);
        else expect(switched).toBe(before);
    });
    test('the guest stands still only while what it needs to run is sent', () => {
        const busy = guest(512 * mebibyte, { dirtyRate: bytesPerSecond(200 * mebibyte) });
        const link = 125e6;
        const end = play(switchToPostcopy(startPrecopy(busy, milliseconds(300))), link).state;
        const { stopSetUp, deviceState, inFlight } = qemuMachine;
        expect(end.stoppedFor).toBeCloseTo(stopSetUp + ((deviceState + inFlight) / link) * 1000, 3);
        expect(end.pageRequests).toBeGreaterThan(0);
    });
    test('hybrid sends no page more than twice', () => {
        const busy = guest(512 * mebibyte, { dirtyRate: bytesPerSecond(800 * mebibyte) });
        let state = startPrecopy(busy, milliseconds(300));
        while (state.iteration < 2) state = advance(state, timeToNextEvent(state, bytesPerSecond(25e6)), bytesPerSecond(25e6)).state;
        const end = play(switchToPostcopy(state), 25e6).state;
        expect(end.normalBytes).toBeLessThanOrEqual(2 * busy.size + 1);
    });
});

describe('what slows or stops a guest', () => {
    const busy = guest(256 * mebibyte, { dirtyRate: bytesPerSecond(60 * mebibyte), hotSet: bytes(64 * mebibyte) });
    const settings = { initial: ratio(0.2), step: ratio(0.1), max: ratio(0.8) };
    test('the throttle rises by its steps, to its most', () => {
        const wild = throttleGuest(startPrecopy({ ...busy, dirtyRate: bytesPerSecond(6000 * mebibyte) }, milliseconds(30)), settings);
        const shares = [10, 20, 30, 120].map((s) => advance(wild, milliseconds(s * 1000), bytesPerSecond(25e6)).state.throttle?.share ?? 0);
        expect(shares).toEqual([...shares].sort((a, b) => a - b));
        expect(shares.at(-1)).toBeCloseTo(0.8, 9);
    });
    test('a guest that writes little is not throttled', () => {
        const calm = throttleGuest(startPrecopy({ ...busy, dirtyRate: bytesPerSecond(mebibyte) }, milliseconds(30)), settings);
        expect(play(calm, 25e6).state.throttle?.share).toBe(0);
    });
    test('what the pause finds is sent, and nothing after it', () => {
        const half = advance(startPrecopy(busy, milliseconds(30)), milliseconds(30_000), bytesPerSecond(25e6)).state;
        expect(half.stage).toBe('copying');
        const { ms, state } = play(pauseGuest(half), 25e6);
        expect(state.normalBytes - half.normalBytes).toBeLessThanOrEqual(2 * busy.hotSet);
        expect(state.stoppedFor).toBeCloseTo(ms, 3);
    });
});
