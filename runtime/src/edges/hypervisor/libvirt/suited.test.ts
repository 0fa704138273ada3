import { expect, test } from 'vitest';
import type { MoveTechnique } from '../../../core/index.js';
import { HypervisorError } from '../errors.js';
import { refuseDeadlyResume, refuseUnsuited, withOptions } from './suited.js';

const technique = (options: MoveTechnique['options'], postcopy = false): MoveTechnique => ({ live: true, postcopy, options });
const bookworm = { libvirt: '9.0.0', qemu: '7.2.22' };
const newest = { libvirt: '12.0.0', qemu: '10.2.0' };
const zstd = technique({ streams: 2, compression: { method: 'zstd' } });

const refusal = (host: typeof bookworm, of: MoveTechnique, side: 'source' | 'destination' = 'source'): HypervisorError | undefined => {
    try {
        refuseUnsuited('kvm-a', host, of, side);
        return undefined;
    } catch (error) {
        return error as HypervisorError;
    }
};

test('a version that has not an option is named, with the one that has', () => {
    expect(refusal(bookworm, zstd)).toMatchObject({
        code: 'feature-missing',
        host: 'kvm-a',
        message: 'zstd compression cannot be used on kvm-a: kvm-a runs libvirt 9.0.0; it is not known there, and the move is refused',
        hint: 'use libvirt 9.4 or later on kvm-a, or take zstd compression out of the technique',
    });
    expect(refusal(newest, zstd)).toBeUndefined();
});

test('streams in post-copy are refused where QEMU takes the pair and loses the guest', () => {
    expect(refusal(bookworm, technique({ streams: 2 }, true))?.hint).toMatch(/use QEMU 10\.1 or later on kvm-a/);
    expect(refusal(newest, technique({ streams: 2 }, true))).toBeUndefined();
});

test('disks are never copied in post-copy, whatever the version', () => {
    const both = technique({ storage: [{ mode: 'copy', disks: ['vda'] }] }, true);
    for (const side of ['source', 'destination'] as const)
        expect(refusal(newest, both, side)?.message).toMatch(/a copy of disks and post-copy/);
});

test('an option that is merely ignored is no refusal', () => {
    expect(
        refusal({ libvirt: '9.4.0', qemu: '8.2.0' }, technique({ streams: 2, compression: { method: 'zstd', level: 5 } })),
    ).toBeUndefined();
});

test('some disks whole and some above their base is more than one move can', () => {
    const mixed = technique({
        storage: [
            { mode: 'copy', disks: ['vda'] },
            { mode: 'preseeded', disks: ['vdb'] },
        ],
    });
    expect(refusal(newest, mixed)?.hint).toBe('write all of vda, vdb as copy, or all as preseeded');
});

test('what libvirt itself refuses says which options the move asked for', () => {
    const native = { code: 74, domain: 10 };
    const error = withOptions(new HypervisorError('feature-missing', 'kvm-b', 'kvm-b: unsupported', { native }), zstd);
    expect(error).toMatchObject({ message: expect.stringMatching(/asked for parallel streams and zstd compression/) as unknown, native });
    const other = new HypervisorError('refused', 'kvm-b', 'no');
    expect(withOptions(other, zstd)).toBe(other);
});

test('a libvirt that would crash while it takes a post-copy up again is not asked to', () => {
    expect(() => refuseDeadlyResume('kvm-b', { libvirt: '11.3.0', qemu: '10.0.2' })).toThrow(/libvirt 11\.3\.0 may crash/);
    expect(() => refuseDeadlyResume('kvm-b', bookworm)).not.toThrow();
});

test('what a host lacks for TLS and for disks is told with its cure', () => {
    const refused = (message: string) => new HypervisorError('refused', 'kvm-b', message, { native: { code: 1, domain: 10 } });
    const tls = withOptions(refused('Unable to access credentials /etc/pki/qemu/ca-cert.pem'), technique({ tls: true }));
    expect(tls).toMatchObject({ code: 'feature-missing', hint: expect.stringMatching(/put ca-cert\.pem/) as unknown });
    const disk = withOptions(refused('pre-creation of storage targets failed'), technique({ storage: [{ mode: 'copy', disks: ['vda'] }] }));
    expect(disk).toMatchObject({ code: 'feature-missing', hint: expect.stringMatching(/make each image on kvm-b/) as unknown });
});
