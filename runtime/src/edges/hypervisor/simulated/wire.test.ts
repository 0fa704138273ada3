import { bytes, bytesPerSecond, milliseconds, ratio } from '@mig/language';
import { describe, expect, test } from 'vitest';
import { startPrecopy } from '../../../core/simulate/copy-state.js';
import { idealMachine } from '../../../core/simulate/machine.js';
import { VirtualClock } from '../../execute/clock.js';
import { Wire } from './wire.js';

/** 100 MB that nobody writes to, over links of 100 MB/s: one second alone. */
const guest = {
    size: bytes(100e6),
    zeroShare: ratio(0),
    dirtyRate: bytesPerSecond(0),
    hotSet: bytes(0),
    pattern: 'cyclic' as const,
    coldRate: bytesPerSecond(0),
};
const capacities = new Map(['a out', 'b in', 'c in'].map((link) => [link, bytesPerSecond(100e6)]));

function bench() {
    const clock = new VirtualClock();
    const wire = new Wire(clock, capacities);
    const send = (id: string, to: string, cap?: number): Promise<number> =>
        new Promise((resolve) => {
            const onHappening = ({ kind }: { kind: string }) => {
                if (kind === 'sent') resolve(clock.now());
            };
            const state = startPrecopy(guest, milliseconds(0), idealMachine);
            wire.start({ id, links: ['a out', `${to} in`], onHappening }, state, {
                cap: cap === undefined ? undefined : bytesPerSecond(cap),
                postcopyCap: undefined,
            });
        });
    return { clock, wire, send };
}

describe('the simulated wire', () => {
    test('gives a transfer the whole link while it is alone', async () => {
        const { send } = bench();
        expect(await send('x', 'b')).toBeCloseTo(1000, 0);
    });
    test('shares a link among those that use it', async () => {
        const { send } = bench();
        const [x, y] = await Promise.all([send('x', 'b'), send('y', 'c')]);
        expect([x, y].map(Math.round)).toEqual([2000, 2000]);
    });
    test('lets one have what the cap of another leaves', async () => {
        const { send } = bench();
        const [x, y] = await Promise.all([send('x', 'b', 20e6), send('y', 'c')]);
        expect([x, y].map(Math.round)).toEqual([5000, 1250]);
    });
    test('takes a new cap while a transfer is under way', async () => {
        const { clock, wire, send } = bench();
        const x = send('x', 'b');
        await clock.sleep(milliseconds(500));
        wire.setCap('x', { cap: bytesPerSecond(10e6) });
        expect(Math.round(await x)).toBe(5500);
    });
    test('gives the link to the others when a transfer is stopped', async () => {
        const { clock, wire, send } = bench();
        const x = send('x', 'b');
        void send('y', 'c');
        await clock.sleep(milliseconds(1000));
        wire.stop('y');
        expect(Math.round(await x)).toBe(1500);
        expect(wire.look('y')).toBeUndefined();
    });
});
