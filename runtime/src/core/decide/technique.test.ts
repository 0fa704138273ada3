import { bytesPerSecond, compileText, features, mebibyte, milliseconds, type FeatureId } from '@mig/language';
import { describe, expect, test } from 'vitest';
import type { HostState, VmState } from '../model/snapshot.js';
import { notBuilt } from '../rules/not-built.js';
import { gib, host, snapshot, vm } from '../testing/builders.js';
import { executable } from './executable.js';
import { observationNeeds } from './needs.js';
import { situationOf } from './situation.js';
import { techniqueFor } from './technique.js';
import { worldOf } from './world.js';

async function programOf(using: string) {
    const { program, findings } = await compileText({ uri: 'file:///test.mig', text: `policy p { move vms to hosts using ${using} }` });
    if (!program) throw new Error(findings.map((f) => f.message).join('\n'));
    return program;
}

async function choice(using: string) {
    const program = await programOf(using);
    const { technique, because } = techniqueFor(program.policies[0]?.technique ?? []);
    const refused = notBuilt(program, { kind: 'run', policy: 'p' }).filter((f) => f.severity === 'error').length > 0;
    return { kind: technique?.kind, because: because.map((r) => r.text), refused };
}

/** For a VM that moves from a to b. */
async function chosen(using: string, facts: Partial<VmState> = {}, hosts: { a?: Partial<HostState>; b?: Partial<HostState> } = {}) {
    const guest = vm('v', 'a', { memory: gib(1), dirtyRate: rate(1), workingSet: gib(0.0625), ...facts });
    const world = worldOf(snapshot([host('a', hosts.a), host('b', hosts.b)], [guest]));
    const { technique, because } = techniqueFor((await programOf(using)).policies[0]?.technique ?? [], situationOf(world, guest, 'b'));
    return { kind: technique?.kind, options: technique?.options, because: because.map((r) => r.text) };
}
const rate = (n: number) => bytesPerSecond(n * mebibyte);

describe('what can be carried out', () => {
    test.each([
        ['precopy { downtime 300 ms; after 5 min: abort }', 'precopy'],
        ['precopy { when stalled for 3 iterations: throttle 20%; after 5 min: abort }', 'precopy'],
        ['precopy { after 2 min: switch to postcopy }', 'precopy'],
        ['precopy { after 2 min: pause }', 'precopy'],
        ['hybrid', 'hybrid'],
        ['postcopy otherwise precopy', 'postcopy'],
        ['stop-and-copy', 'stop-and-copy'],
        ['choose { otherwise: hybrid }', 'hybrid'],
        ['least duration', 'precopy'],
        ['traffic-sensitive', 'precopy'],
    ])('%s: can be', async (using, kind) => {
        expect(await choice(using)).toEqual({ kind, because: [], refused: false });
    });
    test.each<[string, FeatureId]>([
        ['agile', 'technique.agile'],
        ['rdma', 'technique.rdma'],
    ])('%s cannot: nothing is chosen, and the run is refused (%s)', async (using, feature) => {
        expect(executable.has(feature)).toBe(false);
        const { kind, because, refused } = await choice(using);
        expect([kind, refused]).toEqual([undefined, true]);
        expect(because[0]).toContain(`${features[feature]} (${feature})`);
    });
    test('what cannot is passed over for what can', async () => {
        const { kind, because } = await choice('agile otherwise precopy');
        expect([kind, because.at(-1)]).toEqual(['precopy', 'so precopy is used']);
    });
});

describe('otherwise', () => {
    test('goes by the certificates of both hosts where TLS is asked for', async () => {
        const none = { b: { provides: { tlsCertificates: 'none' } } } as const;
        const { kind, options, because } = await chosen('precopy { tls } otherwise precopy', {}, none);
        expect([kind, options]).toEqual(['precopy', {}]);
        expect(because.join()).toMatch(/precopy cannot run: it asks for TLS, and b has no certificates for it/);
        expect((await chosen('precopy { tls }', {}, none)).kind).toBeUndefined();
        expect((await chosen('precopy { tls off }', {}, none)).kind).toBe('precopy');
        expect((await chosen('precopy { tls }')).options).toEqual({ tls: true });
    });

    test('goes by what the versions of both hosts can do', async () => {
        const old = { versions: { libvirt: '8.4.0', qemu: '10.0.2' } };
        for (const hosts of [{ a: old }, { b: old }]) {
            const { kind, because } = await chosen('postcopy otherwise precopy', {}, hosts);
            expect(kind).toBe('precopy');
            expect(because[0]).toMatch(/^postcopy cannot run: [ab] has libvirt 8\.4\.0, and post-copy: /);
            expect(because[1]).toBe('so precopy is used');
        }
        expect((await chosen('postcopy otherwise precopy')).kind).toBe('postcopy');
    });
    test.each([
        [
            'precopy { streams 2  compression zstd level 9 }',
            { a: { versions: { libvirt: '9.4.0', qemu: '7.2.22' } } },
            /a has QEMU 7\.2\.22, and a zstd level: any value is taken.*; QEMU 9\.0 or later would do/,
        ],
        [
            'precopy { streams 2  compression zstd }',
            { b: { versions: { libvirt: '9.0.0', qemu: '7.2.22' } } },
            /b has libvirt 9\.0\.0, and zstd compression: .*; libvirt 9\.4 or later would do/,
        ],
        [
            'precopy { streams 2 }',
            { a: { versions: { libvirt: '9.4.0', qemu: '7.2.22' } }, b: { versions: { libvirt: '11.3.0', qemu: '9.2.0' } } },
            /parallel streams from QEMU 7\.2\.22 on a to QEMU 9\.2\.0 on b: .*; 9\.0 or later at the source would do/,
        ],
        ['precopy { compression zstd }', {}, /zstd compression without parallel streams: .*; add `streams 2`/],
        [
            'precopy { throttle 20% up to 60% }',
            { a: { monitor: 'deny' } },
            /`throttle … up to` goes through QEMU's monitor, which .* denies on a/,
        ],
        ['precopy { when iteration 3: throttle 20% }', { a: { monitor: 'deny' } }, /a rung that throttles goes through QEMU's monitor/],
        [
            'precopy { when iteration 3: bandwidth 4 Mbit/s }',
            {},
            /a rung `bandwidth` is 4 Mbit\/s, and libvirt on a takes no cap below 8\.39 Mbit\/s/,
        ],
        ['postcopy { postcopy bandwidth 500 kB/s }', {}, /postcopy bandwidth is 4 Mbit\/s, and libvirt on a takes no cap below/],
    ] as const)('%s goes on by another where it cannot be had as it is asked for', async (using, hosts, why) => {
        const libvirt = {
            a: { driver: 'libvirt', ...('a' in hosts ? hosts.a : {}) },
            b: { driver: 'libvirt', ...('b' in hosts ? hosts.b : {}) },
        } as const;
        const { kind, options, because } = await chosen(`${using} otherwise precopy`, {}, libvirt);
        expect([kind, options]).toEqual(['precopy', {}]);
        expect(because[0]).toMatch(why);
    });
    test('stays with it where it can: a throttle without a most needs no monitor, and what `never` forbids asks for none', async () => {
        const denied = { a: { driver: 'libvirt', monitor: 'deny' } } as const;
        expect((await chosen('precopy { throttle 20% } otherwise hybrid', {}, denied)).kind).toBe('precopy');
        const never = 'precopy { never throttle  when iteration 3: throttle 20% } otherwise hybrid';
        expect((await chosen(never, {}, denied)).kind).toBe('precopy');
    });
    test('goes by what the VM allows: only one that runs is switched to post-copy', async () => {
        const { kind, because } = await chosen('hybrid otherwise precopy', { state: 'paused' });
        expect([kind, because[0]]).toEqual([
            'precopy',
            'hybrid cannot run: v is paused, and only a VM that runs can be switched to post-copy',
        ]);
    });
    test('goes by what the technique itself forbids', async () => {
        const wild = { netTx: rate(40), netRx: rate(1) };
        const { kind, because } = await chosen('traffic-sensitive { never postcopy } otherwise precopy', wild);
        expect([kind, because[1]]).toEqual(['precopy', 'postcopy cannot run: it says `never postcopy`']);
    });
    test('nothing left: no technique, and each says why', async () => {
        const { kind, because } = await chosen('postcopy', {}, { b: { versions: { libvirt: '1.0.0', qemu: '10.0.2' } } });
        expect(kind).toBeUndefined();
        expect(because).toHaveLength(1);
    });
});

describe('choose', () => {
    const using = 'choose { vm.dirty_rate > 100 MiB/s: postcopy  vm.memory > 2 GiB: hybrid  otherwise: precopy }';
    test('takes the first branch whose condition holds, and says with which figures', async () => {
        expect(await chosen(using, { dirtyRate: rate(200) })).toMatchObject({
            kind: 'postcopy',
            because: ['postcopy is chosen: vm.dirty_rate > 839 Mbit/s (vm.dirty_rate is 1.68 Gbit/s)'],
        });
        expect(await chosen(using)).toMatchObject({ kind: 'precopy', because: ['precopy is chosen: no branch before it holds'] });
    });
    test('what is unknown decides nothing, and is told', async () => {
        const { kind, because } = await chosen(using, { dirtyRate: undefined, memory: gib(4) });
        expect(kind).toBe('hybrid');
        expect(because[0]).toMatch(/^vm\.dirty_rate > 839 Mbit\/s is unknown: .*; it does not decide for postcopy$/);
    });
});

describe('traffic-sensitive', () => {
    test.each([
        [{ netTx: rate(40), netRx: rate(10) }, 'postcopy', 'mostly sends'],
        [{ netTx: rate(1), netRx: rate(10) }, 'precopy', 'mostly receives'],
    ])('%o: %s', async (facts, kind, way) => {
        const { kind: got, because } = await chosen('traffic-sensitive', facts);
        expect(got).toBe(kind);
        expect(because[0]).toContain(`${kind} is chosen: v ${way}`);
    });
    test('traffic both ways, or unknown, leaves it to the prediction', async () => {
        const even = await chosen('traffic-sensitive', { netTx: rate(10), netRx: rate(10), dirtyRate: rate(1) });
        expect(even.because[0]).toBe('v sends about what it receives, which does not decide');
        const unknown = await chosen('traffic-sensitive', { dirtyRate: rate(500), workingSet: gib(1) });
        expect(unknown.because[0]).toBe('the traffic of v is not known, which does not decide');
        expect([even.kind, unknown.kind]).toEqual(['precopy', 'postcopy']);
        expect(even.options?.downtimeMs).toBe(160);
    });
    test('its options stay, whatever it becomes', async () => {
        expect((await chosen('traffic-sensitive { downtime 150 ms }', { netTx: rate(40), netRx: rate(1) })).options).toMatchObject({
            downtimeMs: 150,
        });
    });
});

describe('a goal', () => {
    const wild = { dirtyRate: rate(500), workingSet: gib(1) };
    test('least duration is pre-copy for a calm guest, and post-copy for one that outruns its link, with the figures', async () => {
        expect((await chosen('least duration')).kind).toBe('precopy');
        const { kind, because } = await chosen('least duration', wild);
        expect(kind).toBe('postcopy');
        expect(because[0]).toMatch(
            /^postcopy is chosen for the least duration, predicted for v alone on 1 Gbit\/s: [\d.]+ s, downtime [\d.]+ ms, .*precopy does not end within 10 min/,
        );
    });
    test('a bound rules out what would break it', async () => {
        const { kind } = await chosen('least traffic with downtime <= 100 ms', wild);
        expect(kind).toBe('postcopy');
        expect((await chosen('least downtime')).kind).not.toBe('stop-and-copy');
    });
    test('bounds that nothing keeps leave no technique, and the reason names every figure', async () => {
        const { kind, because } = await chosen('least duration with duration <= 1 s otherwise hybrid', wild);
        expect(kind).toBe('hybrid');
        expect(because[0]).toContain('no technique keeps the bounds of least duration');
    });
    test('a dirty rate that is not known is assumed, and said', async () => {
        const { because } = await chosen('least duration', { dirtyRate: undefined });
        expect(because.at(-1)).toBe('the dirty rate of v is not known: 83.9 Mbit/s assumed for the prediction');
    });
    test('hosts that cannot do post-copy are predicted without it', async () => {
        const { because } = await chosen('least duration', {}, { b: { versions: { libvirt: '8.4.0', qemu: '10.0.2' } } });
        expect(because[0]).not.toContain('postcopy');
    });
});

test('what a technique is chosen by is observed', async () => {
    const needs = async (using: string) => observationNeeds(await programOf(using), milliseconds(1000));
    expect(await needs('precopy')).toMatchObject({ twoSamples: false, dirtyRate: false, windowMs: 0 });
    expect(await needs('least duration')).toMatchObject({ dirtyRate: true, statistics: true });
    expect(await needs('choose { otherwise: traffic-sensitive }')).toMatchObject({ twoSamples: true, dirtyRate: true, windowMs: 1000 });
});
