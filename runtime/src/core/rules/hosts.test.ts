import { expect, test } from 'vitest';
import { host, snapshot } from '../testing/builders.js';
import { program } from '../testing/program.js';
import { hostFindings, isBelow } from './hosts.js';

test.each([
    ['9.0.0', '9.0.0', false],
    ['10.0', '9.0.0', false],
    ['8.10.2', '9.0.0', true],
    ['7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)', '7.2.0', false],
    ['7.1.9', '7.2.0', true],
])('%s is below %s: %s', (version, floor, below) => {
    expect(isBelow(version, floor)).toBe(below);
});

test('each part of a host that is too old is named, and what is not known is let be', () => {
    const old = snapshot(
        [host('a', { versions: { libvirt: '8.0.0', qemu: '6.2.0' } }), host('b', { versions: { libvirt: undefined, qemu: undefined } })],
        [],
    );
    expect(hostFindings(program([]), old).map((f) => f.message)).toEqual([
        'a runs libvirt 8.0.0, and 9.0.0 or later is needed',
        'a runs qemu 6.2.0, and 7.2.0 or later is needed',
    ]);
});

test('a simulated host has no version that matters', () => {
    expect(
        hostFindings(program([]), snapshot([host('a', { driver: 'simulated', versions: { libvirt: '1.0', qemu: '1.0' } })], [])),
    ).toEqual([]);
});
