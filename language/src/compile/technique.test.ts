import { describe, expect, test } from 'vitest';
import type { TechniqueUse } from '../program.js';
import { bare, findings, policy, policyText, program } from '../testing/kit.js';

const used = async (using: string, before = ''): Promise<readonly TechniqueUse[]> =>
    bare((await policy(`using ${using}`, before)).technique);
const wrong = (using: string, before = ''): Promise<readonly string[]> => findings(`${before}\n${policyText(`using ${using}`)}`);

const patient = 'technique patient = precopy { downtime 300 ms streams 4 after 10 min: abort }';

test('options that do something are not complained of', async () => {
    const sound = [
        'precopy { postcopy bandwidth 1 Gbit/s after 1 min: switch to postcopy }',
        'hybrid { postcopy bandwidth unlimited downtime 100 ms }',
        'postcopy { postcopy bandwidth 1 Gbit/s }',
        'stop-and-copy { streams 2 }',
    ];
    for (const using of sound) expect(await wrong(using), using).toEqual([]);
    expect(
        await wrong('patient { postcopy bandwidth 1 Gbit/s }', 'technique patient = precopy { after 1 min: switch to postcopy }'),
    ).toEqual([]);
    expect(await wrong('still { throttle 20% }', 'technique still = stop-and-copy')).toMatchObject([expect.stringMatching(/^MIG006/)]);
});

describe('what a technique compiles to', () => {
    test('options in base units, as written and no more', async () => {
        const [use] =
            await used(`precopy { downtime 300 ms; streams 4; compression zstd level 3; xbzrle cache 64 MiB; throttle 20% step 10% up to 80%
            hold predicted dirty; tls off; never postcopy, throttle
            zero-copy; switchover-ack; dirty-limit 40 MiB/s
            storage copy "vda" at most 8 Mbit/s shared "vdb", "vdc" preseeded "vdd" }`);
        expect(use).toEqual({
            kind: 'technique',
            technique: 'precopy',
            ladder: [],
            options: {
                downtimeMs: 300,
                streams: 4,
                compression: { method: 'zstd', level: 3 },
                xbzrleCache: 64 * 1024 ** 2,
                throttle: { initial: 0.2, step: 0.1, max: 0.8 },
                holdPredictedDirty: true,
                tls: false,
                never: ['postcopy', 'throttle'],
                zeroCopy: true,
                switchoverAck: true,
                dirtyLimit: 40 * 1024 ** 2,
                storage: [
                    { mode: 'copy', disks: ['vda'], cap: 1_000_000 },
                    { mode: 'shared', disks: ['vdb', 'vdc'] },
                    { mode: 'preseeded', disks: ['vdd'] },
                ],
            },
        });
    });

    test('rungs from top to bottom', async () => {
        const [use] = await used(`precopy {
            when stalled for 3 iterations: downtime 450 ms
            when iteration 5: bandwidth unlimited
            after 2 min and iteration >= 2: switch to postcopy
            when remaining < 1 KiB and vm.cpu < 50%: throttle 30%
            when move.rate < 8 Mbit/s for 10 s: pause
            after 10 min: abort }`);
        expect(use).toMatchObject({
            ladder: [
                { on: { kind: 'stalled', iterations: 3 }, action: { kind: 'downtime', ms: 450 } },
                { on: { kind: 'iteration', iteration: 5 }, action: { kind: 'bandwidth', rate: 'unlimited' } },
                {
                    on: { kind: 'after', ms: 120_000 },
                    and: { operator: '>=', left: { entity: 'move', attribute: 'iteration' } },
                    action: { kind: 'switch-to-postcopy' },
                },
                { on: { kind: 'condition' }, and: { operator: 'and' }, action: { kind: 'throttle', throttle: { initial: 0.3 } } },
                { on: { kind: 'condition' }, and: { kind: 'held' }, action: { kind: 'pause' } },
                { on: { kind: 'after', ms: 600_000 }, action: { kind: 'abort' } },
            ],
        });
    });

    test('a declared technique is put in its place, under its name', async () => {
        expect(await used('patient otherwise stop-and-copy', patient)).toMatchObject([
            { name: 'patient', technique: 'precopy', options: { downtimeMs: 300, streams: 4 }, ladder: [{ action: { kind: 'abort' } }] },
            { technique: 'stop-and-copy' },
        ]);
    });

    test('what is said where it is used takes the place of what was declared', async () => {
        expect(await used('patient { downtime 50 ms }', patient)).toMatchObject([
            { options: { downtimeMs: 50, streams: 4 }, ladder: [{ on: { ms: 600_000 } }] },
        ]);
        expect(await used('patient { after 1 min: abort }', patient)).toMatchObject([
            { options: { downtimeMs: 300 }, ladder: [{ on: { ms: 60_000 } }] },
        ]);
    });

    test('parameters are given by name, or have a default', async () => {
        const before =
            'technique t(limit: duration, most: rate = 8 Mbit/s) = precopy { downtime limit * 2 when iteration 2: bandwidth most after 1 min: abort }';
        expect(await used('t(limit: 100 ms)', before)).toMatchObject([
            { options: { downtimeMs: 200 }, ladder: [{ action: { rate: 1_000_000 } }, {}] },
        ]);
    });

    test('choices and goals', async () => {
        expect(
            await used(`choose { vm.net.tx > 2 * vm.net.rx: postcopy
            vm.cpu > 50%: scatter-gather via 2 hosts
            otherwise: least eviction time with downtime <= 200 ms, traffic < 4 GiB }`),
        ).toMatchObject([
            {
                kind: 'choose',
                branches: [
                    { when: { operator: '>' }, use: { technique: 'postcopy' } },
                    { use: { technique: 'scatter-gather', options: { via: { count: 2 } } } },
                    { use: { kind: 'goal', goal: 'eviction time', bounds: [{ metric: 'downtime', value: 200 }, { metric: 'traffic' }] } },
                ],
            },
        ]);
        expect(await used('scatter-gather via "a", "b"')).toMatchObject([{ options: { via: { hosts: ['a', 'b'] } } }]);
    });
});

describe('a technique that several policies give values to', () => {
    const declared = `technique careful(limit: duration, share: ratio = 20%) = precopy {
  downtime limit
  when stalled for 2 iterations: throttle share
  after 10 min and vm.dirty_rate > 1 MiB/s: abort
}
technique brief(limit: duration) = precopy { downtime limit; after 5 min: abort }
technique chosen(least: size) = choose { vm.memory > least: precopy; otherwise: postcopy }`;
    const named = (i: number, use: string): string => policyText(`using ${use}`).replace('policy p', `policy p${i}`);
    const uses = [
        'brief(limit: 100 ms)',
        'brief(limit: 0.1 s)',
        'brief(limit: 200 ms)',
        'careful(limit: 1 s)',
        'careful(limit: 1 s, share: 30%)',
    ];
    const all = [...uses, ...uses, 'chosen(least: 1 GiB)', 'chosen(least: 1 GiB)'];
    const text = `${declared}\n${all.map((use, i) => named(i, use)).join('\n')}`;

    test('is what it is where one policy does, and each says where it stands itself', async () => {
        const together = (await program(text)).policies;
        expect(together).toHaveLength(all.length);
        for (const [i, use] of all.entries()) {
            const [mine] = together.filter(({ name }) => name === `p${i}`).flatMap(({ technique }) => technique);
            const [alone] = (await program(`${declared}\n${'\n'.repeat(i * named(i, use).split('\n').length)}${named(i, use)}`)).policies;
            expect(mine).toEqual(alone?.technique[0]);
        }
    });

    test('is judged with the values of each', async () => {
        const zero = ['100 ms', '0 ms', '100 ms', '0 ms'].map((limit, i) => named(i, `brief(limit: ${limit})`)).join('\n');
        const found = await findings(`${declared}\n${zero}`);
        expect(found.filter((one) => one.includes('MIG206'))).toHaveLength(2);
    });
});

describe('what is wrong with a technique', () => {
    test.each([
        ['precopy { downtime 300 }', 'MIG204 The downtime limit is a duration: 300 needs a unit. Write 300 ms, say.'],
        ['precopy { downtime 300 MiB }', 'MIG203 The downtime limit is a duration, and 300 MiB is a size. Write 300 ms, say.'],
        ['precopy { downtime 0 ms }', 'MIG205 The downtime limit cannot be 0. Leave it out, or write more.'],
        ['precopy { throttle 120% }', 'MIG206 A throttle is out of range: 120% is more than all.'],
        ['precopy { compression zlib level 12 }', 'MIG206 The levels of zlib go from 0 to 9.'],
        ['precopy { compression mt level 12 }', 'MIG206 The levels of mt go from 0 to 9.'],
        ['precopy { dirty-limit 40 MiB }', 'MIG203 The dirty limit is a rate, and 40 MiB is a size. Did you mean 40 MiB/s?'],
        ['precopy { zero-copy zero-copy }', "MIG004 'zero-copy' is given twice here. Keep one of the two."],
        ['precopy via 2 hosts', 'MIG006 Only scatter-gather goes via other hosts, not precopy.'],
        ['precopy(limit: 3)', 'MIG006 precopy takes no parameters: what it is to do differently stands in braces.'],
        [
            'stop-and-copy { downtime 200 ms }',
            'MIG006 stop-and-copy has no use for a downtime limit: the guest stands still while its memory is sent. A promise (`require downtime <= …`) says what is not to be passed.',
        ],
        [
            'stop-and-copy { throttle 20% }',
            'MIG006 stop-and-copy has nothing to throttle: the guest stands still while its memory is sent.',
        ],
        [
            'postcopy { throttle 20% }',
            'MIG006 postcopy has nothing to throttle: the guest goes to its destination at once, and pages are sent once.',
        ],
        [
            'hybrid { throttle 20% }',
            'MIG006 hybrid has nothing to throttle: it switches to post-copy after one pass, and throttling begins after that.',
        ],
        [
            'precopy { postcopy bandwidth 1 Gbit/s when iteration 3: pause }',
            'MIG006 precopy without a rung that switches to post-copy has no use for the bandwidth of that. Add such a rung (`after 60 s: switch to postcopy`), or take the option out.',
        ],
        ['precopi', "MIG102 There is no technique 'precopi'. Did you mean 'precopy'?"],
        ['patiant', "MIG102 There is no technique 'patiant'. Did you mean 'patient'?"],
        ['patient(limit: 3 ms)', "MIG101 The technique 'patient' has no parameter 'limit'."],
    ])('%s', async (using, message) => {
        expect(await wrong(using, patient)).toEqual([message]);
    });

    test('a mistake in a technique is reported once, where it is declared', async () => {
        const before = 'technique bad = precopy { downtime 3 GiB }';
        expect(await wrong('bad otherwise bad', before)).toEqual([
            'MIG203 The downtime limit is a duration, and 3 GiB is a size. Write 300 ms, say.',
        ]);
    });

    test('a parameter must be given, and be of its type', async () => {
        const before = 'technique t(limit: duration) = precopy { downtime limit }';
        expect(await wrong('t', before)).toEqual(["MIG209 The technique 't' needs a value for 'limit'. Write t(limit: …)."]);
        expect(await wrong('t(limit: 3 GiB)', before)).toEqual(["MIG203 'limit' is a duration, and 3 GiB is a size."]);
        expect(await wrong('t(limt: 3 s)', before)).toEqual([
            "MIG209 The technique 't' needs a value for 'limit'. Write t(limit: …).",
            "MIG101 The technique 't' has no parameter 'limt'. Did you mean 'limit'?",
        ]);
    });

    test('what is wrong only with the values given is reported where they are given', async () => {
        const before = 'technique t(limit: duration) = precopy { downtime limit }';
        expect((await wrong('t(limit: 0 s)', before))[0]).toMatch(
            /^MIG206 With these values 't' cannot be: The downtime limit cannot be 0/,
        );
    });

    test('techniques that need each other are reported', async () => {
        expect(await findings('technique a = b\ntechnique b = a')).toEqual([
            "MIG108 The technique 'a' needs itself.",
            "MIG108 The technique 'b' needs itself.",
        ]);
    });
});
