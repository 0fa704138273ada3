import { bytes } from '@mig/language';
import { expect, test } from 'vitest';
import { gib } from '../testing/builders.js';
import { provisionsText } from './provisions.js';

test('what a host provides is said in a few words, and nothing of what is not known', () => {
    expect(provisionsText()).toEqual([]);
    expect(provisionsText({ lockableMemory: 'unlimited', devices: [] })).toEqual([]);
    const pages = [{ pageSize: bytes(2 ** 21), memory: gib(4) }];
    expect(
        provisionsText({
            numaNodes: [
                { memory: gib(32), hugepages: pages },
                { memory: gib(32), hugepages: pages },
            ],
            lockManager: 'none',
            tlsCertificates: 'sending',
            node: '22.11.0',
            lockableMemory: gib(8),
            devices: ['gpu'],
            profiles: ['gold'],
        }),
    ).toEqual([
        '2 NUMA nodes',
        '8 GiB in huge pages of 2 MiB',
        'no lock manager',
        'TLS certificates to send with',
        'Node.js 22.11.0',
        '8 GiB can be locked',
        'device gpu',
        'profile gold',
    ]);
});
