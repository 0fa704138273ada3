import { fc, test } from '@fast-check/vitest';
import { bytesPerSecond, mebibyte } from '@mig/language';
import { expect } from 'vitest';
import type { MoveParameters } from '../port.js';
import { flagsFor, fromMib, paramsFor, toMib } from './migration.js';
import { ParamReader } from './typed-params.js';

const parameters: MoveParameters = {
    migrateUri: 'tcp:10.0.0.2',
    listenAddress: '10.0.0.2',
    downtimeLimit: undefined,
    persistent: true,
    unsafe: false,
    technique: { live: true, postcopy: false, options: {} },
};

test.prop([fc.double({ min: mebibyte, max: 1e11, noNaN: true })])('a cap is never exceeded, and misses by less than 1 MiB/s', (rate) => {
    const set = fromMib(toMib('kvm-a', bytesPerSecond(rate)));
    expect(set).toBeLessThanOrEqual(rate);
    expect(set).toBeGreaterThan(rate - mebibyte);
});

test('a cap below what libvirt can count is refused', () => {
    expect(() => toMib('kvm-a', bytesPerSecond(mebibyte - 1))).toThrow('cannot cap a migration below 1 MiB/s');
});

test('unlimited is a real value, and is read back as unlimited', () => {
    expect(toMib('kvm-a', undefined)).toBeGreaterThan(100_000);
    expect(fromMib(toMib('kvm-a', undefined))).toBeUndefined();
});

test('persistence travels by its flags, and UNSAFE only when asked', () => {
    expect(flagsFor(parameters)).toBe(1 | 8 | 16);
    expect(flagsFor({ ...parameters, persistent: false })).toBe(1);
    expect(flagsFor({ ...parameters, persistent: false, unsafe: true })).toBe(1 | 512);
});

test("the destination's own word for where it listens replaces ours", () => {
    const begin = new ParamReader(paramsFor(parameters));
    expect([begin.string('migrate_uri'), begin.string('listen_address')]).toEqual(['tcp:10.0.0.2', '10.0.0.2']);
    const perform = new ParamReader(paramsFor(parameters, { xml: '<domain/>', uri: 'tcp:10.0.0.2:49152' }));
    expect([perform.string('migrate_uri'), perform.string('destination_xml')]).toEqual(['tcp:10.0.0.2:49152', '<domain/>']);
});
