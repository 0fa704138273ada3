import { expect, test } from 'vitest';
import { host, snapshot } from '../testing/builders.js';
import { program } from '../testing/program.js';
import { hostsTooOld } from './mig401-host-too-old.js';

test('each part of a host that is too old is named, and what is not known is let be', () => {
    const old = snapshot(
        [host('a', { versions: { libvirt: '8.0.0', qemu: '6.2.0' } }), host('b', { versions: { libvirt: undefined, qemu: undefined } })],
        [],
    );
    expect(hostsTooOld(program([]), old).map((f) => f.message)).toEqual([
        'a runs libvirt 8.0.0, and 9.0.0 or later is needed',
        'a runs QEMU 6.2.0, and 7.2.0 or later is needed',
    ]);
});

test('a simulated host has no version that matters', () => {
    expect(hostsTooOld(program([]), snapshot([host('a', { driver: 'simulated', versions: { libvirt: '1.0', qemu: '1.0' } })], []))).toEqual(
        [],
    );
});
