import { expect, test } from 'vitest';
import { fingerprint } from './search.js';

test('two kinds of VMs that change places between two hosts are another situation', () => {
    const hosts = Array.from({ length: 26 }, (_, i) => String.fromCharCode(97 + i));
    const same: string[] = [];
    for (const one of hosts)
        for (const other of hosts)
            for (let kind = 0; kind < 12; kind++) {
                if (one >= other) continue;
                const straight = fingerprint(one, kind) + fingerprint(other, kind + 1);
                const crossed = fingerprint(other, kind) + fingerprint(one, kind + 1);
                if (straight === crossed) same.push(`${one} and ${other}, kinds ${kind} and ${kind + 1}`);
            }
    expect(same).toEqual([]);
});
