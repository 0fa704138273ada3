/**
 * Every row of the version matrix is found where it holds, with the hosts and the version that would do. What policies have
 * words for is written as one; of the rest the rows are asked as the rules ask them.
 */
import { compileText, type Finding } from '@mig/language';
import { describe, expect, test } from 'vitest';
import { host, inventoryOf, snapshot } from '../testing/builders.js';
import { facilities, type Facility } from '../versions/facilities.js';
import { combinationFacts, pairFacts, versionFacts } from '../versions/matrix.js';
import { within } from '../versions/span.js';
import { hostFindings } from './index.js';
import { combinationsIn } from './mig406-options-apart.js';
import { isAsked, suspectsAmong, versionHint, versionMessage } from './version-rule.js';

/** A technique of the language, between a host `a` with these versions and a new one. */
async function found(using: string, versions: { readonly qemu?: string; readonly libvirt?: string }, to = 'b'): Promise<readonly string[]> {
    const text = `policy p {\n move vms on host "a"  to host "${to}"  using ${using}\n on failure report\n}`;
    const { program, findings } = await compileText({ uri: 'file:///test.mig', text });
    if (!program) throw new Error(findings.map(({ message }) => message).join('; '));
    const newest = { libvirt: '12.0.0', qemu: '10.2.0' };
    const seen = snapshot(
        [
            host('a', { versions: { ...newest, ...versions } }),
            host('b', { versions: newest }),
            host('c', { versions: { ...newest, qemu: '9.2.0' } }),
        ],
        [],
    );
    return [...findings, ...hostFindings({ program, inventory: inventoryOf(seen), snapshot: seen })]
        .filter(({ id }) => /^MIG4(0[2-6]|18)$/.test(id))
        .map(said);
}

/** Between hosts that all run this QEMU. */
async function foundOn(using: string, qemu: string): Promise<readonly string[]> {
    const text = `policy p {\n move vms on host "a"  to host "b"  using ${using}\n on failure report\n}`;
    const { program } = await compileText({ uri: 'file:///test.mig', text });
    if (!program) throw new Error('it does not compile');
    const seen = snapshot(
        [host('a', { versions: { libvirt: '12.0.0', qemu } }), host('b', { versions: { libvirt: '12.0.0', qemu: '9.0.4' } })],
        [],
    );
    return hostFindings({ program, inventory: inventoryOf(seen), snapshot: seen })
        .filter(({ id }) => /^MIG40[2-6]$/.test(id))
        .map(said);
}

const said = ({ id, message, hint = '' }: Finding): string => `${id} ${message.split(':')[0] ?? ''} | ${hint.split(';')[0] ?? ''}`;

describe('what a policy asks for', () => {
    test.each([
        [
            'a zstd level that is ignored',
            'precopy { streams 2  compression zstd level 9 }',
            '8.2.2',
            'MIG403 a zstd level on a (QEMU 8.2.2) | QEMU 9.0 or later would do',
        ],
        [
            'a zlib level that is ignored',
            'precopy { streams 2  compression zlib level 9 }',
            '7.2.22',
            'MIG403 a zlib level on a (QEMU 7.2.22) | QEMU 9.0 or later would do',
        ],
        [
            'streams with post-copy',
            'hybrid { streams 4 }',
            '10.0.2',
            'MIG404 parallel streams and post-copy on a (QEMU 10.0.2) | QEMU 10.1 or later would do',
        ],
        [
            'streams with a rung to post-copy',
            'precopy { streams 4  after 1 min: switch to postcopy }',
            '9.2.4',
            'MIG404 parallel streams and post-copy on a (QEMU 9.2.4) | QEMU 10.1 or later would do',
        ],
    ])('%s is found, with the host and the version that would do', async (_, using, qemu, finding) => {
        expect(await found(using, { qemu })).toEqual([finding]);
        expect(await found(using, { qemu: '10.2.0' })).toEqual([]);
    });

    test.each([
        ['compression mt', 'compression mt', '9.1.0', '9.0.4', "QEMU's old compression", 'QEMU before 9.1 would do'],
        ['switchover-ack', 'switchover-ack', '8.0.5', '8.1.0', 'the destination agreeing to the switchover', 'QEMU 8.1 or later would do'],
        ['dirty-limit', 'dirty-limit 40 MiB/s', '8.0.5', '8.1.0', 'a limit on what virtual CPUs write', 'QEMU 8.1 or later would do'],
        ['zero-copy', 'streams 2  zero-copy', '7.0.0', '7.1.0', 'sending without copying', 'QEMU 7.1 or later would do'],
    ])('%s is found where this QEMU does not have it', async (_, option, bad, good, name, hint) => {
        const using = `precopy { ${option}  after 5 min: abort }`;
        expect(await foundOn(using, bad)).toContain(`MIG402 ${name} on a (QEMU ${bad}) | ${hint}`);
        expect(await foundOn(using, good)).toEqual([]);
        expect(await foundOn(`precopy { ${option}  after 5 min: abort } otherwise precopy { after 5 min: abort }`, bad)).toEqual([]);
    });

    test('sending without copying needs a libvirt that has a flag for it', async () => {
        const using = 'precopy { streams 2  zero-copy }';
        expect(await found(using, { libvirt: '8.4.0' })).toContain(
            'MIG402 sending without copying on a (libvirt 8.4.0) | libvirt 8.5 or later would do',
        );
        expect(await found(using, { libvirt: '9.0.0' })).toEqual([]);
    });

    test('compression that this libvirt does not have is found', async () => {
        expect(await found('precopy { streams 2  compression zstd }', { libvirt: '9.3.0' })).toEqual([
            'MIG402 zstd compression on a (libvirt 9.3.0) | libvirt 9.4 or later would do',
        ]);
        expect(await found('precopy { streams 2  compression zlib }', { libvirt: '9.4.0' })).toEqual([]);
    });

    test('streams to the one release that does not understand older ones are found, from these alone', async () => {
        const hint = 'QEMU 9.0 or later at the source would do, or before 9.2, or 9.2.1 or later at the destination';
        expect(await found('precopy { streams 2 }', { qemu: '8.2.0' }, 'c')).toEqual([`MIG405 parallel streams from a to c | ${hint}`]);
        expect(await found('precopy { streams 2 }', { qemu: '9.0.0' }, 'c')).toEqual([]);
        expect(await found('precopy { streams 2 }', { qemu: '8.2.0' }, 'b')).toEqual([]);
        expect(await found('precopy', { qemu: '8.2.0' }, 'c')).toEqual([]);
    });

    test.each([
        ['precopy { streams 2  xbzrle cache 64 MiB }', 'MIG406 xbzrle compression and parallel streams | keep one of them'],
        ['precopy { compression zstd }', 'MIG406 zstd compression without parallel streams | add `streams 2`'],
        [
            'hybrid { storage copy "vda" }',
            'MIG406 a copy of disks and post-copy | use pre-copy where disks are copied, or put the disks on shared storage',
        ],
        [
            'agile { after 1 min: switch to postcopy }',
            'MIG406 memory that both hosts share and post-copy | take the switch to post-copy out of the ladder',
        ],
        ['rdma { streams 2 }', 'MIG406 RDMA and parallel streams | take `streams` out'],
        ['precopy { streams 4  zero-copy  tls }', 'MIG406 sending without copying and TLS | keep one of them'],
        ['precopy { streams 4  zero-copy  compression zstd }', 'MIG406 sending without copying and zstd compression | keep one of them'],
        ['precopy { streams 4  zero-copy  compression zlib }', 'MIG406 sending without copying and zlib compression | keep one of them'],
        ['precopy { zero-copy }', 'MIG406 sending without copying without parallel streams | add `streams 2`'],
        [
            'precopy { dirty-limit 40 MiB/s  throttle 20% }',
            'MIG406 a limit on what virtual CPUs write and CPU throttling | keep one of them',
        ],
        [
            'precopy { dirty-limit 40 MiB/s  when stalled for 3 iterations: throttle 20%  after 5 min: abort }',
            'MIG406 a limit on what virtual CPUs write and CPU throttling | keep one of them',
        ],
    ])('%s does not go together on any version', async (using, finding) => {
        expect((await found(using, {})).map((text) => text.split(': ')[0])).toEqual([finding.split(': ')[0]]);
    });

    test('the old compression goes neither with streams nor with xbzrle', async () => {
        const old = '9.0.4';
        expect(await foundOn('precopy { compression mt }', old)).toEqual([]);
        expect(await foundOn('precopy { streams 2  compression mt }', old)).toEqual([
            "MIG406 QEMU's old compression and parallel streams | write `compression zstd` for the streams, or take `streams` out",
        ]);
        expect(await foundOn('precopy { xbzrle cache 64 MiB  compression mt }', old)).toEqual([
            "MIG406 QEMU's old compression and xbzrle compression | keep one of them",
        ]);
    });

    test('what goes together is left alone', async () => {
        for (const options of [
            'streams 4  zero-copy',
            'dirty-limit 40 MiB/s  streams 4',
            'switchover-ack  dirty-limit 40 MiB/s  never throttle  when stalled for 3 iterations: throttle 20%',
        ])
            expect(await found(`precopy { ${options}  after 5 min: abort }`, {})).toEqual([]);
    });

    test('an xbzrle cache that is no power of two is found in the text', async () => {
        expect((await found('precopy { xbzrle cache 100 MiB }', {})).map((text) => text.slice(0, 6))).toEqual(['MIG418']);
        expect(await found('precopy { xbzrle cache 128 MiB }', {})).toEqual([]);
    });
});

describe('what QEMU has and the language has no word for', () => {
    const against = (asked: readonly Facility[], qemu: string, libvirt = '12.0.0'): readonly string[] =>
        suspectsAmong([{ host: 'a', versions: { qemu, libvirt } }], versionFacts)
            .filter(({ fact }) => isAsked(fact, new Set(asked)))
            .map(({ fact, hosts }) => `${versionMessage(fact, hosts).split(':')[0] ?? ''} | ${versionHint(fact).split(';')[0] ?? ''}`);

    test.each<[Facility, string, string, string]>([
        ['mapped-ram', '8.2.0', '9.0.0', 'a file with a fixed place for each page on a (QEMU 8.2.0) | QEMU 9.0 or later would do'],
    ])('%s', (facility, bad, good, message) => {
        expect(against([facility], bad)).toEqual([message]);
        expect(against([facility], good)).toEqual([]);
    });
});

describe('every row', () => {
    test.each(versionFacts.map((fact) => [fact.id, fact] as const))(
        '%s speaks against the versions that it names, and no others',
        (_, fact) => {
            const on = (version: string): boolean =>
                suspectsAmong([{ host: 'a', versions: { libvirt: undefined, qemu: undefined, [fact.part]: version } }], [fact]).length > 0;
            const { from, below } = fact.wrong;
            if (from !== undefined) expect([on(from), on('0.1')]).toEqual([true, false]);
            if (below !== undefined) expect([on(below), on('99.0')]).toEqual([false, false]);
            expect(on(from ?? '0.1')).toBe(true);
            expect(versionHint(fact)).toMatch(/\d/);
        },
    );

    test.each(pairFacts.map((fact) => [fact.id, fact] as const))('%s is of two unlike versions', (_, { source, destination }) => {
        const edge = destination.from ?? source.from ?? '';
        expect(within(edge, source) && within(edge, destination)).toBe(false);
    });

    test.each(combinationFacts.map((fact) => [fact.id, fact] as const))('%s is found by what it names alone', (_, fact) => {
        expect(combinationsIn(new Set(fact.uses))).toContain(fact);
        for (const left of fact.uses) expect(combinationsIn(new Set(fact.uses.filter((use) => use !== left)))).not.toContain(fact);
        if (fact.without !== undefined) expect(combinationsIn(new Set([...fact.uses, fact.without]))).not.toContain(fact);
    });

    test('is of something that has a name', () => {
        for (const { uses } of [...versionFacts, ...pairFacts, ...combinationFacts])
            for (const use of uses) expect(facilities[use].name.length).toBeGreaterThan(2);
    });
});
