import { fc, test as property } from '@fast-check/vitest';
import { type BytesPerSecond, bytesPerSecond } from '@mig/language';
import { expect, test } from 'vitest';
import { diskSpeeds } from './disk-speeds.js';

const rates = (...all: readonly (number | undefined)[]) => all.map((one) => (one === undefined ? undefined : bytesPerSecond(one)));
const share = bytesPerSecond(90);

test.each([
    ['disks without caps share alike', [undefined, undefined, undefined], [30, 30, 30]],
    ['what a lower cap leaves is for the others', [10, undefined, undefined], [10, 40, 40]],
    ['caps that are low enough hold as they are', [20, 30], [20, 30]],
    ['the order of the disks stays', [undefined, 10], [80, 10]],
] as const)('%s', (_, caps, speeds) => {
    expect(diskSpeeds(rates(...caps), share)).toEqual([...speeds]);
});

test('without a share each has its own cap, or none', () => {
    expect(diskSpeeds(rates(undefined, 5), undefined)).toEqual([undefined, 5]);
});

const caps = fc.array(fc.option(fc.integer({ min: 1, max: 1000 }), { nil: undefined }), { minLength: 1, maxLength: 6 });

property.prop([caps, fc.integer({ min: 1, max: 2000 })])('together never more than the share, and none beyond its cap', (own, all) => {
    const speeds = diskSpeeds(rates(...own), bytesPerSecond(all)) as readonly BytesPerSecond[];
    expect(speeds.reduce((sum: number, one) => sum + one, 0)).toBeLessThanOrEqual(all * (1 + 1e-9));
    for (const [i, one] of speeds.entries()) expect(one).toBeLessThanOrEqual(own[i] ?? Infinity);
});
