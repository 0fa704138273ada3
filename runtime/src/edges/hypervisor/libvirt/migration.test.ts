import { fc, test } from '@fast-check/vitest';
import { bytesPerSecond, mebibyte } from '@mig/language';
import { describe, expect } from 'vitest';
import type { MoveTechnique } from '../../../core/index.js';
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
    expect(flagsFor(parameters, 'destination')).toBe(1 | 8 | 16);
    expect(flagsFor({ ...parameters, persistent: false }, 'destination')).toBe(1);
    expect(flagsFor({ ...parameters, persistent: false, unsafe: true }, 'destination')).toBe(1 | 512);
});

test("the destination's own word for where it listens replaces ours", () => {
    const begin = new ParamReader(paramsFor(parameters, 'source'));
    expect([begin.string('migrate_uri'), begin.string('listen_address')]).toEqual(['tcp:10.0.0.2', '10.0.0.2']);
    const perform = new ParamReader(paramsFor(parameters, 'source', { xml: '<domain/>', uri: 'tcp:10.0.0.2:49152' }));
    expect([perform.string('migrate_uri'), perform.string('destination_xml')]).toEqual(['tcp:10.0.0.2:49152', '<domain/>']);
});

describe('a technique, as libvirt is asked for it', () => {
    const asked = (technique: MoveTechnique) => ({ ...parameters, technique });
    const precopy = (options: MoveTechnique['options']) => asked({ live: true, postcopy: false, options });
    const more = (of: MoveParameters, side: 'source' | 'destination') =>
        paramsFor(of, side)
            .slice(2)
            .map(({ name, value }) => [name, value.type, Number(value.value) || value.value]);

    test('post-copy never takes the definition along nor away: that is done once the guest has arrived', () => {
        const postcopy = asked({ live: true, postcopy: true, options: {} });
        expect([flagsFor(postcopy, 'source'), flagsFor(postcopy, 'destination')]).toEqual([1 | 256 | 32768, 1 | 32768]);
    });

    test('stop-and-copy lacks the flag LIVE, by which libvirt pauses the guest first', () => {
        expect(flagsFor(asked({ live: false, postcopy: false, options: {} }), 'source')).toBe(8 | 16 | 256);
    });

    test.each([
        ['streams', { streams: 4 }, 131072, [['parallel.connections', 'int', 4]]],
        [
            'zstd with a level',
            { streams: 2, compression: { method: 'zstd', level: 3 } },
            131072 | 2048,
            [
                ['parallel.connections', 'int', 2],
                ['compression', 'string', 'zstd'],
                ['compression.zstd.level', 'int', 3],
            ],
        ],
        [
            'zlib',
            { streams: 2, compression: { method: 'zlib' } },
            131072 | 2048,
            [
                ['parallel.connections', 'int', 2],
                ['compression', 'string', 'zlib'],
            ],
        ],
        [
            'xbzrle with a cache',
            { xbzrleCache: 67108864 },
            2048,
            [
                ['compression', 'string', 'xbzrle'],
                ['compression.xbzrle.cache', 'ullong', 67108864],
            ],
        ],
        [
            "QEMU's old compression",
            { compression: { method: 'mt', level: 6 } },
            2048,
            [
                ['compression', 'string', 'mt'],
                ['compression.mt.level', 'int', 6],
            ],
        ],
        ['no compression', { compression: { method: 'none' } }, 0, []],
        ['TLS', { tls: true }, 65536, []],
        [
            'disks that are copied',
            {
                storage: [
                    { mode: 'copy', disks: ['vda', 'vdb'] },
                    { mode: 'shared', disks: ['vdc'] },
                ],
            },
            64,
            [
                ['migrate_disks', 'string', 'vda'],
                ['migrate_disks', 'string', 'vdb'],
            ],
        ],
        ['disks whose base is there', { storage: [{ mode: 'preseeded', disks: ['vda'] }] }, 128, [['migrate_disks', 'string', 'vda']]],
    ] as const)('%s, at both sides alike', (_what, options, flags, params) => {
        for (const side of ['source', 'destination'] as const) {
            expect(more(precopy(options), side)).toEqual(params);
            expect(flagsFor(precopy(options), side) & ~(1 | 8 | 16 | 256)).toBe(flags);
        }
    });

    test('throttling is asked of the source alone, in per cent', () => {
        const throttle = precopy({ throttle: { initial: 0.2, step: 0.1, max: undefined } });
        expect([flagsFor(throttle, 'source') & 8192, flagsFor(throttle, 'destination') & 8192]).toEqual([8192, 0]);
        expect(more(throttle, 'source')).toEqual([
            ['auto_converge.initial', 'int', 20],
            ['auto_converge.increment', 'int', 10],
        ]);
        expect(more(throttle, 'destination')).toEqual([]);
    });

    test('what it must never do is not asked for', () => {
        const never = precopy({ throttle: { initial: 0.2, step: undefined, max: undefined }, never: ['throttle'] });
        expect(flagsFor(never, 'source') & 8192).toBe(0);
        expect(more(never, 'source')).toEqual([]);
    });
});
