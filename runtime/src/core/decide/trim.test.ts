import { fc, test as property } from '@fast-check/vitest';
import { bytes, bytesPerSecond, epochMs, mebibyte } from '@mig/language';
import { expect, test } from 'vitest';
import { trimmed, type TrimState } from './trim.js';

const step = bytesPerSecond(mebibyte);
const lookMs = 200;

/** What a hypervisor sends that sends a portion at a time until a tenth of its cap has gone out, ten times a second. */
function sentIn(setting: number, ms: number, portion: number): number {
    return ((Math.ceil(setting / 10 / portion) * portion) / 100) * ms;
}

/** Rates over all stretches of 2 s, as shares of the cap, from the first second on. */
function played(share: number, portion: number, looks: readonly number[], slowest = Infinity): readonly number[] {
    let state: TrimState | undefined;
    let setting = share;
    let sent = 0;
    let at = 0;
    const line = [{ at, sent }];
    for (const late of looks) {
        const ms = lookMs + late;
        sent += Math.min(sentIn(setting, ms, portion), (slowest * ms) / 1000);
        at += ms;
        line.push({ at, sent });
        ({ state, setting } = trimmed(state, { share: bytesPerSecond(share), at: epochMs(at), sent: bytes(sent) }, step));
    }
    return line.flatMap((first) => {
        const last = line.find((l) => l.at >= first.at + 2000);
        return first.at >= 1000 && last ? [((last.sent - first.sent) * 1000) / (last.at - first.at) / share] : [];
    });
}

const looks = fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 60, maxLength: 60 });

property.prop([fc.integer({ min: 4, max: 1000 }), fc.integer({ min: 4_096, max: 131_400 }), looks])(
    'what is sent stays within 5 % of the share over any two seconds, however coarse the portions of the hypervisor',
    (mib, portion, late) => {
        for (const rate of played(mib * mebibyte, portion, late)) {
            expect(rate).toBeGreaterThan(0.95);
            expect(rate).toBeLessThan(1.05);
        }
    },
);

test('a link that is slower than the share is no reason to set more or less, and nothing is made up for it later', () => {
    const share = bytesPerSecond(20 * mebibyte);
    let state: TrimState | undefined;
    for (let n = 0; n < 10; n++) {
        const look = trimmed(state, { share, at: epochMs(n * lookMs), sent: bytes(n * mebibyte) }, step);
        expect(look.setting).toBe(share);
        state = look.state;
    }
    // A second's worth at twice the share is taken off at once, but for the tenth of a second that is let go.
    const look = trimmed(state, { share, at: epochMs(10 * lookMs), sent: bytes((9 + 16) * mebibyte) }, step);
    expect(look.setting).toBeLessThan(share);
    expect(look.setting).toBeGreaterThanOrEqual(share / 2);
});

test('another share begins a new balance', () => {
    const share = bytesPerSecond(8 * mebibyte);
    const before: TrimState = { share: bytesPerSecond(4 * mebibyte), at: epochMs(0), sent: 0 };
    expect(trimmed(before, { share, at: epochMs(400), sent: bytes(99 * mebibyte) }, step).setting).toBe(share);
});
