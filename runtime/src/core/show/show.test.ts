import { test as property, fc } from '@fast-check/vitest';
import { bytes, bytesPerSecond, mebibyte, milliseconds, ratio } from '@mig/language';
import { describe, expect, test } from 'vitest';
import { MigrationError } from '../errors.js';
import type { MigrationEvent } from '../model/events.js';
import type { Plan } from '../model/plan.js';
import { at, cap, instance, move, planOf, promise, rung, unlimited } from '../simulate/plan-builders.js';
import { simulate } from '../simulate/run.js';
import { host, noon, snapshot, vm } from '../testing/builders.js';
import { planText } from './plan.js';
import { errorText, findingsText } from './problems.js';
import { progressLines } from './progress-lines.js';
import { nothingYet, progressOf } from './progress.js';
import { expectedText, reportText } from './report-text.js';
import { reportOf } from './report.js';
import { ansiColours, widthOf } from './text.js';

const widths = [60, 80, 120, 200];

const sizes: readonly (readonly [string, number, number])[] = [
    ['db-1', 512, 40],
    ['db-2', 512, 20],
    ['web-1', 256, 2],
    ['web-2', 256, 2],
    ['busy', 256, 400],
    ['quiet', 128, 1],
];
const guests = sizes.map(([name, size, dirty]) =>
    vm(name, 'kvm-a', { memory: bytes(size * mebibyte), dirtyRate: bytesPerSecond(dirty * 1e6), workingSet: bytes((size / 4) * mebibyte) }),
);
const from = snapshot([host('kvm-a'), host('kvm-b'), host('kvm-c')], guests);
const ladder = [rung({ kind: 'after', ms: 30_000 }, { kind: 'abort' })];
const plan: Plan = planOf(
    from,
    guests.map((guest, i) =>
        move(guest, i % 2 === 0 ? 'kvm-b' : 'kvm-c', {
            technique: { kind: 'precopy', name: 'patient', options: { downtimeMs: 300 }, ladder },
            because: [
                { text: 'on kvm-a, which is in maintenance', range: at(15, 3, 16) },
                { text: `the roomiest host: ${String(40 - i)} GiB free with the VM`, range: at(22, 5, 19) },
            ],
            actions: [
                {
                    on: 'kvm-a',
                    phase: 'begin',
                    call: 'virDomainMigrateBegin3Params',
                    with: { flags: ['LIVE', 'PERSIST_DEST'], bandwidth: '95 MiB/s' },
                },
                { on: 'kvm-b', phase: 'prepare', call: 'virDomainMigratePrepare3Params', with: { cancelled: false } },
            ],
        }),
    ),
    {
        instances: [
            instance({
                requires: [promise('downtime', 180), promise('energy', 500)],
                passedOver: ['pin-1', 'pin-2'].map((name) => ({
                    vm: name,
                    because: { text: 'vm.tags contains "pinned"', range: at(16, 5, 31) },
                })),
            }),
        ],
        unplaced: [
            {
                instance: 0,
                vm: 'huge',
                source: 'kvm-a',
                excluded: [
                    { host: 'kvm-b', because: { text: 'would leave 3% of its memory free', range: at(19, 5, 27) } },
                    { host: 'kvm-c', because: { text: 'is unreachable: no route to host, tried three times within ten seconds' } },
                ],
            },
        ],
        caps: [cap('total', 1000), cap('vm', 800)],
        limits: { ...unlimited, perHost: 2 },
        warnings: [{ text: 'the disk vda of db-1 is not known to be shared', range: at(3, 1) }],
    },
);
const events = simulate(plan, from, { now: noon, seed: 3, run: 'r1' });
const viewAt = (ms: number) => events.filter((e) => e.at <= noon + ms).reduce(progressOf, nothingYet);

describe.each(widths)('at %i columns', (width) => {
    test('the plan is as recorded', async () => {
        await expect(planText(plan, { width, expected: expectedText(reportOf(events)) })).toMatchFileSnapshot(
            `golden/plan-${width}.golden.txt`,
        );
    });
    test('the plan with its calls is as recorded', async () => {
        await expect(planText(plan, { width, actions: true })).toMatchFileSnapshot(`golden/actions-${width}.golden.txt`);
    });
    test('progress is as recorded', async () => {
        const frames = [2_000, 11_000, 20_000].map((ms) => progressLines(viewAt(ms), { width, height: 14 }).join('\n'));
        await expect(`${frames.join('\n\n')}\n`).toMatchFileSnapshot(`golden/progress-${width}.golden.txt`);
    });
    test('the report is as recorded', async () => {
        await expect(reportText(reportOf(events), { width })).toMatchFileSnapshot(`golden/report-${width}.golden.txt`);
    });
    test('an error in a policy shows its place, its line and its cure, as recorded', async () => {
        const text =
            'policy evacuate {\n\tmove vms where vm.memry > 1 GiB and vm.dirty_rate < 100 MiB/s and vm.tags contains "a tag with a long name"\n}\n';
        const sources = [{ uri: 'file:///etc/mig/evacuate.mig', text }];
        const finding = {
            id: 'MIG105',
            severity: 'error' as const,
            message: "vm has no attribute 'memry'",
            hint: "did you mean 'memory'?",
            range: at(2, 20, 5),
            fixes: [],
        };
        const later = {
            ...finding,
            id: 'MIG202',
            severity: 'warning' as const,
            message: 'this tag is on no VM',
            hint: undefined,
            range: at(2, 88, 24),
        };
        await expect(findingsText([later, finding], sources, { width })).toMatchFileSnapshot(`golden/findings-${width}.golden.txt`);
    });
    test('no line is wider than the terminal', () => {
        const all = [
            planText(plan, { width, actions: true, palette: ansiColours }),
            reportText(reportOf(events), { width, palette: ansiColours }),
            progressLines(viewAt(9_000), { width, height: 40, palette: ansiColours }).join('\n'),
        ].join('\n');
        expect(Math.max(...all.split('\n').map(widthOf))).toBeLessThanOrEqual(width);
    });
});

describe('VMs that are shut down', () => {
    const shutdowns = ['gpu', 'nic'].map((name) => ({
        instance: 0,
        vm: { uuid: name, name },
        host: 'kvm-a',
        withinMs: milliseconds(120_000),
        because: [{ text: 'cannot be moved: it uses a device of its host' }, { text: 'so it is shut down', range: at(17, 5, 31) }],
        actions: [{ on: 'kvm-a', phase: 'shutdown' as const, call: 'virDomainShutdown', with: { domain: name } }],
    }));
    const stopping: Plan = { ...plan, shutdowns };
    test('stand in the plan, with the reason, the time and the call', () => {
        const text = planText(stopping, { width: 120, actions: true });
        expect(text).toMatch(/6 VMs, .*; 2 VMs that cannot move are shut down/);
        expect(text).toMatch(/gpu \(on kvm-a\), within 2 min, else it runs on\n +cannot be moved: it uses a device of its host/);
        expect(text).toMatch(/shutdown +virDomainShutdown\(domain: gpu\)/);
    });
    test('stand in the report: those that are off, and apart from them those that are not', () => {
        const end = { at: noon, type: 'shutdown-ended', host: 'kvm-a', tookMs: milliseconds(7000) } as const;
        const error = { code: 'runs-on', message: 'nic still runs', hint: 'decide by hand' };
        const text = reportText(
            reportOf([
                { at: noon, type: 'run-started', version: 1, run: 'r', plan: stopping, simulated: false },
                { ...end, vm: 'gpu', outcome: 'off', error: undefined },
                { ...end, vm: 'nic', outcome: 'failed', error },
            ]),
            { width: 100 },
        );
        expect(text).toMatch(/could not move, and were shut down where they were\n +gpu on kvm-a, in 7 s/);
        expect(text).toMatch(/could not move, and are not off\n +nic on kvm-a: nic still runs \(decide by hand\)/);
    });
});

describe('errors', () => {
    test('name the file, and the host where the message does not', () => {
        const error = new MigrationError('host-key-mismatch', 'its key is not the one that is known', {
            hint: 'ask its owner',
            where: { host: 'kvm-b' },
        });
        expect(errorText(error, [], { width: 100 })).toBe(
            'error: its key is not the one that is known (host kvm-b) [host-key-mismatch]\n  hint: ask its owner\n',
        );
    });
    test('a place that is known by line and column only shows the line when the text is at hand', () => {
        const error = new MigrationError('inventory', 'kvm-b is named twice', { where: { file: 'rack.yaml', line: 2, column: 3 } });
        expect(errorText(error, [{ uri: 'rack.yaml', text: 'hosts:\n  kvm-b:\n' }], { width: 80 })).toBe(
            'error: kvm-b is named twice [inventory]\n  rack.yaml:2:3\n  2 |   kvm-b:\n    |   ^\n',
        );
    });
    test('control characters from a host cannot move the cursor', () => {
        const error = new MigrationError('refused', 'no\u001b[2J\nway', {});
        expect(errorText(error, [], { width: 80 })).toBe('error: no [2J way [refused]\n');
    });
});

describe('many VMs', () => {
    const many = Array.from({ length: 500 }, (_, i) =>
        vm(`v${i}`, 'kvm-a', { memory: bytes(64 * mebibyte), dirtyRate: bytesPerSecond(0) }),
    );
    const bigPlan = planOf(
        from,
        many.map((guest) => move(guest, 'kvm-b')),
        { limits: { ...unlimited, perHost: 20 } },
    );
    const bigEvents = simulate(bigPlan, snapshot([host('kvm-a'), host('kvm-b')], many), {
        now: noon,
        seed: 1,
        progressEvery: milliseconds(5000),
    });
    const half = bigEvents.slice(0, Math.floor(bigEvents.length / 2)).reduce(progressOf, nothingYet);
    test.each([3, 6, 12, 24, 50])('500 of them fit into %i lines, and the headline counts every one', (height) => {
        const lines = progressLines(half, { width: 80, height });
        expect(lines.length).toBeLessThanOrEqual(height);
        const counts = [...(lines[0] ?? '').matchAll(/(\d+) (of 500 moved|moving|waiting|failed)/g)].map((m) => Number(m[1]));
        expect(counts.reduce((a, b) => a + b, 0)).toBe(500);
    });
    test('those that move have lines of their own, the rest is summarised', () => {
        const lines = progressLines(half, { width: 80, height: 30 });
        const inPhase = (phases: string) => lines.filter((line) => new RegExp(`^v\\d+ +(${phases})`).test(line)).length;
        expect(inPhase('begin|prepare|perform|stopped|finish')).toBe(20);
        expect(inPhase('begin|prepare|perform|stopped|finish|confirm')).toBe(
            [...half.moves.values()].filter((m) => m.status === 'running').length,
        );
        expect(lines.some((line) => /^\d+ waiting: v/.test(line))).toBe(true);
        expect(lines.some((line) => /^\d+ moved: v0, v1/.test(line))).toBe(true);
    });
});

describe('in 60 columns', () => {
    const [guest] = guests;
    if (!guest) throw new Error('no guest');
    const played = simulate(planOf(from, [move(guest, 'kvm-b')]), from, { now: noon, seed: 1 });
    const at = played.findIndex((e) => e.type === 'progress' && e.iteration === 1) + 1;
    const last = played[at - 1];
    if (last?.type !== 'progress') throw new Error('no progress');
    const losing: MigrationEvent[] = [
        { ...last, rate: bytesPerSecond(5e7), dirtyRate: bytesPerSecond(1e7), throttle: ratio(0.2), remaining: bytes(96 * mebibyte) },
        { type: 'rung-fired', at: last.at, move: last.move, rung: 1, action: 'downtime 2 s', because: 'after 1 s' },
    ];
    const view = [...played.slice(0, at), ...losing].reduce(progressOf, nothingYet);

    test('every figure of a move is told: what has no column there, below it', () => {
        const [headline, titles, row, ...below] = progressLines(view, { width: 60, height: 10 });
        for (const [where, words] of [
            [headline, /1 moving/],
            [titles, /done +rate +ETA +downtime$/],
            [row, /400 Mbit\/s/],
            [below.map((line) => line.trim()).join(' '), /^dirties 80 Mbit\/s, 96 MiB left, throttled 20%, downtime 2 s, after 1 s$/],
        ] as const)
            expect(where).toMatch(words);
    });
    test('where there is no room below, every move keeps its own line', () => {
        expect(progressLines(view, { width: 60, height: 3 })).toHaveLength(3);
    });
});

describe('a move that is made ready before its turn', () => {
    const [first, second] = guests;
    const two = [first, second].flatMap((guest) => (guest ? [move(guest, 'kvm-b')] : []));
    const played = simulate(planOf(from, two, { limits: { ...unlimited, inAll: 1 } }), from, { now: noon, seed: 1 });
    const wordsUntil = (type: string, phase?: string) => {
        const end = played.findIndex(
            (e) => 'move' in e && e.move === 'db-2-move' && e.type === type && (!phase || ('phase' in e && e.phase === phase)),
        );
        const lines = progressLines(played.slice(0, end + 1).reduce(progressOf, nothingYet), { width: 100, height: 10 });
        return { moving: /(\d+) moving/.exec(lines[0] ?? '')?.[1], phase: lines.find((l) => l.startsWith('db-2'))?.split(/ +/)[1] };
    };
    test('shows how far it is while it waits, and counts as moving from its start', () => {
        expect(wordsUntil('move-queued')).toEqual({ moving: '1', phase: 'waiting' });
        expect(wordsUntil('phase-entered', 'begin')).toEqual({ moving: '1', phase: 'prepare' });
        expect(wordsUntil('phase-entered', 'prepare')).toEqual({ moving: '1', phase: 'prepare' });
        expect(wordsUntil('phase-ended', 'prepare')).toEqual({ moving: '1', phase: 'ready' });
        expect(wordsUntil('move-started')).toEqual({ moving: '2', phase: 'prepare' });
        expect(wordsUntil('phase-entered', 'perform')).toEqual({ moving: '2', phase: 'perform' });
    });
});

const anyText = fc.oneof(
    fc.string({ maxLength: 30 }),
    fc.string({ unit: 'grapheme', maxLength: 30 }),
    fc.constantFrom('漢字の名前', 'a'.repeat(90), 'na\u001b[31mme'),
);
const drawn = fc.record({
    names: fc.array(anyText, { minLength: 1, maxLength: 6 }),
    reason: anyText,
    width: fc.integer({ min: 40, max: 200 }),
    height: fc.integer({ min: 2, max: 40 }),
    upTo: fc.double({ min: 0, max: 1, noNaN: true }),
});

property.prop([drawn])(
    'whatever the names and whenever, no line is wider than the terminal and no frame higher',
    ({ names, reason, width, height, upTo }) => {
        const all = names.map((_, i) => vm(`v${i}`, 'kvm-a', { memory: bytes(256 * mebibyte) }));
        const moves = names.map((name, i) => {
            const guest = all[i] ?? vm('x', 'kvm-a');
            return move(guest, 'kvm-b', {
                vm: { uuid: guest.uuid, name },
                because: [{ text: reason, range: at(3, 2) }],
                after: i > 2 ? ['v0-move'] : [],
            });
        });
        const here = snapshot([host('kvm-a'), host('kvm-b')], all);
        const odd = planOf(here, moves, { instances: [instance({ requires: [promise('duration', 3000)] })], warnings: [{ text: reason }] });
        const played = simulate(odd, here, { now: noon, seed: 1 });
        const seen = played.slice(0, Math.ceil(played.length * upTo));
        const frame = progressLines(seen.reduce(progressOf, nothingYet), { width, height, palette: ansiColours });
        expect(frame.length).toBeLessThanOrEqual(height);
        const text = [planText(odd, { width, actions: true }), reportText(reportOf(seen), { width }), ...frame].join('\n');
        expect(Math.max(...text.split('\n').map(widthOf))).toBeLessThanOrEqual(width);
    },
);
